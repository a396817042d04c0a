import Postgres
import ServiceKit

/// What is known about tokens that somebody has: introspection (RFC 7662) and revocation (RFC 7009).
struct Tokens: Sendable {
    let resources: Resources

    private var store: Store { resources.store }
    private var database: PostgresPool { resources.database }

    /// Who an access token is of, if it is good: signed by us, not expired, not revoked.
    func introspect(_ token: String) async throws -> Caller? {
        guard let caller = try await caller(of: token), let issuedAt = caller.issuedAt else { return nil }
        let isRevoked = try await store.isRevoked(
            tokenID: caller.tokenID, subject: caller.subject, issuedAt: Int64(issuedAt), in: database)
        return isRevoked ? nil : caller
    }

    /// Revokes an access token, or a refresh token with its family. An unknown one is as good as revoked (RFC 7009 §2.2).
    ///
    /// - Throws: ``Refusal/notAllowed`` for a token of somebody else, unless an administrator asks.
    func revoke(_ token: String, by requester: Requester) async throws {
        let sessions = Sessions(resources: resources)
        if let found = try await store.findFamily(ofToken: OpaqueToken.digest(of: token), in: database) {
            try requester.require(ownerOf: found.account)
            try await sessions.end(found, and: nil, by: requester)
        } else if let caller = try await caller(of: token) {
            guard caller.subject == requester.subject || requester.mayAdminister() else { throw Refusal.notAllowed }
            try await sessions.end(nil, and: caller, by: requester)
        }
    }

    /// - Returns: nil for what is no good token of ours.
    private func caller(of token: String) async throws -> Caller? {
        // The verifier gets its keys when they are read, which may not have happened yet.
        _ = try await resources.keys.ring()
        do throws(TokenRefusal) {
            return try await resources.verifier.verify(token)
        } catch {
            return nil
        }
    }
}
