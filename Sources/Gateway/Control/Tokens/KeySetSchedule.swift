/// When a remote key set is fetched, and how long its keys are used: decisions only. Times are seconds since 1970.
///
/// Fresh keys are fetched again when four fifths of their time have passed, so that they are never late. While fetching
/// fails they stay in use for `staleSeconds` longer, and it is tried again after 1, 2, 4 … 60 seconds.
///
/// A token may name a key that is newer than our copy. Then the set is fetched at once, but once in ten seconds at most and
/// once for each unknown name in five minutes, because anybody can invent names.
struct KeySetSchedule: Sendable {
    /// Bounds for what `Cache-Control: max-age` may ask for, and what holds where it says nothing.
    static let lifetimes: ClosedRange<Int64> = 60...86_400
    static let defaultLifetime: Int64 = 900
    static let longestPause: Int64 = 60
    static let secondsBetweenUnknown: Int64 = 10
    static let unknownMemorySeconds: Int64 = 300
    /// The most names that are remembered as unknown.
    static let unknownLimit = 1_024

    let staleSeconds: Int64
    private(set) var loadedAt: Int64?
    private(set) var nextFetch: Int64 = 0
    private(set) var failuresInARow = 0
    private var freshUntil: Int64 = 0
    private var fetchedForUnknownAt = Int64.min / 2
    private var unknown: [String: Int64] = [:]

    init(staleSeconds: Int) { self.staleSeconds = Int64(staleSeconds) }

    /// - Parameter maxAge: what the answer said of its lifetime, if anything.
    mutating func succeeded(now: Int64, maxAge: Int64?) {
        let lifetime = min(max(maxAge ?? Self.defaultLifetime, Self.lifetimes.lowerBound), Self.lifetimes.upperBound)
        loadedAt = now
        freshUntil = now + lifetime
        nextFetch = now + lifetime * 4 / 5
        failuresInARow = 0
    }

    mutating func failed(now: Int64) {
        failuresInARow += 1
        nextFetch = now + min(Self.longestPause, 1 << Int64(min(failuresInARow - 1, 10)))
    }

    /// Whether the keys that were loaded last may still be used.
    func isUsable(now: Int64) -> Bool { loadedAt != nil && now < freshUntil + staleSeconds }

    /// Whether a name that is not in the set is a reason to fetch it now.
    mutating func isNews(_ name: String, now: Int64) -> Bool {
        if let asked = unknown[name], now < asked + Self.unknownMemorySeconds { return false }
        guard now >= fetchedForUnknownAt + Self.secondsBetweenUnknown else { return false }
        if unknown.count >= Self.unknownLimit {
            unknown = unknown.filter { now < $0.value + Self.unknownMemorySeconds }
            // Somebody makes names up: the set is fetched in its own time until they are forgotten.
            guard unknown.count < Self.unknownLimit else { return false }
        }
        unknown[name] = now
        fetchedForUnknownAt = now
        return true
    }
}
