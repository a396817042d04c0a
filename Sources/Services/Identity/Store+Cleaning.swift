import Postgres

/// Rows that cannot matter any more, a thousand at a time.
extension Store {
    /// A family goes when its last access token, which may have to be revoked, has long expired. The private part of a
    /// retired key goes, its row stays: a key from a file is imported once.
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
            SELECT ctid FROM refresh_families
            WHERE expires_at < now() - interval '2 hours' OR ended_at < now() - interval '2 hours'
            LIMIT 1000 FOR UPDATE SKIP LOCKED))
        """,
        "DELETE FROM api_keys WHERE ctid = ANY(ARRAY(SELECT ctid FROM api_keys WHERE expires_at < now() LIMIT 1000))",
        """
        UPDATE signing_keys SET sealed_private = '\\x'
        WHERE retire_at < now() - interval '1 day' AND sealed_private <> '\\x'
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
