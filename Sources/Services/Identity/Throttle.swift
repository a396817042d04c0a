import Metrics
import Postgres
import ServiceKit

/// How many attempts there may be in a window.
struct ThrottleLimits: Sendable, Hashable {
    let account: Int
    let address: Int
    let window: Duration
}

/// Counts attempts in the database.
struct Throttle: Sendable {
    let store: Store
    let database: PostgresPool
    let limits: ThrottleLimits
    /// Attempts that were refused because there had been too many.
    let refused: Counter

    /// The counters of a sign-in: first the address's, so that one that is refused does not count for the account.
    func signIn(_ email: EmailAddress, from address: String) -> [AttemptCounter] {
        [
            AttemptCounter(.signInAddress, address, limit: limits.address),
            AttemptCounter(.signInAccount, email.key, limit: limits.account),
        ]
    }

    func registration(from address: String) -> [AttemptCounter] {
        [AttemptCounter(.registrationAddress, address, limit: limits.address)]
    }

    func message(from address: String) -> [AttemptCounter] {
        [AttemptCounter(.messageAddress, address, limit: limits.address)]
    }

    func message(to email: EmailAddress) -> [AttemptCounter] {
        [AttemptCounter(.messageAccount, email.key, limit: limits.account)]
    }

    /// Counts an attempt.
    ///
    /// - Throws: ``Refusal/tooManyAttempts(retryAfterSeconds:)``, or `PostgresError`.
    func count(_ counters: [AttemptCounter]) async throws {
        for counter in counters {
            let count = try await store.count(counter, window: limits.window, in: database)
            guard let refusal = count.refusal(limit: counter.limit) else { continue }
            refused.increment()
            throw refusal
        }
    }

    /// The attempt could not be judged.
    func forgive(_ counters: [AttemptCounter]) async throws(PostgresError) {
        try await store.forgive(counters, in: database)
    }

    /// The attempt was right: the address has one less, the account none any more.
    func succeeded(_ counters: [AttemptCounter]) async throws(PostgresError) {
        try await store.forgive(counters.dropLast(), in: database)
        if let last = counters.last { try await store.forget(last, in: database) }
    }
}
