/// When a remote key set is fetched: decisions only. Times are seconds since 1970.
///
/// Keys are fetched again when four fifths of their time have passed, so that a key that is published ahead of its use is
/// known in time. While fetching fails the last keys stay, and it is tried again after 0.5, 1, 2 … 10 seconds. A token that
/// names an unknown key is a reason to fetch at once, however fresh the set is: its key may be newer. But anybody can invent
/// names: such a fetch is made once in five seconds at most.
struct RemoteKeySetSchedule: Sendable {
    /// Bounds for what `Cache-Control: max-age` may ask for, and what holds where it says nothing.
    static let lifetimes: ClosedRange<Double> = 10...3_600
    static let defaultLifetime: Double = 300
    static let longestPause: Double = 10
    static let secondsBetweenUnknown: Double = 5
    static let secondsBetweenFirst: Double = 0.5

    private(set) var nextFetch: Double = 0
    private(set) var failuresInARow = 0
    private var lastStart = -Double.infinity
    private var lastForUnknown = -Double.infinity

    mutating func started(now: Double) { lastStart = now }

    /// - Parameter maxAge: What the answer said of its lifetime, if anything.
    mutating func succeeded(now: Double, maxAge: Double?) {
        let lifetime = min(max(maxAge ?? Self.defaultLifetime, Self.lifetimes.lowerBound), Self.lifetimes.upperBound)
        nextFetch = now + lifetime * 4 / 5
        failuresInARow = 0
    }

    mutating func failed(now: Double) {
        failuresInARow += 1
        nextFetch = now + min(Self.longestPause, Self.secondsBetweenFirst * Double(1 << min(failuresInARow - 1, 10)))
    }

    /// Whether a request that lacks its key has the set fetched now.
    ///
    /// - Parameter isLoaded: Whether there are keys at all.
    mutating func takesFetch(now: Double, isLoaded: Bool) -> Bool {
        guard isLoaded else { return now >= lastStart + Self.secondsBetweenFirst }
        guard now >= lastForUnknown + Self.secondsBetweenUnknown else { return false }
        lastForUnknown = now
        return true
    }
}
