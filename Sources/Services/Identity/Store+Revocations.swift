import Foundation
import Postgres
import ServiceKit

/// The feed of what ended before its time.
extension Store {
    private static let takePositions: Statement = """
        UPDATE revocation_feed SET position = position + $1 RETURNING position
        """

    /// Takes so many positions; whoever else wants some waits for the end of this transaction.
    ///
    /// - Returns: The position before the first one.
    private func takePositions(
        _ count: Int, in transaction: PostgresTransaction
    ) async throws(PostgresError) -> Int64 {
        guard let row = try await transaction.query(Self.takePositions, [Int64(count)]).first
        else { throw Self.noRow }
        return try row.decode(0, as: Int64.self) - Int64(count)
    }

    private static let revokeTokens: Statement = """
        INSERT INTO revocations (position, token_id, expires_at)
        SELECT $1 + number, id, expires_at
        FROM unnest($2::text[], $3::timestamptz[]) WITH ORDINALITY AS token (id, expires_at, number)
        WHERE NOT EXISTS (SELECT FROM revocations WHERE token_id = id)
        """

    /// Revokes single tokens, those that are not yet. The last thing in a transaction but for other revocations.
    func revoke(_ tokens: [IssuedToken], in transaction: PostgresTransaction) async throws(PostgresError) {
        guard !tokens.isEmpty else { return }
        let position = try await takePositions(tokens.count, in: transaction)
        try await transaction.execute(
            Self.revokeTokens, [position, tokens.map(\.id), tokens.map(\.expiresAt.date)])
    }

    private static let revokeSubjects: Statement = """
        INSERT INTO revocations (position, subject, issued_before, expires_at)
        SELECT $1 + number, subject, $3, $4 FROM unnest($2::text[]) WITH ORDINALITY AS revoked (subject, number)
        """

    /// Revokes all tokens of these subjects that were issued before.
    ///
    /// - Parameter expiresAt: When the last of them has expired.
    func revoke(
        subjects: [String], issuedBefore: Timestamp, expiresAt: Timestamp, in transaction: PostgresTransaction
    ) async throws(PostgresError) {
        guard !subjects.isEmpty else { return }
        let position = try await takePositions(subjects.count, in: transaction)
        try await transaction.execute(
            Self.revokeSubjects, [position, subjects, issuedBefore.date, expiresAt.date])
    }

    private static let readFeed: Statement = """
        SELECT feed.position, r.position, r.subject, r.issued_before, r.token_id, r.expires_at
        FROM revocation_feed AS feed
        LEFT JOIN LATERAL (
            SELECT position, subject, issued_before, token_id, expires_at FROM revocations
            WHERE position > $1 AND expires_at > now() ORDER BY position LIMIT $2) AS r ON true
        ORDER BY r.position
        """

    /// The entries after a position that can still matter, at most `count`, and the position of the feed's end.
    func revocations(
        after: Int64, count: Int, in database: any PostgresQuerying
    ) async throws(PostgresError) -> (entries: [Revocation], end: Int64) {
        var entries: [Revocation] = []
        var end: Int64 = 0
        for row in try await database.query(Self.readFeed, [after, Int64(count)]) {
            let (last, position, subject, issuedBefore, token, expiresAt) = try row.decode(
                Int64.self, Int64?.self, String?.self, Date?.self, String?.self, Date?.self)
            end = last
            guard let position, let expiresAt else { continue }
            let kind: Revocation.Kind
            if let subject, let issuedBefore {
                kind = .subject(subject, issuedBefore: Timestamp(issuedBefore))
            } else {
                kind = .token(token ?? "")
            }
            entries.append(Revocation(position: position, kind: kind, expiresAt: Timestamp(expiresAt)))
        }
        return (entries, end)
    }

    private static let isRevoked: Statement = """
        SELECT EXISTS (SELECT FROM revocations WHERE token_id = $1)
            OR EXISTS (SELECT FROM revocations WHERE subject = $2 AND issued_before > to_timestamp($3::bigint))
        """

    /// Whether a token was revoked, by itself or with its subject.
    ///
    /// - Parameter issuedAt: Its `iat`, in seconds since 1970.
    func isRevoked(
        tokenID: String?, subject: String, issuedAt: Int64, in database: any PostgresQuerying
    ) async throws(PostgresError) -> Bool {
        guard let row = try await database.query(Self.isRevoked, [tokenID, subject, issuedAt]).first
        else { throw Self.noRow }
        return try row.decode(0)
    }
}
