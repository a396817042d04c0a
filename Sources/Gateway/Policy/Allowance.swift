/// How often something that is normal now and then, and an attack when it never ends, may happen: a token bucket.
///
/// Times are monotonic nanoseconds.
public struct Allowance: Sendable {
    /// At most so many at once…
    private let burst: Int
    /// … and so many a second in the long run.
    private let nanosecondsEach: UInt64
    private var left: Int
    private var refilledAt: UInt64

    public init(burst: Int, perSecond: Int, now: UInt64) {
        precondition(burst > 0 && perSecond > 0, "an allowance allows something")
        self.burst = burst
        nanosecondsEach = 1_000_000_000 / UInt64(perSecond)
        left = burst
        refilledAt = now
    }

    /// - Returns: false when `count` are more than are left; then nothing is left.
    public mutating func take(_ count: Int = 1, now: UInt64) -> Bool {
        let earned = now > refilledAt ? (now - refilledAt) / nanosecondsEach : 0
        if earned > 0 {
            // What the bucket cannot hold is lost, or a quiet hour would buy a flood.
            left = Int(min(UInt64(burst), UInt64(left) + earned))
            refilledAt += earned * nanosecondsEach
        }
        guard count <= left else {
            left = 0
            return false
        }
        left -= count
        return true
    }
}
