import Logging
import Metrics
import Postgres
import ServiceKit
import Telemetry

/// What the operations of identity stand on.
struct Resources: Sendable {
    let store = Store()
    let database: PostgresPool
    let logger: Logger
    let settings: IdentitySettings
    let hasher: PasswordHasher
    let throttle: Throttle
    let mint: TokenMint
    let tokenKeys: TokenKeys
    let verifier: TokenVerifier
    let keys: SigningKeys
    let mailroom: Mailroom

    init(platform: Platform, settings: IdentitySettings) {
        database = platform.database
        logger = platform.logger
        self.settings = settings
        hasher = PasswordHasher(
            parameters: settings.argon2, threads: settings.hashingThreads, queueLimit: settings.hashingQueueLimit)
        throttle = Throttle(
            store: store, database: platform.database, limits: settings.throttle,
            refused: Counter(label: "identity_attempts_refused", factory: platform.metrics),
            logger: platform.logger)
        mint = TokenMint(requirements: platform.tokens, lifetime: settings.accessTokenLifetime)
        tokenKeys = TokenKeys()
        verifier = TokenVerifier(keys: tokenKeys, requirements: platform.tokens)
        keys = SigningKeys(store: store, database: platform.database, settings: settings, published: tokenKeys)
        mailroom = Mailroom(logger: platform.logger, metrics: platform.metrics)
        Self.publish(hasher, in: platform.metrics)
    }

    private static func publish(_ hasher: PasswordHasher, in metrics: MetricsRegistry) {
        metrics.describe("identity_attempts_refused_total", "Attempts refused because there had been too many.")
        metrics.collect { collected in
            let statistics = hasher.statistics
            for (state, count) in [("running", statistics.running), ("waiting", statistics.waiting)] {
                collected.gauge(
                    "identity_passwords", "Passwords that are being hashed or wait for it.",
                    labels: [("state", state)], value: Double(count))
            }
            collected.counter(
                "identity_passwords_refused_total", "Passwords not hashed because too many were waiting.", labels: [],
                value: Double(statistics.refused))
        }
    }

    /// Who makes this call.
    ///
    /// - Throws: ``Refusal/revoked``, or `PostgresError`.
    func requester(of call: Call) async throws -> Requester {
        let requester = Requester(call.caller)
        try await confirm(requester, in: database)
        return requester
    }

    /// Looks again whether the requester's token is good: in a transaction, after its locks have been waited for.
    ///
    /// - Throws: ``Refusal/revoked``, or `PostgresError`.
    func confirm(_ requester: Requester, in database: any PostgresQuerying) async throws {
        let caller = requester.caller
        guard let issuedAt = caller.issuedAt.flatMap({ Int64(exactly: $0.rounded(.down)) }),
            try await !store.isRevoked(
                tokenID: caller.tokenID, subject: caller.subject, issuedAt: issuedAt, in: database)
        else { throw Refusal.revoked }
    }

    /// Ends what was locked or is ended by account: the access tokens of the families are revoked. Last in a transaction.
    func revokeTokens(
        ofFamilies families: [Int64], and others: [IssuedToken] = [], in transaction: PostgresTransaction
    ) async throws(PostgresError) {
        let live = families.isEmpty ? [] : try await store.liveAccessTokens(ofFamilies: families, in: transaction)
        let known = Set(live.map(\.id))
        try await store.revoke(live + others.filter { !known.contains($0.id) }, in: transaction)
    }

    /// Voids every token of an account and of its devices that was issued until now. Last in a transaction that has the
    /// account locked.
    func revokeEverything(of account: Account, in transaction: PostgresTransaction) async throws(PostgresError) {
        let now = try await store.now(in: transaction)
        let keys = try await store.listAPIKeys(
            of: account.id, after: 0, count: Int64(AccountLimits.apiKeys), in: transaction)
        try await store.setTokensFrom(now.followingSecond, account.id, in: transaction)
        try await store.revoke(
            subjects: [account.subject] + keys.map(\.subject), issuedBefore: now.followingSecond,
            expiresAt: mint.revocationEnd(ofTokensUntil: now), in: transaction)
    }
}
