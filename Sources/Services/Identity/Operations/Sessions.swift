import Logging
import Postgres
import ServiceKit

/// Sign-in, refresh, sign-out.
struct Sessions: Sendable {
    let resources: Resources

    private var store: Store { resources.store }
    private var database: PostgresPool { resources.database }

    /// Signs in.
    ///
    /// Unknown address, wrong password and an account that may not sign in give the same answer; the first two also take
    /// the same time: one hash, compared with a dummy when there is none.
    ///
    /// - Parameter scopes: What is asked for; nil: everything that the account may.
    func signIn(
        _ email: EmailAddress, password: Password, scopes: [String]?, from address: String
    ) async throws -> TokenPair {
        let ring = try await resources.keys.ring()
        let counters = resources.throttle.signIn(email, from: address)
        try await resources.throttle.count(counters)
        let known = try await store.findCredential(email, in: database)
        let verification: PasswordHasher.Verification
        do {
            verification = try await resources.hasher.verify(password.text, against: known?.hash.encoded)
        } catch {
            // Not a guess: nobody looked at it.
            await resources.throttle.forgive(counters)
            throw error
        }
        guard verification.matches, let known else { throw Refusal.signInRefused }
        let rehashed = verification.needsRehash ? try await rehash(password) : nil
        do {
            let pair = try await database.withTransaction { transaction in
                try await begin(
                    known.account, proof: known.hash, rehashed: rehashed, scopes: scopes, ring: ring, in: transaction)
            }
            await resources.throttle.succeeded(counters)
            return pair
        } catch Refusal.scopeNotGranted {
            // The password was right.
            await resources.throttle.succeeded(counters)
            throw Refusal.scopeNotGranted
        }
    }

    /// A hash with today's parameters. When there is no time for it, the next sign-in does it.
    private func rehash(_ password: Password) async throws -> PasswordHash? {
        do throws(HashingError) {
            return PasswordHash(encoded: try await resources.hasher.hash(password.text))
        } catch {
            resources.logger.info("a password was not hashed anew", metadata: ["reason": "\(error)"])
            return nil
        }
    }

    private func begin(
        _ id: Int64, proof: PasswordHash, rehashed: PasswordHash?, scopes: [String]?, ring: KeyRing,
        in transaction: PostgresTransaction
    ) async throws -> TokenPair {
        // Whoever changes the password or deactivates the account either waits for us or was before us: then the hash is
        // another one, or the account may not sign in.
        guard let account = try await store.share(id, in: transaction),
            try await store.findCredential(of: id, in: transaction) == proof
        else { throw Refusal.signInRefused }
        let now = try await store.now(in: transaction)
        guard account.maySignIn(at: now) else { throw Refusal.signInRefused }
        guard let granted = Grants.narrowed(account.grantedScopes, to: scopes) else { throw Refusal.scopeNotGranted }
        let family = try await store.beginFamily(
            account: id, scopes: scopes, expiresAt: now.advanced(by: resources.settings.refreshTokenLifetime),
            in: transaction)
        if let rehashed {
            _ = try await store.replaceCredential(of: id, by: rehashed, known: proof, in: transaction)
        }
        try await store.record(
            Change(actor: account.subject, event: .sessionBegan, subject: account.subject), in: transaction)
        return try await issue(account, scopes: granted, family: family, now: now, ring: ring, in: transaction)
    }

    /// Adds a pair of tokens to a locked family without a live one.
    private func issue(
        _ account: Account, scopes: [String], family: Int64, now: Timestamp, ring: KeyRing,
        in transaction: PostgresTransaction
    ) async throws -> TokenPair {
        let access = try resources.mint.mint(
            subject: account.subject, scopes: scopes, roles: account.roles, now: now, earliest: account.tokensFrom,
            end: account.validThru, with: ring)
        let refresh = OpaqueToken.generate(prefix: "gh_rt_")
        try await store.addToken(refresh.digest, family: family, access: access.issued, in: transaction)
        return TokenPair(access: access, refresh: refresh)
    }

