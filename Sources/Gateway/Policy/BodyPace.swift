/// Whether the body of a request comes fast enough: it may take a fixed time, and more for each byte that has come.
///
/// Against clients that send a byte now and then to keep what serves them occupied (slowloris). Time while the gateway
/// itself held the client back does not count: `restart` then. Times are monotonic nanoseconds.
public struct BodyPace: Sendable {
    private let allowance: UInt64
    private let bytesPerSecond: UInt64
    private var since: UInt64
    private var bytes: UInt64 = 0

    /// - Parameters:
    ///   - allowanceMilliseconds: what a body may take however small it is.
    ///   - bytesPerSecond: how fast it must come beyond that, on average; 0: no such bound.
    public init(now: UInt64, allowanceMilliseconds: Int, bytesPerSecond: Int) {
        since = now
        allowance = UInt64(max(0, allowanceMilliseconds)) * 1_000_000
        self.bytesPerSecond = UInt64(max(0, bytesPerSecond))
    }

    public mutating func received(_ count: Int) { bytes &+= UInt64(count) }

    /// The client had to wait for the gateway: it begins anew.
    public mutating func restart(now: UInt64) {
        since = now
        bytes = 0
    }

    /// When the body is too slow, unless more of it comes.
    public var deadline: UInt64 {
        guard bytesPerSecond > 0 else { return .max }
        // In milliseconds first: bytes times 10⁹ would overflow for bodies above 18 GB.
        let earned = bytes.multipliedReportingOverflow(by: 1000)
        let (time, overflows) = (earned.partialValue / bytesPerSecond).multipliedReportingOverflow(by: 1_000_000)
        if earned.overflow || overflows { return .max }
        return since &+ allowance &+ time
    }
}
