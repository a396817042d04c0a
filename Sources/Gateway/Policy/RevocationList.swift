/// The tokens that an issuer took back before they expired: those of a subject that were issued before a moment, and single
/// ones by their `jti`.
///
/// Bounded. Where there are more than `limit` of a kind the oldest are forgotten, and never in favour of their tokens: then
/// *every* token that is as old as the newest forgotten one is refused. Its caller signs in once more, and nobody who was
/// shut out comes in again.
public struct RevocationList: Sendable {
    public enum Entry: Sendable, Equatable {
        /// Tokens of the subject whose `iat` lies before that moment.
        ///
        /// - endsAtSeconds: when the last of these tokens has expired; nil: nobody knows, and the entry is kept.
        case subject(String, issuedBeforeMilliseconds: Int64, endsAtSeconds: Int64?)
        /// The token with this `jti`, which expires then.
        case token(String, expiresAtSeconds: Int64)
    }

    /// The most entries of each kind.
    public static let limit = 100_000
    /// How long a token may be good after its `exp`: the largest clock skew that a provider can allow.
    static let longestSkewSeconds: Int64 = 300

    private struct Subject {
        var issuedBefore: Int64
        var endsAt: Int64
    }

    private let limit: Int
    private var subjects: [String: Subject] = [:]
    /// By `jti`: when they expire.
    private var tokens: [String: Int64] = [:]
    /// What was forgotten for want of room: tokens issued before that, in milliseconds…
    private var forgottenIssuedBefore = Int64.min
    /// … of which the last has expired then, in seconds…
    private var forgottenSubjectsUntil = Int64.min
    /// … and tokens that expire no later than that, in seconds.
    private var forgottenExpiringUpTo = Int64.min

    public init(limit: Int = limit) { self.limit = limit }

    public var count: Int { subjects.count + tokens.count }

    /// Whether entries had to be forgotten, so that tokens are refused that nobody took back.
    public var isOverfull: Bool { forgottenIssuedBefore > .min || forgottenExpiringUpTo > .min }

    /// A token without `iat` may be of any age: it is refused as soon as something was taken back from its subject.
    public func revokes(_ token: VerifiedToken) -> Bool {
        let issuedAt = token.issuedAtMilliseconds ?? .min
        if let entry = subjects[token.subject], issuedAt < entry.issuedBefore { return true }
        if let identifier = token.tokenID, tokens[identifier] != nil { return true }
        return issuedAt < forgottenIssuedBefore || token.expiresAtSeconds <= forgottenExpiringUpTo
    }

    /// - Returns: whether it says something new: what no token can be concerned by any more does not, nor what was forgotten
    ///   for want of room.
    public mutating func insert(_ entry: Entry, nowSeconds: Int64) -> Bool {
        let past = nowSeconds - Self.longestSkewSeconds
        switch entry {
        case .subject(let name, let issuedBefore, let endsAt):
            let end = endsAt ?? .max
            if end <= past { return false }
            if issuedBefore <= forgottenIssuedBefore {
                forgottenSubjectsUntil = max(forgottenSubjectsUntil, end)
                return false
            }
            if let known = subjects[name], known.issuedBefore >= issuedBefore, known.endsAt >= end { return false }
            let known = subjects[name] ?? Subject(issuedBefore: issuedBefore, endsAt: end)
            subjects[name] = Subject(
                issuedBefore: max(known.issuedBefore, issuedBefore), endsAt: max(known.endsAt, end))
        case .token(let identifier, let expiresAt):
            if expiresAt <= past || Self.end(ofToken: expiresAt) <= forgottenExpiringUpTo { return false }
            if let known = tokens[identifier], known >= expiresAt { return false }
            tokens[identifier] = expiresAt
        }
        return true
    }

    /// Forgets what no token can be concerned by any more, and what is too much. Linear: not after every insertion.
    public mutating func prune(nowSeconds: Int64) {
        let past = nowSeconds - Self.longestSkewSeconds
        subjects = subjects.filter { $0.value.endsAt > past }
        tokens = tokens.filter { $0.value > past }
        // Nobody has a token any more that was refused for what was forgotten.
        if forgottenSubjectsUntil <= past { forgottenIssuedBefore = .min }
        if forgottenExpiringUpTo <= past { forgottenExpiringUpTo = .min }
        // A sixteenth more than needed, so that a full list is not sorted for each entry.
        let room = limit - limit / 16
        if subjects.count > limit {
            let oldest = subjects.sorted { $0.value.issuedBefore < $1.value.issuedBefore }
            for (name, entry) in oldest.prefix(subjects.count - room) {
                subjects[name] = nil
                forgottenIssuedBefore = max(forgottenIssuedBefore, entry.issuedBefore)
                forgottenSubjectsUntil = max(forgottenSubjectsUntil, entry.endsAt)
            }
        }
        if tokens.count > limit {
            let first = tokens.sorted { $0.value < $1.value }
            for (identifier, expiresAt) in first.prefix(tokens.count - room) {
                tokens[identifier] = nil
                forgottenExpiringUpTo = max(forgottenExpiringUpTo, Self.end(ofToken: expiresAt))
            }
        }
    }

    /// The last moment at which somebody takes it.
    private static func end(ofToken expiresAtSeconds: Int64) -> Int64 {
        min(expiresAtSeconds, .max - longestSkewSeconds) + longestSkewSeconds
    }

    /// Whether `prune` is due, whatever the time.
    public var isFull: Bool { subjects.count > limit || tokens.count > limit }
}
