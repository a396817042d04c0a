import Testing

@testable import Control

@Suite struct KeySetScheduleTests {
    @Test(arguments: [(nil, 720), (300, 240), (1, 48), (0, 48), (10_000_000, 69_120)] as [(Int64?, Int64)])
    func `fresh keys are fetched again ahead of their end`(maxAge: Int64?, next: Int64) {
        var schedule = KeySetSchedule(staleSeconds: 0)
        schedule.succeeded(now: 1_000, maxAge: maxAge)
        #expect(schedule.nextFetch == 1_000 + next)
    }

    @Test func `failures are tried again ever more slowly, and success forgets them`() {
        var schedule = KeySetSchedule(staleSeconds: 0)
        var pauses: [Int64] = []
        for _ in 0..<9 {
            schedule.failed(now: 1_000)
            pauses.append(schedule.nextFetch - 1_000)
        }
        #expect(pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60])
        schedule.succeeded(now: 1_000, maxAge: nil)
        schedule.failed(now: 2_000)
        #expect(schedule.nextFetch == 2_001)
    }

    @Test func `keys are used as long as they are fresh or may be stale`() {
        var schedule = KeySetSchedule(staleSeconds: 3_600)
        #expect(!schedule.isUsable(now: 0))
        schedule.succeeded(now: 1_000, maxAge: 100)
        for _ in 0..<100 { schedule.failed(now: 1_200) }
        #expect(schedule.isUsable(now: 1_000 + 100 + 3_599))
        #expect(!schedule.isUsable(now: 1_000 + 100 + 3_600))
    }

    @Test func `unknown names make it fetch seldom, and each only once`() {
        var schedule = KeySetSchedule(staleSeconds: 0)
        let asked: [(String, Int64)] = [("a", 100), ("a", 120), ("b", 109), ("b", 110), ("a", 400)]
        let answers = asked.map { schedule.isNews($0.0, now: $0.1) }
        #expect(answers == [true, false, false, true, true])
    }

    @Test func `somebody who makes names up is not listened to for long`() {
        var schedule = KeySetSchedule(staleSeconds: 0)
        var fetches = 0
        for second in 0..<100_000 as Range<Int64> where schedule.isNews("name \(second)", now: second) { fetches += 1 }
        #expect(fetches == 10_000)
    }
}
