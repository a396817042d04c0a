/// A new or recovered endpoint gets less than its share at first, growing evenly: caches fill, connections open, code gets
/// hot. Times are monotonic nanoseconds.
public struct SlowStart: Sendable {
    /// An endpoint that gets nothing would never warm up.
    public static let leastPercent = 10

    private var began: UInt64
    private var window: UInt64

    public init(at now: UInt64, milliseconds: Int) {
        began = now
        window = UInt64(max(0, milliseconds)) * 1_000_000
    }

    /// The share of the requests that would be its own, in percent: `leastPercent` to 100.
    public func percent(at now: UInt64) -> Int {
        let passed = now &- min(began, now)
        guard passed < window else { return 100 }
        return Self.leastPercent + Int(passed / 1000 * UInt64(100 - Self.leastPercent) / (window / 1000))
    }

    /// Whether a request that would be its own goes to it, given a random number.
    public func takes(at now: UInt64, random: UInt64) -> Bool {
        let percent = percent(at: now)
        return percent >= 100 || LoadBalancer.place(of: 100, random: random) < percent
    }
}