    /// Takes a refresh token for a new pair. Of several at a time with the same token one gets it, and its family ends by
    /// the next: never are there two live children.
    func refresh(_ token: String) async throws -> TokenPair {
        let ring = try await resources.keys.ring()
        let digest = OpaqueToken.digest(of: token)
        guard let found = try await store.findFamily(ofToken: digest, in: database) else {
            throw Refusal.refreshTokenInvalid
        }
        try await resources.throttle.count(resources.throttle.refresh(of: found.account))
        // A refusal is returned, not thrown: what a reuse ends must stay ended.
        let pair: TokenPair? = try await database.withTransaction { transaction in
            guard let account = try await store.share(found.account, in: transaction),
                let family = try await store.lockFamily(found.family, in: transaction),
                let isUsed = try await store.isUsed(digest, in: transaction)
            else { return nil }
            let now = try await store.now(in: transaction)
            switch RefreshDecision(isUsed: isUsed, hasEnded: family.hasEnded, expiresAt: family.expiresAt, now: now) {
            case .refuse: return nil
            case .endFamily:
                try await end(family, event: .sessionReused, actor: Change.anonymous, in: transaction)
                return nil
            case .rotate:
                guard account.maySignIn(at: now) else { return nil }
                try await store.useToken(digest, in: transaction)
                try await store.record(
                    Change(actor: account.subject, event: .sessionRefreshed, subject: account.subject),
                    in: transaction)
                let scopes = account.grantedScopes.filter { family.scopes?.contains($0) ?? true }
                return try await issue(
                    account, scopes: scopes, family: family.id, now: now, ring: ring, in: transaction)
            }
        }
        guard let pair else { throw Refusal.refreshTokenInvalid }
        return pair
    }

    /// Ends the family of a refresh token, if it is the requester's, and the access token that was presented.
    func signOut(_ token: String, by requester: Requester) async throws {
        let found = try await store.findFamily(ofToken: OpaqueToken.digest(of: token), in: database)
        try await end(
            found.flatMap { $0.account == requester.accountID ? $0 : nil }, and: requester.caller, by: requester)
    }

    /// Ends a family and a token, as far as they are there.
    func end(
        _ found: (family: Int64, account: Int64)?, and token: Caller?, by requester: Requester
    ) async throws {
        try await database.withTransaction { transaction in
            var families: [Int64] = []
            if let found, try await store.share(found.account, in: transaction) != nil,
                try await store.lockFamily(found.family, in: transaction) != nil
            {
                families = try await store.endFamily(found.family, in: transaction)
            }
            // Whoever was demoted, deactivated or signed out while we waited ends nothing more.
            try await resources.confirm(requester, in: transaction)
            for _ in families {
                try await store.record(
                    Change(
                        actor: requester.subject, event: .sessionEnded, subject: found.map { String($0.account) } ?? ""),
                    in: transaction)
            }
            var others: [IssuedToken] = []
            if let token, let id = token.tokenID, let expiry = token.expiresAt {
                others = [IssuedToken(id: id, expiresAt: resources.mint.revocationEnd(tokenExpiry: Int64(expiry) + 1))]
                try await store.record(
                    Change(actor: requester.subject, event: .tokenRevoked, subject: token.subject), in: transaction)
            }
            try await resources.revokeTokens(ofFamilies: families, and: others, in: transaction)
        }
    }

    private func end(
        _ family: RefreshFamily, event: Change.Event, actor: String, in transaction: PostgresTransaction
    ) async throws {
        let ended = try await store.endFamily(family.id, in: transaction)
        try await store.record(
            Change(actor: actor, event: event, subject: String(family.accountID)), in: transaction)
        try await resources.revokeTokens(ofFamilies: ended, in: transaction)
    }
}
