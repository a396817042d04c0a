import Postgres
import ServiceKit

/// Machines and devices: their secrets, and the tokens that they get for them.
struct Machines: Sendable {
    let resources: Resources

    private var store: Store { resources.store }
    private var database: PostgresPool { resources.database }

    /// - Returns: The client, and its secret, which is not kept.
    func createClient(_ new: NewClient, by requester: Requester) async throws -> (Client, OpaqueToken) {
        try requester.requireAdministrator()
        let secret = OpaqueToken.generate(prefix: "gh_cs_")
        let clientID = String(OpaqueToken.generate(prefix: "").text.filter { $0 != "-" && $0 != "_" }.prefix(20))
        let client = try await database.withTransaction { transaction in
            try await resources.confirm(requester, in: transaction)
            let client = try await store.createClient(clientID, new, secretDigest: secret.digest, in: transaction)
            try await store.record(
                Change(actor: requester.subject, event: .clientCreated, subject: client.subject), in: transaction)
            return client
        }
        return (client, secret)
    }

    func deleteClient(_ id: Int64, by requester: Requester) async throws {
        try requester.requireAdministrator()
        try await database.withTransaction { transaction in
            let client = try await store.deleteClient(id, in: transaction)
            try await resources.confirm(requester, in: transaction)
            guard let client else { throw Refusal.noSuchClient(id) }
            try await store.record(
                Change(actor: requester.subject, event: .clientDeleted, subject: client.subject), in: transaction)
            try await revoke(client.subject, in: transaction)
        }
    }

    /// RFC 6749 §4.4.
    ///
    /// - Returns: nil when there is no client with this secret.
    func token(
        clientID: String, secret: String, scopes: [String]?
    ) async throws -> TokenMint.Minted? {
        let ring = try await resources.keys.ring()
        return try await database.withTransaction { transaction -> TokenMint.Minted? in
            let digest = OpaqueToken.digest(of: secret)
            guard let client = try await store.shareClient(clientID, secretDigest: digest, in: transaction) else {
                return nil
            }
            guard let granted = Grants.narrowed(client.scopes, to: scopes) else { throw Refusal.scopeNotGranted }
            let now = try await store.now(in: transaction)
            return try resources.mint.mint(
                subject: client.subject, scopes: granted, roles: [], now: now, earliest: nil, end: nil, with: ring)
        }
    }

    // MARK: - API keys

    /// - Returns: The key's row, and the key, which is not kept.
    func createAPIKey(_ new: NewAPIKey, by requester: Requester) async throws -> (APIKey, OpaqueToken) {
        let id = try requester.account()
        let secret = OpaqueToken.generate(prefix: "gh_ak_")
        let key = try await database.withTransaction { transaction in
            guard let account = try await store.lock(id, in: transaction), account.isActive else {
                throw Refusal.revoked
            }
            try await resources.confirm(requester, in: transaction)
            // A token that was narrowed at sign-in must not be a way to wider ones.
            let allowed = account.grantedScopes.filter(requester.caller.scopes.contains)
            guard Grants.narrowed(allowed, to: new.scopes) != nil else { throw Refusal.keyScopesNotGranted }
            let limit = Int64(AccountLimits.apiKeys)
            let existing = try await store.listAPIKeys(of: id, after: 0, count: limit, in: transaction)
            guard existing.count < AccountLimits.apiKeys else { throw Refusal.tooManyAPIKeys }
            let key = try await store.createAPIKey(new, account: id, digest: secret.digest, in: transaction)
            try await store.record(
                Change(actor: requester.subject, event: .apiKeyCreated, subject: key.subject), in: transaction)
            return key
        }
        return (key, secret)
    }

    func deleteAPIKey(_ id: Int64, by requester: Requester) async throws {
        guard let found = try await store.findAPIKey(id, in: database) else { throw Refusal.noSuchAPIKey(id) }
        try requester.require(ownerOf: found.accountID)
        try await database.withTransaction { transaction in
            let owner = try await store.lock(found.accountID, in: transaction)
            try await resources.confirm(requester, in: transaction)
            guard owner != nil, try await store.deleteAPIKey(id, in: transaction) else {
                throw Refusal.noSuchAPIKey(id)
            }
            try await store.record(
                Change(actor: requester.subject, event: .apiKeyDeleted, subject: found.subject), in: transaction)
            try await revoke(found.subject, in: transaction)
        }
    }

    /// An access token for a device: what its key may and its owner still may.
    ///
    /// - Returns: nil when the key is unknown or expired, or its owner may not sign in.
    func token(apiKey: String, scopes: [String]?) async throws -> TokenMint.Minted? {
        let ring = try await resources.keys.ring()
        let digest = OpaqueToken.digest(of: apiKey)
        guard let found = try await store.findAPIKey(digest: digest, in: database) else { return nil }
        return try await database.withTransaction { transaction -> TokenMint.Minted? in
            // Deleting a key locks its account: the key that is still there then stays until we are done.
            guard let account = try await store.share(found.accountID, in: transaction),
                let key = try await store.findAPIKey(digest: digest, in: transaction)
            else { return nil }
            let now = try await store.now(in: transaction)
            guard account.maySignIn(at: now), key.expiresAt.map({ now < $0 }) ?? true else { return nil }
            let allowed = key.scopes.filter(account.grantedScopes.contains)
            guard let granted = Grants.narrowed(allowed, to: scopes) else { throw Refusal.scopeNotGranted }
            let ends = [key.expiresAt, account.validThru].compactMap(\.self)
            return try resources.mint.mint(
                subject: key.subject, scopes: granted, roles: [], now: now, earliest: account.tokensFrom,
                end: ends.min(), with: ring)
        }
    }

    /// Voids the tokens of a machine or device that will not get any more.
    private func revoke(_ subject: String, in transaction: PostgresTransaction) async throws(PostgresError) {
        let now = try await store.now(in: transaction)
        try await store.revoke(
            subjects: [subject], issuedBefore: now.followingSecond,
            expiresAt: resources.mint.revocationEnd(ofTokensUntil: now), in: transaction)
    }
}
