import Foundation
import Postgres
import ServiceKit

/// Clients and API keys; never with their digests.
extension Store {
    private static let createClient: Statement = """
        INSERT INTO clients (client_id, name, secret_digest, scopes) VALUES ($1, $2, $3, $4)
        RETURNING id, client_id, name, scopes, created_at
        """

    func createClient(
        _ clientID: String, _ new: NewClient, secretDigest: [UInt8], in transaction: PostgresTransaction
    ) async throws(PostgresError) -> Client {
        let binds: [any PostgresBindable] = [clientID, new.name, secretDigest, new.scopes]
        guard let client = try Self.clients(await transaction.query(Self.createClient, binds)).first
        else { throw Self.noRow }
        return client
    }

    private static let listClients: Statement = """
        SELECT id, client_id, name, scopes, created_at FROM clients WHERE id > $1 ORDER BY id LIMIT $2
        """

    func listClients(
        after: Int64, count: Int64, in database: any PostgresQuerying
    ) async throws(PostgresError) -> [Client] {
        try Self.clients(await database.query(Self.listClients, [after, count]))
    }

    private static let shareClient: Statement = """
        SELECT id, client_id, name, scopes, created_at FROM clients
        WHERE client_id = $1 AND secret_digest = $2 FOR SHARE
        """

    /// The client that has this secret, which nobody deletes until the end of the transaction. The digest of 256 random
    /// bits may be compared in any time.
    func shareClient(
        _ clientID: String, secretDigest: [UInt8], in transaction: PostgresTransaction
    ) async throws(PostgresError) -> Client? {
        try Self.clients(await transaction.query(Self.shareClient, [clientID, secretDigest])).first
    }

    private static let deleteClient: Statement = """
        DELETE FROM clients WHERE id = $1 RETURNING id, client_id, name, scopes, created_at
        """

    func deleteClient(_ id: Int64, in transaction: PostgresTransaction) async throws(PostgresError) -> Client? {
        try Self.clients(await transaction.query(Self.deleteClient, [id])).first
    }

    private static func clients(_ rows: PostgresRows) throws(PostgresError) -> [Client] {
        var clients: [Client] = []
        for row in rows {
            let (id, clientID, name, scopes, createdAt) = try row.decode(
                Int64.self, String.self, String.self, [String].self, Date.self)
            clients.append(
                Client(id: id, clientID: clientID, name: name, scopes: scopes, createdAt: Timestamp(createdAt)))
        }
        return clients
    }

    // MARK: - API keys

    private static let createAPIKey: Statement = """
        INSERT INTO api_keys (account_id, name, digest, scopes, expires_at) VALUES ($1, $2, $3, $4, $5)
        RETURNING id, account_id, name, scopes, expires_at, created_at
        """

    /// Adds a key to a locked account.
    func createAPIKey(
        _ new: NewAPIKey, account: Int64, digest: [UInt8], in transaction: PostgresTransaction
    ) async throws(PostgresError) -> APIKey {
        let binds: [any PostgresBindable] = [account, new.name, digest, new.scopes, new.expiresAt?.date]
        guard let key = try Self.apiKeys(await transaction.query(Self.createAPIKey, binds)).first
        else { throw Self.noRow }
        return key
    }

    private static let listAPIKeys: Statement = """
        SELECT id, account_id, name, scopes, expires_at, created_at FROM api_keys
        WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3
        """

    func listAPIKeys(
        of account: Int64, after: Int64, count: Int64, in database: any PostgresQuerying
    ) async throws(PostgresError) -> [APIKey] {
        try Self.apiKeys(await database.query(Self.listAPIKeys, [account, after, count]))
    }

    private static let findAPIKey: Statement = """
        SELECT id, account_id, name, scopes, expires_at, created_at FROM api_keys WHERE id = $1
        """

    func findAPIKey(_ id: Int64, in database: any PostgresQuerying) async throws(PostgresError) -> APIKey? {
        try Self.apiKeys(await database.query(Self.findAPIKey, [id])).first
    }

    private static let findAPIKeyByDigest: Statement = """
        SELECT id, account_id, name, scopes, expires_at, created_at FROM api_keys WHERE digest = $1
        """

    func findAPIKey(
        digest: [UInt8], in database: any PostgresQuerying
    ) async throws(PostgresError) -> APIKey? {
        try Self.apiKeys(await database.query(Self.findAPIKeyByDigest, [digest])).first
    }

    private static let deleteAPIKey: Statement = "DELETE FROM api_keys WHERE id = $1"

    /// - Returns: Whether it was there.
    func deleteAPIKey(_ id: Int64, in transaction: PostgresTransaction) async throws(PostgresError) -> Bool {
        try await transaction.execute(Self.deleteAPIKey, [id]) == 1
    }

    private static func apiKeys(_ rows: PostgresRows) throws(PostgresError) -> [APIKey] {
        var keys: [APIKey] = []
        for row in rows {
            let (id, account, name, scopes, expiresAt, createdAt) = try row.decode(
                Int64.self, Int64.self, String.self, [String].self, Date?.self, Date.self)
            keys.append(
                APIKey(
                    id: id, accountID: account, name: name, scopes: scopes,
                    expiresAt: expiresAt.map { Timestamp($0) }, createdAt: Timestamp(createdAt)))
        }
        return keys
    }
}
