import Postgres

/// Rows that cannot matter any more, a thousand at a time.
extension Store {
    /// A family goes when its last access token, which may have to be revoked, has long expired: its refresh tokens first,
    /// of which it may have thousands, then the family that has none left. Deleting a family that has some would delete
    /// them in the same statement, however many. The private part of a retired key goes, its row stays: a key from a file
    /// is imported once.
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
        DELETE FROM refresh_tokens WHERE ctid = ANY(ARRAY(
            SELECT t.ctid FROM refresh_families AS f CROSS JOIN LATERAL (
                SELECT ctid FROM refresh_tokens WHERE family_id = f.id LIMIT 1000 FOR UPDATE SKIP LOCKED) AS t
            WHERE f.expires_at < now() - interval '2 hours' OR f.ended_at < now() - interval '2 hours'
            LIMIT 1000))
        """,
        """
        DELETE FROM refresh_families WHERE ctid = ANY(ARRAY(
            SELECT f.ctid FROM refresh_families AS f
            WHERE (f.expires_at < now() - interval '2 hours' OR f.ended_at < now() - interval '2 hours')
                AND NOT EXISTS (SELECT FROM refresh_tokens AS t WHERE t.family_id = f.id)
            LIMIT 1000 FOR UPDATE OF f SKIP LOCKED))
        """,
        "DELETE FROM api_keys WHERE ctid = ANY(ARRAY(SELECT ctid FROM api_keys WHERE expires_at < now() LIMIT 1000))",
        """
        UPDATE signing_keys SET sealed_private = '\\x'
        WHERE retire_at < now() - interval '1 day' AND sealed_private <> '\\x'
        """,
    ]

    /// Deletes what has expired, and empties retired signing keys.
    ///
    /// - Returns: How many rows: at most 100,000 of a kind are deleted in one run, the rest in the next ones. Signing keys
    ///   are few, and are emptied all at once.
    func clean(in database: any PostgresQuerying) async throws(PostgresError) -> Int {
        var total = 0
        for statement in Self.statements {
            for _ in 0..<100 {
                let changed = try await database.execute(statement)
                total += changed
                if changed < 1_000 { break }
            }
        }
        return total
    }
}
