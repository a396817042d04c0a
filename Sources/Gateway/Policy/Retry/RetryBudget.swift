/// How many retries a backend's requests may cause: a share of the requests of the last ten seconds, and a few whatever
/// their number. A backend in trouble gets no more than that on top (Finagle's retry budget). Times are monotonic
/// nanoseconds.
public struct RetryBudget: Sendable {
    private static let seconds = 10

    private struct Bucket {
        var second: UInt64 = 0
        var requests = 0
        var retries = 0
    }

    private var buckets = Array(repeating: Bucket(), count: seconds)

    public init() {}

    /// A request came; its retries do not count as requests.
    public mutating func requestBegan(at now: UInt64) {
        let second = now / 1_000_000_000
        let index = Int(second % UInt64(Self.seconds))
        if buckets[index].second != second { buckets[index] = Bucket(second: second) }
        buckets[index].requests += 1
    }

    /// - Parameters:
    ///   - percent: the share of the requests that may be retries.
    ///   - minimumPerSecond: how many are allowed however few requests there are.
    /// - Returns: whether another attempt is within the budget; it is counted then.
    public mutating func takeRetry(at now: UInt64, percent: Int, minimumPerSecond: Int) -> Bool {
        let second = now / 1_000_000_000
        var requests = 0
        var retries = 0
        for bucket in buckets where bucket.second + UInt64(Self.seconds) > second {
            requests += bucket.requests
            retries += bucket.retries
        }
        guard retries < requests * percent / 100 + minimumPerSecond * Self.seconds else { return false }
        let index = Int(second % UInt64(Self.seconds))
        if buckets[index].second != second { buckets[index] = Bucket(second: second) }
        buckets[index].retries += 1
        return true
    }
}
