import Testing

@testable import Policy

@Suite struct OutlierDetectorTests {
    private var detector = OutlierDetector()
    private var settings = OutlierDetector.Settings()
    private static let second: UInt64 = 1_000_000_000

    private mutating func fail(_ count: Int, at now: UInt64 = second) -> [Bool] {
        (0..<count).map { _ in detector.failed(at: now, settings) }
    }

    private mutating func succeed(_ count: Int, at now: UInt64 = second) {
        for _ in 0..<count { detector.succeeded(at: now, settings) }
    }

    @Test mutating func `so many failures in a row, and no fewer`() {
        #expect(fail(5) == [false, false, false, false, true])
    }

    @Test mutating func `a success ends the row`() {
        #expect(fail(4).allSatisfy { !$0 })
        succeed(1)
        #expect(fail(4).allSatisfy { !$0 })
    }

    @Test mutating func `a row may be longer than an interval`() {
        settings.intervalMilliseconds = 100
        let found = (1...5).map { detector.failed(at: UInt64($0) * Self.second, settings) }
        #expect(found == [false, false, false, false, true])
    }

    @Test mutating func `half of the requests, when there are enough to say so`() {
        settings.consecutiveFailures = 0
        #expect(fail(10).allSatisfy { !$0 })
        succeed(9)
        #expect(fail(1) == [true])
    }

    @Test mutating func `the share is that of an interval`() {
        settings.consecutiveFailures = 0
        #expect(fail(19).allSatisfy { !$0 })
        #expect(fail(1, at: 12 * Self.second) == [false])
    }

    @Test mutating func `rules of zero are off`() {
        settings.consecutiveFailures = 0
        settings.failurePercent = 0
        #expect(fail(1_000).allSatisfy { !$0 })
    }

    @Test mutating func `each ejection is longer, up to the longest`() {
        settings.maximumEjectionMilliseconds = 25_000
        var lengths: [UInt64] = []
        var now = Self.second
        for _ in 0..<4 {
            let end = detector.eject(at: now, settings)
            #expect(detector.ejectedUntil == end)
            lengths.append((end - now) / Self.second)
            now = end
            detector.readmit(at: now, settings)
            #expect(detector.ejectedUntil == nil)
        }
        #expect(lengths == [10, 20, 25, 25])
    }

    @Test mutating func `time without trouble makes the next ejection shorter again`() {
        for _ in 0..<3 {
            _ = detector.eject(at: Self.second, settings)
            detector.readmit(at: Self.second, settings)
        }
        succeed(1, at: 23 * Self.second)
        let end = detector.eject(at: 23 * Self.second, settings)
        #expect((end - 23 * Self.second) / Self.second == 20)
    }

    @Test mutating func `what came before an ejection does not count after it`() {
        _ = fail(5)
        let end = detector.eject(at: Self.second, settings)
        #expect(fail(1) == [false], "an ejected endpoint is not ejected again")
        detector.readmit(at: end, settings)
        #expect(fail(4, at: end).allSatisfy { !$0 })
        #expect(fail(1, at: end) == [true])
    }

    @Test(arguments: [
        (0, 1, 50, false), (0, 2, 50, true), (1, 2, 50, false), (0, 2, 10, true), (0, 2, 0, true), (1, 2, 100, false),
        (4, 10, 50, true), (5, 10, 50, false), (9, 10, 100, false), (8, 10, 100, true), (0, 0, 100, false),
    ])
    func `the last endpoint is never ejected, one of several always may be`(
        ejected: Int, total: Int, percent: Int, allowed: Bool
    ) {
        #expect(EjectionLimit.allowsOneMore(ejected: ejected, of: total, maximumPercent: percent) == allowed)
    }

    @Test(arguments: [
        (1, 2, 50, false), (0, 2, 50, true), (2, 5, 50, true), (3, 5, 50, false), (0, 1, 0, false), (2, 2, 100, false),
    ])
    func `panic is when too few are left`(available: Int, total: Int, percent: Int, panics: Bool) {
        #expect(EjectionLimit.isPanic(available: available, of: total, thresholdPercent: percent) == panics)
    }
}

@Suite struct HealthStateTests {
    private func states(_ answers: [Bool]) -> [Bool] {
        var state = HealthState()
        return answers.map { good in
            _ = state.record(good: good, healthyThreshold: 2, unhealthyThreshold: 3)
            return state.isHealthy
        }
    }

    @Test func `an endpoint begins well`() { #expect(HealthState().isHealthy) }

    @Test func `so many bad answers in a row, then so many good ones`() {
        #expect(states([false, false, false, true, true]) == [true, true, false, false, true])
    }

    @Test func `an answer in between begins the count anew`() {
        #expect(states([false, false, true, false, false, false]) == [true, true, true, true, true, false])
        #expect(states([false, false, false, true, false, true, true]).last == true)
        #expect(states([false, false, false, true, false, true]).last == false)
    }

    @Test func `only a change is one`() {
        var state = HealthState()
        let changes = [false, false, false, true].map {
            state.record(good: $0, healthyThreshold: 1, unhealthyThreshold: 2)
        }
        #expect(changes == [false, true, false, true])
    }
}
