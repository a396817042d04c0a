import Foundation
import NIOPosix
import Synchronization

/// Hashes and compares passwords on threads of its own, so that no event loop and no task's thread ever waits for Argon2.
///
/// At most `threads` computations run and `queueLimit` wait, first come first served; more are refused at once. So the
/// memory is at most `threads` times that of one computation, and nobody waits longer than `queueLimit / threads`
/// computations take.
final class PasswordHasher: Sendable {
    struct Verification: Sendable, Hashable {
        var matches: Bool
        /// The password is right and its hash was made with other parameters than today's: store a new one.
        var needsRehash: Bool
    }

    struct Statistics: Sendable, Hashable {
        var running = 0
        var waiting = 0
        /// Computations refused with ``HashingError/busy`` since the start.
        var refused: UInt64 = 0
    }

    private struct Places {
        var taken = 0
        var refused: UInt64 = 0
    }

    let parameters: Argon2Parameters
    private let threads: Int
    private let queueLimit: Int
    /// What a password is compared with when there is no hash: nobody's, at the same cost.
    private let dummy: String
    private let pool: NIOThreadPool
    private let places = Mutex(Places())

    /// Starts the threads; they end with the hasher.
    ///
    /// - Parameters:
    ///   - threads: How many computations run at a time; more than there are processors only cost memory.
    ///   - queueLimit: How many may wait besides.
    init(parameters: Argon2Parameters, threads: Int, queueLimit: Int) {
        precondition(threads > 0 && queueLimit >= 0, "no thread hashes, or a negative number of passwords waits")
        self.parameters = parameters
        self.threads = threads
        self.queueLimit = queueLimit
        dummy = parameters.prefix + Self.base64(Argon2.saltBytes) + "$" + Self.base64(Argon2.hashBytes)
        pool = NIOThreadPool(numberOfThreads: threads)
        pool.start()
    }

    deinit {
        // Running computations are finished by their threads. There is nobody left who could be told of a failure.
        pool.shutdownGracefully { _ in }
    }

    var statistics: Statistics {
        places.withLock { places in
            Statistics(
                running: min(places.taken, threads), waiting: max(0, places.taken - threads), refused: places.refused)
        }
    }

    /// A new hash, with a new salt and today's parameters, in the text form of ``Argon2/encodedHash(of:salt:parameters:)``.
    func hash(_ password: String) async throws(HashingError) -> String {
        guard let prepared = PreparedPassword(password) else { throw .tooLong }
        let (parameters, salt) = (parameters, Self.random(Argon2.saltBytes))
        return try await perform {
            Result { () throws(HashingError) in
                try Argon2.encodedHash(of: prepared.bytes, salt: salt, parameters: parameters)
            }
        }
    }

    /// Compares a password with a stored hash.
    ///
    /// - Parameter encoded: nil when there is none, for example because the account is unknown: nothing matches, and it
    ///   takes as long as a comparison with a hash of today's parameters.
    func verify(_ password: String, against encoded: String?) async throws(HashingError) -> Verification {
        let prepared = PreparedPassword(password)
        let isComparable = prepared != nil && encoded != nil
        let (bytes, stored) = (prepared?.bytes ?? [], encoded ?? dummy)
        let matches = try await perform {
            Result { () throws(HashingError) in try Argon2.verify(bytes, against: stored) }
        }
        guard isComparable, matches else { return Verification(matches: false, needsRehash: false) }
        return Verification(matches: true, needsRehash: !stored.hasPrefix(parameters.prefix))
    }

    /// Runs a computation on one of the threads. Internal, so that a test can hold a thread.
    func perform<Value: Sendable>(
        _ computation: @escaping @Sendable () -> Result<Value, HashingError>
    ) async throws(HashingError) -> Value {
        guard enter() else { throw .busy }
        defer { places.withLock { $0.taken -= 1 } }
        let result: Result<Value, HashingError>
        do {
            result = try await pool.runIfActive(computation)
        } catch {
            // The pool refuses when the task was cancelled while it waited, or when it is shutting down.
            throw .stopped
        }
        return try result.get()
    }

    private func enter() -> Bool {
        places.withLock { places in
            guard places.taken < threads + queueLimit else {
                places.refused += 1
                return false
            }
            places.taken += 1
            return true
        }
    }

    private static func random(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    /// Random bytes in base64 without padding, as in an encoded hash.
    private static func base64(_ count: Int) -> String {
        Data(random(count)).base64EncodedString().replacing("=", with: "")
    }
}
