/// Callers of tokens that were verified, so that a token's signature is checked once.
///
/// Two generations bound the memory: when the young one is full it becomes the old one and the old one is dropped; a hit
/// in the old one moves the entry to the young one. Dictionary keys compare whole tokens, and Swift's hashing is seeded
/// per process, so a chosen token can neither collide with another's entry nor slow the cache down.
struct TokenCache {
    struct Entry {
        let caller: Caller
        /// Seconds since 1970, skew included; from then on the entry does not count.
        let expiry: Double
    }

    private var young: [String: Entry] = [:]
    private var old: [String: Entry] = [:]
    private let generationSize: Int

    /// - Parameter capacity: The most tokens that are remembered.
    init(capacity: Int) { generationSize = max(1, capacity / 2) }

    var count: Int { young.count + old.count }

    mutating func find(_ token: String, now: Double) -> Caller? {
        if let entry = young[token] { return entry.expiry > now ? entry.caller : nil }
        guard let entry = old.removeValue(forKey: token), entry.expiry > now else { return nil }
        insert(entry, for: token)
        return entry.caller
    }

    mutating func insert(_ entry: Entry, for token: String) {
        if young.count >= generationSize, young[token] == nil {
            old = young
            young = [:]
        }
        young[token] = entry
    }

    mutating func removeAll() {
        young = [:]
        old = [:]
    }
}
