import Foundation
import Postgres
import ServiceKit

/// Refresh families and their tokens.
extension Store {
    private static let beginFamily: Statement = """
        INSERT INTO refresh_families (account_id, scopes, expires_at) VALUES ($1, $2, $3) RETURNING id
        """

    func beginFamily(
        account: Int64, scopes: [String]?, expiresAt: Timestamp, in transaction: PostgresTransaction
    ) async throws(PostgresError) -> Int64 {
        guard let row = try await transaction.query(Self.beginFamily, [account, scopes, expiresAt.date]).first
        else { throw Self.noRow }
        return try row.decode(0)
    }

    private static let addToken: Statement = """
        INSERT INTO refresh_tokens (digest, family_id, access_token_id, access_expires_at) VALUES ($1, $2, $3, $4)
        """

    /// Adds the live token of a family that has none. That there is only one, is the database's rule.
    func addToken(
        _ digest: [UInt8], family: Int64, access: IssuedToken, in transaction: PostgresTransaction
    ) async throws(PostgresError) {
        try await transaction.execute(Self.addToken, [digest, family, access.id, access.expiresAt.date])
    }

    private static let findFamily: Statement = """
        SELECT f.id, f.account_id FROM refresh_tokens AS t JOIN refresh_families AS f ON f.id = t.family_id
        WHERE t.digest = $1
        """

    /// Which family a token is of, and which account that is of.
    func findFamily(
        ofToken digest: [UInt8], in database: any PostgresQuerying
    ) async throws(PostgresError) -> (family: Int64, account: Int64)? {
        guard let row = try await database.query(Self.findFamily, [digest]).first else { return nil }
        let (family, account) = try row.decode(Int64.self, Int64.self)
        return (family, account)
    }

    private static let lockFamily: Statement = """
        SELECT id, account_id, scopes, ended_at IS NOT NULL, expires_at FROM refresh_families WHERE id = $1 FOR UPDATE
        """

    /// Locks a family until the end of the transaction; its account is locked before.
    func lockFamily(_ id: Int64, in transaction: PostgresTransaction) async throws(PostgresError) -> RefreshFamily? {
        guard let row = try await transaction.query(Self.lockFamily, [id]).first else { return nil }
        let (id, account, scopes, hasEnded, expiresAt) = try row.decode(
            Int64.self, Int64.self, [String]?.self, Bool.self, Date.self)
        return RefreshFamily(
            id: id, accountID: account, scopes: scopes, hasEnded: hasEnded, expiresAt: Timestamp(expiresAt))
    }

    private static let isUsed: Statement = "SELECT used_at IS NOT NULL FROM refresh_tokens WHERE digest = $1"

    /// Whether a token of a locked family was used; nil when it is not there any more.
    func isUsed(_ digest: [UInt8], in transaction: PostgresTransaction) async throws(PostgresError) -> Bool? {
        try await transaction.query(Self.isUsed, [digest]).first?.decode(0)
    }

    private static let useToken: Statement = """
        UPDATE refresh_tokens SET used_at = now() WHERE digest = $1 AND used_at IS NULL
        """

    func useToken(_ digest: [UInt8], in transaction: PostgresTransaction) async throws(PostgresError) {
        try await transaction.execute(Self.useToken, [digest])
    }

    private static let endFamily: Statement = """
        UPDATE refresh_families SET ended_at = now() WHERE id = $1 AND ended_at IS NULL RETURNING id
        """

    /// Ends a locked family.
    ///
    /// - Returns: The ids of what was ended.
    func endFamily(_ id: Int64, in transaction: PostgresTransaction) async throws(PostgresError) -> [Int64] {
        try await ids(Self.endFamily, [id], in: transaction)
    }

    private static let endFamilies: Statement = """
        WITH kept AS (SELECT family_id FROM refresh_tokens WHERE access_token_id = $2)
        UPDATE refresh_families SET ended_at = now()
        WHERE account_id = $1 AND ended_at IS NULL AND id NOT IN (SELECT family_id FROM kept)
        RETURNING id
        """

    /// Ends the families of a locked account.
    ///
    /// - Parameter kept: The `jti` of an access token whose family goes on.
    /// - Returns: The ids of what was ended.
    func endFamilies(
        of account: Int64, except kept: String?, in transaction: PostgresTransaction
    ) async throws(PostgresError) -> [Int64] {
        try await ids(Self.endFamilies, [account, kept ?? ""], in: transaction)
    }

    private static let liveAccessTokens: Statement = """
        SELECT access_token_id, access_expires_at FROM refresh_tokens
        WHERE family_id = ANY($1) AND access_expires_at > clock_timestamp()
        """

    /// The access tokens that were issued in these families and have not expired.
    func liveAccessTokens(
        ofFamilies ids: [Int64], in transaction: PostgresTransaction
    ) async throws(PostgresError) -> [IssuedToken] {
        var tokens: [IssuedToken] = []
        for row in try await transaction.query(Self.liveAccessTokens, [ids]) {
            let (id, expiresAt) = try row.decode(String.self, Date.self)
            tokens.append(IssuedToken(id: id, expiresAt: Timestamp(expiresAt)))
        }
        return tokens
    }

    private func ids(
        _ statement: Statement, _ binds: [any PostgresBindable], in transaction: PostgresTransaction
    ) async throws(PostgresError) -> [Int64] {
        var ids: [Int64] = []
        for row in try await transaction.query(statement, binds) { ids.append(try row.decode(0)) }
        return ids
    }
}
