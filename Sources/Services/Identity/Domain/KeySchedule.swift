import ServiceKit

/// A signing key as the schedule sees it.
struct ScheduledKey: Sendable, Hashable {
    let kid: String
    let algorithm: SigningAlgorithm
    /// When it begins to sign; published before.
    let activeFrom: Timestamp
    /// Until when it is published; nil until another key takes over.
    let retireAt: Timestamp?
}

/// When which key signs and is published. Pure: the time is an argument.
struct KeySchedule: Sendable, Hashable {
    /// The most keys that are published at a time. Verifiers refuse key sets that are too long: the gateway those of more
    /// than a hundred.
    static let publishedLimit = 50

    /// How long a key signs before the next one does.
    var rotation: Duration
    /// How long a new key is published before it signs: verifiers have fetched the key set by then.
    var publishAhead: Duration
    /// How long a key stays published after it signed its last token.
    var overlap: Duration

    /// The key that signs: of those whose time has come, the latest.
    func active(_ keys: [ScheduledKey], now: Timestamp) -> ScheduledKey? {
        published(keys, now: now).filter { $0.activeFrom <= now }.max { $0.activeFrom < $1.activeFrom }
    }

    /// The keys whose tokens are good, now or soon.
    func published(_ keys: [ScheduledKey], now: Timestamp) -> [ScheduledKey] {
        keys.filter { $0.retireAt.map { now < $0 } ?? true }
    }

    /// Whether another key may be made. If not, the last one signs on until others have retired.
    func hasRoom(_ keys: [ScheduledKey], now: Timestamp) -> Bool {
        published(keys, now: now).count < Self.publishedLimit
    }

    /// Whether the schedule asks for another key: there is none, the last one has signed long enough, or it is of another
    /// algorithm than is wanted.
    func isDue(_ keys: [ScheduledKey], algorithm: SigningAlgorithm, now: Timestamp) -> Bool {
        guard let newest = published(keys, now: now).max(by: { $0.activeFrom < $1.activeFrom }) else { return true }
        // Not before the last one signs: replicas of two opinions, as during an update, must not make keys in turns.
        if newest.algorithm != algorithm, newest.activeFrom <= now { return true }
        return newest.activeFrom.advanced(by: rotation - publishAhead) <= now
    }

    /// When a key that is made now begins to sign, and until when its predecessors stay published.
    func takeover(_ keys: [ScheduledKey], now: Timestamp) -> (activeFrom: Timestamp, predecessorsRetireAt: Timestamp) {
        let activeFrom = active(keys, now: now) == nil ? now : now.advanced(by: publishAhead)
        return (activeFrom, activeFrom.advanced(by: overlap))
    }
}

extension Timestamp {
    /// This much later; clamped to the representable years.
    func advanced(by duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        return Timestamp(
            millisecondsSince1970: millisecondsSince1970 + seconds * 1_000 + attoseconds / 1_000_000_000_000_000)
    }

    /// The first whole second that is later than every token issued until now: those say their second rounded down.
    var followingSecond: Timestamp { Timestamp(millisecondsSince1970: (seconds + 1) * 1_000) }

    /// Whole seconds since 1970, rounded down (for instants after 1970).
    var seconds: Int64 { millisecondsSince1970 / 1_000 }
}
