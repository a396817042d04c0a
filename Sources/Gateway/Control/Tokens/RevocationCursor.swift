/// Where in a revocation feed its reader is: decisions only. Times are seconds since 1970.
///
/// Once in a minute the feed is read from its beginning, whatever it says: so nothing is missed for longer that came to a
/// place behind us, as when a database was restored to a state of before.
struct RevocationCursor: Sendable {
    static let secondsBetweenWalks: Int64 = 60
    /// The longest pause while the feed does not answer.
    static let longestPauseMilliseconds = 2_000

    private(set) var failuresInARow = 0
    private var position: Int64 = 0
    private var isAtEnd = true
    private var walkBeganAt: Int64?

    /// What to ask after.
    mutating func after(now: Int64) -> Int64 {
        if isAtEnd, walkBeganAt.map({ now >= $0 + Self.secondsBetweenWalks || now < $0 }) ?? true {
            walkBeganAt = now
            position = 0
        }
        return position
    }

    /// A page was read.
    ///
    /// - Parameters:
    ///   - isEmpty: it has no entries.
    ///   - next: the position that it says comes next.
    /// - Returns: whether there is more to read now.
    mutating func received(isEmpty: Bool, next: Int64) -> Bool {
        failuresInARow = 0
        let isLower = next < position
        let isFurther = next > position
        // Lower: the feed has lost what it told us, and begins anew. What we know stays known.
        position = isLower ? 0 : next
        isAtEnd = !isLower && (isEmpty || !isFurther)
        return !isAtEnd
    }

    mutating func failed() { failuresInARow += 1 }

    /// Until it is asked again.
    func pauseMilliseconds(interval: Int) -> Int {
        guard failuresInARow > 1 else { return interval }
        return min(Self.longestPauseMilliseconds, interval << min(failuresInARow - 1, 8))
    }
}
