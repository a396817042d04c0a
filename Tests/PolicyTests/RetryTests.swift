import Testing

@testable import Policy

@Suite struct BackoffTests {
    @Test func `the range doubles up to its bound, and chance takes all of it`() {
        for (retry, range) in [(1, 25), (2, 50), (3, 100), (4, 200), (5, 250), (60, 250)] {
            var longest = 0
            for number in 0..<10_000 as Range<UInt64> {
                let pause = Backoff.milliseconds(
                    retry: retry, base: 25, maximum: 250, random: ConsistentHash.mix(number))
                #expect((0...range).contains(pause))
                longest = max(longest, pause)
            }
            #expect(longest == range)
        }
    }

    @Test func `settings at the edges are no trap`() {
        #expect(Backoff.milliseconds(retry: 3, base: 0, maximum: 250, random: 7) == 0)
        #expect(Backoff.milliseconds(retry: 3, base: 25, maximum: 0, random: 7) == 0)
        #expect(Backoff.milliseconds(retry: .max, base: 1_000_000, maximum: 30, random: .max) <= 30)
        #expect(Backoff.milliseconds(retry: 0, base: 10, maximum: 30, random: 10) == 10)
    }
}

@Suite struct RetryBudgetTests {
    private var budget = RetryBudget()
    private static let second: UInt64 = 1_000_000_000

    private mutating func retries(of asked: Int, at now: UInt64, percent: Int = 20, minimum: Int = 0) -> Int {
        (0..<asked).count { _ in budget.takeRetry(at: now, percent: percent, minimumPerSecond: minimum) }
    }

    @Test mutating func `a fifth of the requests`() {
        for number in 0..<1_000 { budget.requestBegan(at: Self.second * 100 + UInt64(number) * 9_000_000) }
        #expect(retries(of: 1_000, at: 109 * Self.second) == 200)
        #expect(retries(of: 1_000, at: 109 * Self.second) == 0, "what was taken is gone")
    }

    @Test mutating func `a few, however few requests there are`() {
        #expect(retries(of: 100, at: 500 * Self.second, minimum: 3) == 30)
        #expect(retries(of: 100, at: 500 * Self.second, minimum: 3) == 0)
    }

    @Test mutating func `ten seconds later it is whole again, and old requests count no more`() {
        for _ in 0..<100 { budget.requestBegan(at: 100 * Self.second) }
        #expect(retries(of: 100, at: 105 * Self.second) == 20)
        #expect(retries(of: 100, at: 109 * Self.second) == 0)
        #expect(retries(of: 100, at: 110 * Self.second) == 0)
        for _ in 0..<50 { budget.requestBegan(at: 115 * Self.second) }
        #expect(retries(of: 100, at: 116 * Self.second) == 10)
    }

    @Test mutating func `none at all when there is no budget`() {
        for _ in 0..<100 { budget.requestBegan(at: Self.second) }
        #expect(retries(of: 10, at: Self.second, percent: 0) == 0)
    }
}

@Suite struct RetryDecisionTests {
    typealias Situation = RetryDecision.Situation

    private func decide(
        _ cause: RetryDecision.Cause, retries: Int = 0, idempotent: Bool = true, repeatable: Bool = true,
        alternative: Bool = true
    ) -> RetryDecision {
        RetryDecision.decide(
            Situation(
                cause: cause, retries: retries, maximumRetries: 2, isIdempotent: idempotent, isRepeatable: repeatable,
                hasAlternative: alternative))
    }

    private static let causes: [RetryDecision.Cause] = [.notSent, .refused, .lostStale, .lost, .timedOut, .status]

    @Test(arguments: causes)
    func `never more than allowed, and never half a body`(cause: RetryDecision.Cause) {
        #expect(decide(cause) != .giveUp)
        #expect(decide(cause, retries: 2) == .giveUp)
        #expect(decide(cause, repeatable: false) == .giveUp)
    }

    @Test(arguments: causes)
    func `what may have taken effect is not repeated unless it is idempotent`(cause: RetryDecision.Cause) {
        let neverProcessed = cause == .notSent || cause == .refused
        #expect((decide(cause, idempotent: false) != .giveUp) == neverProcessed)
        #expect(cause.mayHaveCostWork == !neverProcessed)
    }

    @Test func `without another endpoint only what the same one may well do now`() {
        #expect(Self.causes.filter { decide($0, alternative: false) != .giveUp } == [.refused, .lostStale, .status])
    }

    @Test func `only the first retry of what was never processed goes at once`() {
        #expect(Self.causes.filter { decide($0) == .now } == [.notSent, .refused, .lostStale])
        #expect(Self.causes.allSatisfy { decide($0, retries: 1) == .afterPause })
    }
}
