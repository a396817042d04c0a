import Logging
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
    let logger: Logger

    /// How much more an account has from all addresses together than from one: whoever guesses at one address does not
    /// lock the owner out, who is at another.
    static let accountFactor = 10

    /// The counters of a sign-in, the narrowest last but one: what an address is refused does not count for the account.
    func signIn(_ email: EmailAddress, from address: String) -> [AttemptCounter] {
        [
            AttemptCounter(.signInAddress, address, limit: limits.address),
            AttemptCounter(.signInAccountFromAddress, "\(email.key)|\(address)", limit: limits.account),
            AttemptCounter(.signInAccount, email.key, limit: limits.account * Self.accountFactor),
        ]
    }

    /// Rotations are cheap, but each leaves an access token that may have to be revoked.
    func refresh(of account: Int64) -> [AttemptCounter] {
        [AttemptCounter(.refreshAccount, String(account), limit: limits.address)]
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
    func forgive(_ counters: [AttemptCounter]) async {
        do throws(PostgresError) {
            try await store.forgive(counters, in: database)
        } catch {
            // The answer is decided; a count too high passes by itself.
            logger.warning("an attempt was not forgiven", metadata: ["reason": "\(error)"])
        }
    }

    /// The attempt was right: there is one less, and from this address the account has none any more.
    func succeeded(_ counters: [AttemptCounter]) async {
        await forgive(counters)
        do throws(PostgresError) {
            for counter in counters where counter.kind == .signInAccountFromAddress {
                try await store.forget(counter, in: database)
            }
        } catch {
            logger.warning("attempts were not forgotten", metadata: ["reason": "\(error)"])
        }
    }
}
