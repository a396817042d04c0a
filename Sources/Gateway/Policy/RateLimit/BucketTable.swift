import Synchronization

/// The buckets of one limit, for all workers together: exact, of fixed size, and without a lock where a bucket is known.
///
/// A set-associative table. A key has its bucket in one of the eight places of its set; each place is two atomic words,
/// the key's fingerprint and the bucket's state (`TokenBucket`). A request changes the state by compare-and-exchange.
///
/// Only who brings in a new key takes the set's lock. It takes the place of a full bucket, which says no more than none at
/// all; where all eight are in use, that of the fullest (`evictions` counts how often). It first exchanges the place's
/// state for `taken`, then writes fingerprint and state. A request that looked at the fingerprint before finds another
/// state afterwards, because a bucket's states grow while it is in use, but for a token that is given back: the exchange
/// fails, and it looks again. Two states that are equal to the nanosecond would misplace one token.
public final class BucketTable: Sendable {
    private static let ways = 8
    /// In place of a state while the place changes hands.
    private static let taken = UInt64.max

    private final class BucketSet: Sendable {
        let fingerprints = InlineArray<8, Atomic<UInt64>> { _ in Atomic(0) }
        let states = InlineArray<8, Atomic<UInt64>> { _ in Atomic(0) }
        let insertion = Mutex(())
    }

    private let bucket: TokenBucket
    private let sets: [BucketSet]
    private let mask: Int
    private let hasher: KeyedHash
    private let evicted = Atomic<UInt64>(0)

    /// - Parameters:
    ///   - capacity: the most keys; rounded up to eight times a power of two. Twenty bytes each.
    ///   - key: a secret of the process.
    public init(_ bucket: TokenBucket, capacity: Int, key: (UInt64, UInt64)) {
        var count = 1
        while count * Self.ways < capacity { count <<= 1 }
        self.bucket = bucket
        sets = (0..<count).map { _ in BucketSet() }
        mask = count - 1
        hasher = KeyedHash(key: key)
    }

    /// Buckets that had to go before they were full: the table is too small for so many keys, and those begin anew.
    public var evictions: UInt64 { evicted.load(ordering: .relaxed) }

    /// A key without parts.
    public func key() -> RateLimitKey { RateLimitKey(hasher) }

    /// Takes a token out of the key's bucket. Any thread.
    ///
    /// - Parameter now: monotonic nanoseconds.
    public func take(_ key: RateLimitKey, now: UInt64) -> TokenBucket.Verdict {
        let set = set(of: key)
        while true {
            if let verdict = takeKnown(key.fingerprint, in: set, now: now) { return verdict }
            if let verdict = insert(key.fingerprint, into: set, now: now) { return verdict }
        }
    }

    /// Gives back a token that was taken for a request which another limit refused.
    public func giveBack(_ key: RateLimitKey) {
        let set = set(of: key)
        for way in 0..<Self.ways where set.fingerprints[way].load(ordering: .acquiring) == key.fingerprint {
            var state = set.states[way].load(ordering: .acquiring)
            while state != Self.taken && set.fingerprints[way].load(ordering: .acquiring) == key.fingerprint {
                let exchange = set.states[way].weakCompareExchange(
                    expected: state, desired: bucket.giveBack(state), ordering: .acquiringAndReleasing)
                if exchange.exchanged { return }
                state = exchange.original
            }
        }
    }

    private func set(of key: RateLimitKey) -> BucketSet { sets[Int(truncatingIfNeeded: key.fingerprint) & mask] }

    /// Nil when the key has no bucket here.
    private func takeKnown(_ fingerprint: UInt64, in set: BucketSet, now: UInt64) -> TokenBucket.Verdict? {
        for way in 0..<Self.ways where set.fingerprints[way].load(ordering: .acquiring) == fingerprint {
            var state = set.states[way].load(ordering: .acquiring)
            // Looked at again behind the state: the place may have changed hands between the two.
            while state != Self.taken && set.fingerprints[way].load(ordering: .acquiring) == fingerprint {
                let (next, verdict) = bucket.take(state, now: now)
                if !verdict.isAllowed { return verdict }
                let exchange = set.states[way].weakCompareExchange(
                    expected: state, desired: next, ordering: .acquiringAndReleasing)
                if exchange.exchanged { return verdict }
                state = exchange.original
            }
        }
        return nil
    }

    /// Makes room for a new key and takes its first token.
    ///
    /// - Returns: nil when somebody else was faster, with this key or with the place: look again.
    private func insert(_ fingerprint: UInt64, into set: BucketSet, now: UInt64) -> TokenBucket.Verdict? {
        set.insertion.withLock { _ in
            var place = 0
            var lowest = UInt64.max
            for way in 0..<Self.ways {
                if set.fingerprints[way].load(ordering: .acquiring) == fingerprint { return nil }
                let state = set.states[way].load(ordering: .acquiring)
                if state < lowest { (place, lowest) = (way, state) }
            }
            let claim = set.states[place].compareExchange(
                expected: lowest, desired: Self.taken, ordering: .acquiringAndReleasing)
            guard claim.exchanged else { return nil }
            if lowest > now { evicted.wrappingAdd(1, ordering: .relaxed) }
            let (next, verdict) = bucket.take(0, now: now)
            set.fingerprints[place].store(fingerprint, ordering: .releasing)
            set.states[place].store(next, ordering: .releasing)
            return verdict
        }
    }
}
