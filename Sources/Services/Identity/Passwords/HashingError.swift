/// Why a password was neither hashed nor compared.
enum HashingError: Error, Sendable, Hashable {
    /// As many computations as may wait are waiting: try again later (503 with `Retry-After`).
    case busy
    /// The caller or the service went away before it was the turn of this computation.
    case stopped
    /// A new password of more than ``PreparedPassword/maximumBytes``; the domain refuses it before.
    case tooLong
    /// libargon2 says no: no memory, or a stored hash that is none.
    case failed(String)
}
