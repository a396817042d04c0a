import Testing

@testable import Policy

@Suite struct TokenCacheTests {
    private static let key: (UInt64, UInt64) = (0x0123_4567_89AB_CDEF, 0xFEDC_BA98_7654_3210)

    private var cache = TokenCache(capacity: 64, key: key)

    private func token(_ text: String) -> [UInt8] { Array(text.utf8) }

    private func verified(_ subject: String, until second: Int64 = 1000) -> VerifiedToken {
        VerifiedToken(subject: subject, scopes: ["warehouse:read"], expiresAtSeconds: second)
    }

    private func subject(_ text: String, provider: Int = 0, at second: Int64 = 0) -> String? {
        cache.find(token(text).span, provider: provider, nowSeconds: second)?.token.subject
    }

    @Test mutating func `finds what was inserted, whole`() {
        cache.insert(token("header.payload.signature"), provider: 0, verified: verified("alice"), nowSeconds: 0)
        #expect(
            cache.find(token("header.payload.signature").span, provider: 0, nowSeconds: 0)?.token == verified("alice"))
    }

    @Test func `finds nothing in an empty cache`() {
        #expect(subject("header.payload.signature") == nil)
        #expect(subject("") == nil)
    }

    @Test mutating func `keeps the providers apart`() {
        cache.insert(token("same"), provider: 0, verified: verified("of 0"), nowSeconds: 0)
        #expect(subject("same", provider: 1) == nil)
        cache.insert(token("same"), provider: 1, verified: verified("of 1"), nowSeconds: 0)
        #expect(subject("same", provider: 0) == "of 0")
        #expect(subject("same", provider: 1) == "of 1")
    }

    /// Lengths around the sixteen bytes that the hash takes at a step.
    @Test(arguments: [1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 900])
    func `takes no token for another that differs in one byte or in length`(count: Int) {
        var cache = TokenCache(capacity: 4, key: Self.key)
        let right = (0..<count).map { UInt8(truncatingIfNeeded: 65 + $0 % 26) }
        cache.insert(right, provider: 0, verified: verified("alice"), nowSeconds: 0)
        #expect(cache.find(right.span, provider: 0, nowSeconds: 0) != nil)
        for position in 0..<count {
            var wrong = right
            wrong[position] ^= 1
            #expect(cache.find(wrong.span, provider: 0, nowSeconds: 0) == nil)
        }
        #expect(cache.find(Array(right.dropLast()).span, provider: 0, nowSeconds: 0) == nil)
        #expect(cache.find((right + [65]).span, provider: 0, nowSeconds: 0) == nil)
    }

    /// Eight bytes that equal half of the key fold to zero whatever stands beside them, so these tokens share a hash.
    @Test func `compares the whole token when hashes collide`() {
        var cache = TokenCache(capacity: 4, key: Self.key)
        let annihilating = withUnsafeBytes(of: Self.key.1.littleEndian) { Array($0) }
        let first = annihilating + Array("AAAAAAAA".utf8)
        let second = annihilating + Array("BBBBBBBB".utf8)
        cache.insert(first, provider: 0, verified: verified("first"), nowSeconds: 0)
        #expect(cache.find(second.span, provider: 0, nowSeconds: 0) == nil)
        cache.insert(second, provider: 0, verified: verified("second"), nowSeconds: 0)
        #expect(cache.find(first.span, provider: 0, nowSeconds: 0)?.token.subject == "first")
        #expect(cache.find(second.span, provider: 0, nowSeconds: 0)?.token.subject == "second")
    }

    @Test mutating func `gives a token out until the second it expires`() {
        cache.insert(token("t"), provider: 0, verified: verified("alice", until: 100), nowSeconds: 0)
        #expect(subject("t", at: 99) == "alice")
        #expect(subject("t", at: 100) == nil)
        #expect(subject("t", at: 101) == nil)
    }

    @Test mutating func `replaces what it knows of a token`() {
        cache.insert(token("t"), provider: 0, verified: verified("old", until: 100), nowSeconds: 0)
        cache.insert(token("t"), provider: 0, verified: verified("new", until: 200), nowSeconds: 0)
        #expect(subject("t") == "new")
        #expect(subject("t", at: 150) == "new")
    }

    @Test(arguments: [(0, 4), (1, 4), (4, 4), (5, 8), (64, 64), (65, 128)])
    func `never holds more than its capacity, rounded up`(capacity: Int, held: Int) {
        var cache = TokenCache(capacity: capacity, key: Self.key)
        let tokens = (0..<2000).map { token("token number \($0)") }
        for token in tokens { cache.insert(token, provider: 0, verified: verified("s"), nowSeconds: 0) }
        let found = tokens.count { cache.find($0.span, provider: 0, nowSeconds: 0) != nil }
        #expect(found == held)
        let newest = tokens[tokens.count - 1]
        #expect(cache.find(newest.span, provider: 0, nowSeconds: 0) != nil, "the newest is there")
    }

    @Test func `gives up an expired token before a valid one`() {
        var cache = TokenCache(capacity: 4, key: Self.key)
        for name in ["a", "b", "c"] {
            cache.insert(token(name), provider: 0, verified: verified(name, until: 1000), nowSeconds: 0)
        }
        cache.insert(token("expired"), provider: 0, verified: verified("expired", until: 10), nowSeconds: 0)
        cache.insert(token("new"), provider: 0, verified: verified("new", until: 1000), nowSeconds: 20)
        for name in ["a", "b", "c", "new"] {
            #expect(cache.find(token(name).span, provider: 0, nowSeconds: 20)?.token.subject == name)
        }
    }

    @Test mutating func `forgets everything when told to`() {
        for number in 0..<64 {
            cache.insert(token("t\(number)"), provider: 0, verified: verified("s"), nowSeconds: 0)
        }
        cache.removeAll()
        for number in 0..<64 { #expect(subject("t\(number)") == nil) }
        cache.insert(token("t1"), provider: 0, verified: verified("again"), nowSeconds: 0)
        #expect(subject("t1") == "again")
    }

    /// Against a dictionary: the cache may forget, but what it says is what was last inserted and is still valid.
    @Test func `never says what was not inserted`() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededGenerator(seed: seed)
        var cache = TokenCache(capacity: 32, key: (random.next(), random.next()))
        var truth: [String: VerifiedToken] = [:]
        for step in 0..<20_000 {
            let second = Int64(step / 100)
            let name = String(repeating: "x", count: Int.random(in: 0..<40, using: &random)) + "\(step % 61)"
            let provider = Int.random(in: 0..<3, using: &random)
            let key = "\(provider) \(name)"
            if Bool.random(using: &random) {
                let expiry = second + Int64.random(in: -2..<50, using: &random)
                let value = verified("\(step)", until: expiry)
                cache.insert(token(name), provider: provider, verified: value, nowSeconds: second)
                truth[key] = value
            } else if let found = cache.find(token(name).span, provider: provider, nowSeconds: second)?.token {
                #expect(found == truth[key], "seed \(seed), step \(step)")
                #expect(found.expiresAtSeconds > second, "seed \(seed), step \(step)")
            }
        }
    }
}

extension TokenCache.Finding {
    fileprivate var token: VerifiedToken {
        switch self {
        case .verified(let token), .revoked(let token): token
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): a run can be repeated from its seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
