import Testing

@testable import Policy

@Suite struct TokenBucketTests {
    private static let second: UInt64 = 1_000_000_000

    @Test func `a full bucket gives its burst at once, and then a token in each interval`() {
        let bucket = TokenBucket(requests: 10, periodMilliseconds: 1_000, burst: 3)
        var state: UInt64 = 0
        var now = 100 * Self.second
        for left in [2, 1, 0] {
            let (next, verdict) = bucket.take(state, now: now)
            #expect(verdict.isAllowed && verdict.remaining == UInt64(left))
            state = next
        }
        let refused = bucket.take(state, now: now)
        #expect(!refused.verdict.isAllowed && refused.state == state)
        #expect(refused.verdict.untilNext == Self.second / 10)
        #expect(refused.verdict.untilFull == Self.second * 3 / 10)
        now += Self.second / 10
        #expect(bucket.take(state, now: now - 1).verdict.isAllowed == false)
        #expect(bucket.take(state, now: now).verdict.isAllowed)
    }

    @Test func `what the bucket cannot hold is lost`() {
        let bucket = TokenBucket(requests: 60, periodMilliseconds: 60_000, burst: 5)
        var state = bucket.take(0, now: Self.second).state
        var allowed = 0
        for _ in 0..<20 {
            let (next, verdict) = bucket.take(state, now: 10_000 * Self.second)
            state = next
            if verdict.isAllowed { allowed += 1 }
        }
        #expect(allowed == 5)
    }

    @Test func `a token given back can be taken again`() {
        let bucket = TokenBucket(requests: 1, periodMilliseconds: 1_000, burst: 1)
        let taken = bucket.take(0, now: Self.second).state
        #expect(!bucket.take(taken, now: Self.second).verdict.isAllowed)
        #expect(bucket.take(bucket.giveBack(taken), now: Self.second).verdict.isAllowed)
    }

    /// The bucket as a textbook has it: tokens in a variable, in units of a nanosecond's worth.
    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func `agrees with a bucket that counts its tokens`(seed: UInt64) {
        var random = SeededSource(state: seed)
        let requests = Int.random(in: 1...50, using: &random)
        let burst = Int.random(in: 1...20, using: &random)
        let bucket = TokenBucket(requests: requests, periodMilliseconds: 1_000, burst: burst)
        var state: UInt64 = 0
        var now = Self.second
        var level = bucket.interval * UInt64(burst)
        for _ in 0..<5_000 {
            let pause = UInt64.random(in: 0...Self.second / 10, using: &random)
            now += pause
            level = min(bucket.interval * UInt64(burst), level + pause)
            let isThere = level >= bucket.interval
            let (next, verdict) = bucket.take(state, now: now)
            state = next
            #expect(verdict.isAllowed == isThere, "seed \(seed)")
            if isThere { level -= bucket.interval }
            #expect(verdict.remaining == level / bucket.interval || !isThere, "seed \(seed)")
        }
    }
}

@Suite struct BucketTableTests {
    private let now: UInt64 = 5_000_000_000

    private func table(burst: Int, capacity: Int = 1_024) -> BucketTable {
        BucketTable(
            TokenBucket(requests: burst, periodMilliseconds: 60_000, burst: burst), capacity: capacity, key: (3, 7))
    }

    private func key(_ table: BucketTable, _ parts: String...) -> RateLimitKey {
        var key = table.key()
        for part in parts { key.add(Array(part.utf8)) }
        return key
    }

    @Test func `each key has a bucket of its own`() {
        let table = table(burst: 2)
        for name in ["a", "b", "c"] {
            #expect(table.take(key(table, name), now: now).isAllowed)
            #expect(table.take(key(table, name), now: now).isAllowed)
            #expect(!table.take(key(table, name), now: now).isAllowed)
        }
    }

    @Test func `parts of a key cannot be moved from one to the other`() {
        let table = table(burst: 1)
        let keys = [key(table, "a", "bc"), key(table, "ab", "c"), key(table, "abc"), key(table, "abc", "")]
        #expect(Set(keys.map(\.fingerprint)).count == 4)
    }

    @Test func `a full bucket makes room, and one in use only when all are`() {
        let table = table(burst: 4, capacity: 8)
        for number in 0..<8 { #expect(table.take(key(table, "\(number)"), now: now).isAllowed) }
        #expect(table.evictions == 0)
        // A minute later all are full again.
        let later = now + 60_000_000_000
        for number in 8..<16 { #expect(table.take(key(table, "\(number)"), now: later).isAllowed) }
        #expect(table.evictions == 0)
        #expect(table.take(key(table, "one more"), now: later).isAllowed)
        #expect(table.evictions == 1)
    }

    @Test func `many threads together get exactly what is there`() async {
        let burst = 20_000
        let table = table(burst: burst, capacity: 64)
        let now = now
        let keys = ["x", "y", "z"].map { key(table, $0) }
        let allowed = await withTaskGroup { group in
            for worker in 0..<8 {
                group.addTask {
                    var allowed = [0, 0, 0]
                    for number in 0..<30_000 {
                        let place = (number + worker) % 3
                        if table.take(keys[place], now: now).isAllowed { allowed[place] += 1 }
                    }
                    return allowed
                }
            }
            return await group.reduce(into: [0, 0, 0]) { sum, some in
                for place in 0..<3 { sum[place] += some[place] }
            }
        }
        #expect(allowed == [burst, burst, burst])
    }

    @Test func `threads that fight for places never get more than the buckets that were made`() async {
        // Eight places, sixteen keys: each time a key comes in anew its bucket is full, and evictions count those.
        let table = table(burst: 1, capacity: 8)
        let now = now
        let keys = (0..<16).map { key(table, "\($0)") }
        let allowed = await withTaskGroup { group in
            for worker in 0..<8 {
                group.addTask {
                    var random = SeededSource(state: UInt64(worker) + 1)
                    var allowed = 0
                    for _ in 0..<20_000 where table.take(keys.randomElement(using: &random)!, now: now).isAllowed {
                        allowed += 1
                    }
                    return allowed
                }
            }
            return await group.reduce(0, +)
        }
        #expect(UInt64(allowed) == table.evictions + 8)
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
private struct SeededSource: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
