import Postgres

/// Rows that cannot matter any more, a thousand at a time.
extension Store {
    private static let statements: [Statement] = [
        "DELETE FROM attempts WHERE ctid = ANY(ARRAY(SELECT ctid FROM attempts WHERE ends_at < now() LIMIT 1000))",
        """
        DELETE FROM one_time_tokens WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM one_time_tokens WHERE expires_at < now() LIMIT 1000))
        """,
        """
        DELETE FROM revocations WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM revocations WHERE expires_at < now() LIMIT 1000))
        """,
        """
        DELETE FROM refresh_families WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM refresh_families WHERE expires_at < now() OR ended_at < now() - interval '1 hour'
            LIMIT 1000))
        """,
        "DELETE FROM api_keys WHERE ctid = ANY(ARRAY(SELECT ctid FROM api_keys WHERE expires_at < now() LIMIT 1000))",
        """
        DELETE FROM signing_keys WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM signing_keys WHERE retire_at < now() - interval '1 day' LIMIT 1000))
        """,
    ]

    /// Deletes what has expired.
    ///
    /// - Returns: How many rows; at most 100,000 of a kind in one run.
    func clean(in database: any PostgresQuerying) async throws(PostgresError) -> Int {
        var total = 0
        for statement in Self.statements {
            for _ in 0..<100 {
                let deleted = try await database.execute(statement)
                total += deleted
                if deleted < 1_000 { break }
            }
        }
        return total
    }
}
