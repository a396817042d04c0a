import Foundation
import Postgres
import ServiceKit

/// The keys that sign.
extension Store {
    /// A signing key's row, its private part sealed.
    struct StoredKey: Sendable {
        let scheduled: ScheduledKey
        let publicJWK: String
        let sealed: [UInt8]
    }

    private static let lockKeys: Statement = "SELECT pg_advisory_xact_lock(hashtext('identity signing keys'))"

    /// Keeps other replicas from changing keys until the end of the transaction.
    func lockKeys(in transaction: PostgresTransaction) async throws(PostgresError) {
        _ = try await transaction.query(Self.lockKeys)
    }

    private static let readKeys: Statement = """
        SELECT kid, algorithm, public_jwk, sealed_private, active_from, retire_at
        FROM signing_keys ORDER BY active_from, kid
        """

    func keys(in database: any PostgresQuerying) async throws(PostgresError) -> [StoredKey] {
        var keys: [StoredKey] = []
        for row in try await database.query(Self.readKeys) {
            let (kid, name, jwk, sealed, activeFrom, retireAt) = try row.decode(
                String.self, String.self, String.self, [UInt8].self, Date.self, Date?.self)
            guard let algorithm = SigningAlgorithm(rawValue: name) else {
                throw PostgresError(.decodingFailure, "column algorithm: not an algorithm")
            }
            let scheduled = ScheduledKey(
                kid: kid, algorithm: algorithm, activeFrom: Timestamp(activeFrom),
                retireAt: retireAt.map { Timestamp($0) })
            keys.append(StoredKey(scheduled: scheduled, publicJWK: jwk, sealed: sealed))
        }
        return keys
    }

    private static let addKey: Statement = """
        INSERT INTO signing_keys (kid, algorithm, public_jwk, sealed_private, active_from) VALUES ($1, $2, $3, $4, $5)
        """

    private static let retireKeys: Statement = """
        UPDATE signing_keys SET retire_at = GREATEST($1, active_from + interval '1 second') WHERE retire_at IS NULL
        """

    /// Adds a key; those before it stay published until `predecessorsRetireAt`.
    func addKey(
        _ key: SigningKey, sealed: [UInt8], activeFrom: Timestamp, predecessorsRetireAt: Timestamp,
        in transaction: PostgresTransaction
    ) async throws(PostgresError) {
        try await transaction.execute(Self.retireKeys, [predecessorsRetireAt.date])
        try await transaction.execute(
            Self.addKey, [key.kid, key.algorithm.rawValue, key.publicJWK, sealed, activeFrom.date])
    }
}
