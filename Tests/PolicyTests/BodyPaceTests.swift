import Policy
import Testing

@Suite struct BodyPaceTests {
    private static let second: UInt64 = 1_000_000_000

    @Test func `a body has its allowance, and a second more for every second's worth of bytes`() {
        var pace = BodyPace(now: 5 * Self.second, allowanceMilliseconds: 15_000, bytesPerSecond: 1_000)
        #expect(pace.deadline == 20 * Self.second)
        pace.received(500)
        pace.received(1_500)
        #expect(pace.deadline == 22 * Self.second)
    }

    @Test func `time in which the client was held back does not count`() {
        var pace = BodyPace(now: 0, allowanceMilliseconds: 1_000, bytesPerSecond: 1_000)
        pace.received(3_000)
        pace.restart(now: 100 * Self.second)
        #expect(pace.deadline == 101 * Self.second)
    }

    @Test func `without a rate there is no deadline, and no number overflows`() {
        #expect(BodyPace(now: 1, allowanceMilliseconds: 1, bytesPerSecond: 0).deadline == .max)
        var pace = BodyPace(now: 1, allowanceMilliseconds: 1, bytesPerSecond: 1)
        pace.received(.max)
        #expect(pace.deadline == .max)
    }
}

@Suite struct AllowanceTests {
    private static let second: UInt64 = 1_000_000_000

    /// Whether each of these may happen: so many, at that time in half seconds.
    private func taken(_ burst: Int, _ perSecond: Int, _ wanted: [(count: Int, at: UInt64)]) -> [Bool] {
        var allowance = Allowance(burst: burst, perSecond: perSecond, now: 0)
        return wanted.map { allowance.take($0.count, now: $0.at * Self.second / 2) }
    }

    @Test func `allows a burst, then only what time brings back`() {
        #expect(taken(10, 2, [(10, 0), (1, 0), (1, 1), (1, 1), (2, 3)]) == [true, false, true, false, true])
    }

    @Test func `a long rest brings back no more than the burst`() {
        #expect(taken(3, 100, [(3, 2_000), (1, 2_000)]) == [true, false])
    }

    @Test func `more at once than is left takes all of it`() {
        #expect(taken(5, 1, [(6, 0), (1, 0)]) == [false, false])
    }
}

@Suite struct RefusedTokensTests {
    private let token = Array("bad".utf8)

    private func made() -> RefusedTokens { RefusedTokens(capacity: 8, key: (1, 2)) }

    @Test func `remembers a refusal for a while, of that token at that provider`() {
        var refused = made()
        refused.insert(token, provider: 1, .badSignature, nowSeconds: 100)
        #expect(refused.find(token.span, provider: 1, nowSeconds: 100) == .badSignature)
        #expect(refused.find(token.span, provider: 1, nowSeconds: 109) == .badSignature)
        #expect(refused.find(token.span, provider: 1, nowSeconds: 110) == nil)
        #expect(refused.find(token.span, provider: 2, nowSeconds: 100) == nil)
        #expect(refused.find(Array("bae".utf8).span, provider: 1, nowSeconds: 100) == nil)
        refused.removeAll()
        #expect(refused.find(token.span, provider: 1, nowSeconds: 100) == nil)
    }

    @Test(arguments: [TokenRefusal.keysNotLoaded, .overloaded, .unknownKey])
    func `does not remember what may be another answer in a moment`(refusal: TokenRefusal) {
        var refused = made()
        refused.insert(token, provider: 1, refusal, nowSeconds: 100)
        #expect(refused.find(token.span, provider: 1, nowSeconds: 100) == nil)
    }
}
