/// How long to wait before the next attempt: doubling from a first delay to a last, each time cut by a random share.
struct Backoff: Sendable {
    static let first = Duration.milliseconds(50)
    /// Also bounds how long a pool takes to notice that a server is back.
    static let last = Duration.seconds(1)

    private var failures = 0

    /// The delay after one more failure.
    ///
    /// - Parameter random: a number in 0 … 1, which takes away up to half: so many clients do not return together.
    mutating func next(random: Double) -> Duration {
        let doubled = Self.first * (1 << min(failures, 10))
        failures += 1
        return min(doubled, Self.last) * (1 - random / 2)
    }

    mutating func reset() {
        failures = 0
    }
}
