/// Decides when one endpoint has failed enough to be left alone, and for how long. Times are monotonic nanoseconds.
///
/// Failures are what the gateway saw itself (no connection, no answer in time, a broken answer, a status of 502, 503, 504).
/// Two rules: so many in a row, or so large a share within an interval. Each ejection is longer than the one before by the
/// base time; each interval without trouble takes one step back.
public struct OutlierDetector: Sendable {
    public struct Settings: Sendable, Equatable {
        /// 0: this rule is off.
        public var consecutiveFailures = 5
        /// 0: this rule is off.
        public var failurePercent = 50
        public var minimumRequests = 20
        public var intervalMilliseconds = 10_000
        public var baseEjectionMilliseconds = 10_000
        public var maximumEjectionMilliseconds = 300_000

        public init() {}
    }

    private var consecutive = 0
    private var requests = 0
    private var failures = 0
    private var intervalEnds: UInt64 = 0
    private var steps = 0
    /// Nil: not ejected.
    public private(set) var ejectedUntil: UInt64?

    public init() {}

    public mutating func succeeded(at now: UInt64, _ settings: Settings) {
        roll(to: now, settings)
        consecutive = 0
        requests += 1
    }

    /// - Returns: whether the endpoint is to be ejected; `eject` does it, if the backend can spare the endpoint.
    public mutating func failed(at now: UInt64, _ settings: Settings) -> Bool {
        roll(to: now, settings)
        consecutive += 1
        requests += 1
        failures += 1
        guard ejectedUntil == nil else { return false }
        if settings.consecutiveFailures > 0 && consecutive >= settings.consecutiveFailures { return true }
        return settings.failurePercent > 0 && requests >= max(1, settings.minimumRequests)
            && failures * 100 >= settings.failurePercent * requests
    }

    /// - Returns: when it ends.
    public mutating func eject(at now: UInt64, _ settings: Settings) -> UInt64 {
        steps += 1
        let milliseconds = min(
            settings.baseEjectionMilliseconds.multipliedReportingOverflow(by: steps).partialValue,
            settings.maximumEjectionMilliseconds)
        let end = now + UInt64(max(1, milliseconds)) * 1_000_000
        ejectedUntil = end
        return end
    }

    /// The ejection is over: what was counted before it says nothing any more.
    public mutating func readmit(at now: UInt64, _ settings: Settings) {
        ejectedUntil = nil
        consecutive = 0
        startInterval(at: now, settings)
    }

    private mutating func roll(to now: UInt64, _ settings: Settings) {
        guard now >= intervalEnds else { return }
        if ejectedUntil == nil && intervalEnds > 0 {
            let passed = (now - intervalEnds) / Self.interval(settings) + 1
            steps = max(0, steps - Int(clamping: passed))
        }
        startInterval(at: now, settings)
    }

    private mutating func startInterval(at now: UInt64, _ settings: Settings) {
        intervalEnds = now + Self.interval(settings)
        requests = 0
        failures = 0
    }

    private static func interval(_ settings: Settings) -> UInt64 {
        UInt64(max(1, settings.intervalMilliseconds)) * 1_000_000
    }
}

/// How many of a backend's endpoints can be done without.
public enum EjectionLimit {
    /// Whether one more of `total` endpoints may be ejected, `ejected` being so already. One always may, when there is
    /// another; the last never.
    public static func allowsOneMore(ejected: Int, of total: Int, maximumPercent: Int) -> Bool {
        total > 1 && ejected + 1 < total && ejected < max(1, total * maximumPercent / 100)
    }

    /// Whether so few are available that all are used as if they were: then it is more likely that the judgement is wrong
    /// than that the rest can carry everything.
    public static func isPanic(available: Int, of total: Int, thresholdPercent: Int) -> Bool {
        available < total && available * 100 < thresholdPercent * total
    }
}
