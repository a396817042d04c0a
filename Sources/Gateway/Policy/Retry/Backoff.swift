/// The pause before another attempt: exponential with full jitter ("Exponential Backoff And Jitter", AWS, 2015), so that
/// those who failed together do not come back together.
public enum Backoff {
    /// - Parameters:
    ///   - retry: from 1.
    ///   - random: decides within the range.
    /// - Returns: milliseconds, from 0 to the lesser of `maximum` and `base` doubled for each retry after the first.
    public static func milliseconds(retry: Int, base: Int, maximum: Int, random: UInt64) -> Int {
        guard base > 0, maximum > 0 else { return 0 }
        let doublings = min(max(0, retry - 1), 30)
        let range = base > maximum >> doublings ? maximum : base << doublings
        return Int(random % UInt64(range + 1))
    }
}
