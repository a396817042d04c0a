/// The rate of one limit, and what one request makes of a bucket: the generic cell rate algorithm (ITU-T I.371), which is
/// a token bucket whose whole state is one number.
///
/// The state is the theoretical arrival time: when the bucket will be full again, in monotonic nanoseconds. A state that
/// has passed, 0 included, is a full bucket. Taking one token moves it on by `interval`; a token is there as long as it
/// is then at most `burst` intervals ahead.
public struct TokenBucket: Sendable, Hashable {
    /// Nanoseconds in which one token comes back; at least 1.
    public let interval: UInt64
    /// Tokens that a full bucket holds; at least 1.
    public let burst: UInt64
    private let depth: UInt64

    /// What came of a request.
    public struct Verdict: Sendable, Equatable {
        public var isAllowed: Bool
        /// Tokens that are left.
        public var remaining: UInt64
        /// Nanoseconds until the bucket is full again.
        public var untilFull: UInt64
        /// Nanoseconds until there is a token; 0 when the request was allowed.
        public var untilNext: UInt64
    }

    /// - Precondition: `requests` and `burst` are above zero, and `burst` refills in less than 200 years.
    public init(requests: Int, periodMilliseconds: Int, burst: Int) {
        precondition(requests > 0 && periodMilliseconds > 0 && burst > 0, "a bucket holds something and refills")
        interval = max(1, UInt64(periodMilliseconds) * 1_000_000 / UInt64(requests))
        self.burst = UInt64(burst)
        depth = interval * self.burst
    }

    /// - Parameter now: monotonic nanoseconds.
    /// - Returns: the state afterwards, which is `state` itself when the request is refused.
    public func take(_ state: UInt64, now: UInt64) -> (state: UInt64, verdict: Verdict) {
        let ahead = state > now ? state - now : 0
        if ahead + interval > depth {
            return (
                state,
                Verdict(isAllowed: false, remaining: 0, untilFull: ahead, untilNext: ahead + interval - depth)
            )
        }
        let next = now + ahead + interval
        let left = depth - ahead - interval
        return (
            next,
            Verdict(isAllowed: true, remaining: left / interval, untilFull: ahead + interval, untilNext: 0)
        )
    }

    /// Gives back one token.
    public func giveBack(_ state: UInt64) -> UInt64 { state > interval ? state - interval : 0 }
}
