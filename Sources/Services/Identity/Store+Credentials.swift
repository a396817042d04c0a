import Foundation
import Postgres
import ServiceKit

/// What a person proves to be the account's owner with: hashes, and digests of tokens that were sent.
extension Store {
    private static let createCredential: Statement = """
        INSERT INTO credentials (account_id, password_hash) VALUES ($1, $2)
        """

    func createCredential(
        _ hash: PasswordHash, for account: Int64, in transaction: PostgresTransaction
    ) async throws(PostgresError) {
        try await transaction.execute(Self.createCredential, [account, hash.encoded])
    }

    private static let findCredential: Statement = """
        SELECT a.id, c.password_hash FROM accounts AS a JOIN credentials AS c ON c.account_id = a.id
        WHERE lower(a.email_key) = lower($1)
        """

    func findCredential(
        _ email: EmailAddress, in database: any PostgresQuerying
    ) async throws(PostgresError) -> (account: Int64, hash: PasswordHash)? {
        guard let row = try await database.query(Self.findCredential, [email.key]).first else { return nil }
        let (account, hash) = try row.decode(Int64.self, String.self)
        return (account, PasswordHash(encoded: hash))
    }

    private static let findCredentialOfAccount: Statement = """
        SELECT password_hash FROM credentials WHERE account_id = $1
        """

    func findCredential(
        of account: Int64, in database: any PostgresQuerying
    ) async throws(PostgresError) -> PasswordHash? {
        guard let row = try await database.query(Self.findCredentialOfAccount, [account]).first else { return nil }
        return PasswordHash(encoded: try row.decode(0))
    }

    private static let replaceCredential: Statement = """
        UPDATE credentials SET password_hash = $2, changed_at = now()
        WHERE account_id = $1 AND ($3::text IS NULL OR password_hash = $3)
        """

    /// Sets a hash.
    ///
    /// - Parameter known: Only if this is still the hash; nil: whatever it is.
    /// - Returns: Whether it was set.
    func replaceCredential(
        of account: Int64, by hash: PasswordHash, known: PasswordHash?, in transaction: PostgresTransaction
    ) async throws(PostgresError) -> Bool {
        try await transaction.execute(Self.replaceCredential, [account, hash.encoded, known?.encoded]) == 1
    }

    // MARK: - Tokens of messages

    private static let putMessageToken: Statement = """
        INSERT INTO one_time_tokens (account_id, purpose, digest, expires_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT ON CONSTRAINT one_time_tokens_pkey
            DO UPDATE SET digest = excluded.digest, expires_at = excluded.expires_at
        """

    /// Keeps the digest of a message's token in place of an earlier one.
    func putMessageToken(
        _ digest: [UInt8], for purpose: MessagePurpose, account: Int64, expiresAt: Timestamp,
        in transaction: PostgresTransaction
    ) async throws(PostgresError) {
        try await transaction.execute(
            Self.putMessageToken, [account, purpose.rawValue, digest, expiresAt.date])
    }

    private static let hasMessageToken: Statement = """
        SELECT EXISTS (SELECT FROM one_time_tokens WHERE account_id = $1 AND purpose = $2 AND expires_at > $3)
        """

    /// Whether a locked account has a message's token that is good until later than `expiry`.
    func hasMessageToken(
        for purpose: MessagePurpose, account: Int64, later expiry: Timestamp, in transaction: PostgresTransaction
    ) async throws(PostgresError) -> Bool {
        let binds: [any PostgresBindable] = [account, purpose.rawValue, expiry.date]
        guard let row = try await transaction.query(Self.hasMessageToken, binds).first else { throw Self.noRow }
        return try row.decode(0)
    }

    private static let findMessageToken: Statement = """
        SELECT account_id FROM one_time_tokens WHERE digest = $1 AND purpose = $2 AND expires_at > now()
        """

    /// The account that a message's token is for; nil when it is not valid any more.
    func findMessageToken(
        _ digest: [UInt8], for purpose: MessagePurpose, in database: any PostgresQuerying
    ) async throws(PostgresError) -> Int64? {
        try await database.query(Self.findMessageToken, [digest, purpose.rawValue]).first?.decode(0)
    }

    private static let takeMessageToken: Statement = """
        DELETE FROM one_time_tokens
        WHERE digest = $1 AND purpose = $2 AND account_id = $3 AND expires_at > clock_timestamp()
        """

    /// Uses up a message's token of a locked account.
    ///
    /// - Returns: Whether it was there: of several at a time, one gets it.
    func takeMessageToken(
        _ digest: [UInt8], for purpose: MessagePurpose, account: Int64, in transaction: PostgresTransaction
    ) async throws(PostgresError) -> Bool {
        try await transaction.execute(Self.takeMessageToken, [digest, purpose.rawValue, account]) == 1
    }

    private static let dropMessageTokens: Statement = "DELETE FROM one_time_tokens WHERE account_id = $1"

    func dropMessageTokens(of account: Int64, in transaction: PostgresTransaction) async throws(PostgresError) {
        try await transaction.execute(Self.dropMessageTokens, [account])
    }
}
