import GatewayTestSupport
import Testing

@testable import Reactor

/// Time is an argument, so nothing here waits.
@Suite struct TimerWheelTests {
    private final class Target: TimerTarget {
        func timerFired() {}
    }

    private static let millisecond: UInt64 = 1_000_000
    private static let tick = TimerWheel.tickNanoseconds
    private static let start: UInt64 = 5_000 * millisecond

    private let target = Target()
    private var wheel = TimerWheel(now: start)

    /// The timers that fire when the loop looks at `time`.
    private mutating func fired(at time: UInt64) -> [DeadlineTimer] {
        wheel.advance(to: time).filter { $0.takeIfDue(at: time) }
    }

    @Test mutating func `has nothing to wait for when it is empty`() {
        #expect(wheel.delay(now: Self.start) == nil)
        #expect(fired(at: Self.start + 100_000 * Self.millisecond).isEmpty)
        #expect(wheel.delay(now: Self.start) == nil)
    }

    @Test(arguments: [0, 1, 19, 20, 21, 500, 2_000, 40_000, 41_000, 100_000, 3_600_000] as [UInt64])
    func `is never early, and late by at most a tick`(milliseconds: UInt64) {
        let target = Target()
        var wheel = TimerWheel(now: Self.start)
        let timer = DeadlineTimer(target: target)
        let deadline = Self.start + milliseconds * Self.millisecond + 7
        wheel.schedule(timer, at: deadline)
        var now = Self.start
        for _ in 0..<10_000 {
            guard let delay = wheel.delay(now: now) else { break }
            now += max(delay, 1)
            if wheel.advance(to: now).contains(where: { $0.takeIfDue(at: now) }) {
                #expect(now >= deadline)
                #expect(now - deadline <= Self.tick)
                return
            }
        }
        Issue.record("the timer never fired")
    }

    @Test mutating func `fires each timer once`() {
        let timer = DeadlineTimer(target: target)
        wheel.schedule(timer, at: Self.start + 100 * Self.millisecond)
        #expect(fired(at: Self.start + 200 * Self.millisecond).count == 1)
        #expect(fired(at: Self.start + 400 * Self.millisecond).isEmpty)
        #expect(timer.deadline == .max)
        #expect(wheel.entryCount == 0)
    }

    @Test mutating func `a cancelled timer does not fire, and may be set again`() {
        let timer = DeadlineTimer(target: target)
        wheel.schedule(timer, at: Self.start + 100 * Self.millisecond)
        timer.cancel()
        #expect(fired(at: Self.start + 200 * Self.millisecond).isEmpty)
        wheel.schedule(timer, at: Self.start + 300 * Self.millisecond)
        #expect(fired(at: Self.start + 280 * Self.millisecond).isEmpty)
        #expect(fired(at: Self.start + 400 * Self.millisecond).count == 1)
    }

    /// One target's end often cancels another's deadline, in the same turn.
    @Test mutating func `a timer that another cancels or moves in the same turn does not fire`() {
        let first = DeadlineTimer(target: target)
        let cancelled = DeadlineTimer(target: target)
        let moved = DeadlineTimer(target: target)
        for timer in [first, cancelled, moved] { wheel.schedule(timer, at: Self.start + 100 * Self.millisecond) }
        let now = Self.start + 200 * Self.millisecond
        let due = wheel.advance(to: now)
        #expect(due.count == 3)
        #expect(first.takeIfDue(at: now))
        cancelled.cancel()
        wheel.schedule(moved, at: now + 100 * Self.millisecond)
        #expect(!cancelled.takeIfDue(at: now))
        #expect(!moved.takeIfDue(at: now))
        let fired = fired(at: now + 200 * Self.millisecond)
        #expect(fired.count == 1)
        #expect(fired.first === moved)
    }

    @Test mutating func `moving a deadline later costs no second entry`() {
        let timer = DeadlineTimer(target: target)
        for step in 0..<1000 as Range<UInt64> {
            wheel.schedule(timer, at: Self.start + (100 + step) * Self.millisecond)
        }
        #expect(wheel.entryCount == 1)
        #expect(fired(at: Self.start + 1_080 * Self.millisecond).isEmpty)
        #expect(fired(at: Self.start + 1_120 * Self.millisecond).count == 1)
    }

    @Test mutating func `moving a deadline earlier takes effect, and leaves nothing behind that fires`() {
        let timer = DeadlineTimer(target: target)
        wheel.schedule(timer, at: Self.start + 10_000 * Self.millisecond)
        wheel.schedule(timer, at: Self.start + 100 * Self.millisecond)
        #expect(fired(at: Self.start + 120 * Self.millisecond).count == 1)
        #expect(fired(at: Self.start + 20_000 * Self.millisecond).isEmpty)
        #expect(wheel.entryCount == 0)
    }

    @Test mutating func `fires in the order of the ticks`() {
        let timers = (0..<50).map { _ in DeadlineTimer(target: target) }
        for (position, timer) in timers.enumerated().reversed() {
            wheel.schedule(timer, at: Self.start + UInt64(position) * 40 * Self.millisecond)
        }
        let fired = fired(at: Self.start + 10_000 * Self.millisecond)
        #expect(fired.count == 50)
        for (fired, timer) in zip(fired, timers) { #expect(fired === timer) }
    }

    /// The wheel has 2,048 slots; the loop may be away longer than that (a stopped process).
    @Test mutating func `keeps its promise after an absence of more than a turn of the wheel`() {
        let soon = DeadlineTimer(target: target)
        let later = DeadlineTimer(target: target)
        wheel.schedule(soon, at: Self.start + 100 * Self.millisecond)
        wheel.schedule(later, at: Self.start + 200_000 * Self.millisecond)
        #expect(fired(at: Self.start + 150_000 * Self.millisecond).count == 1)
        var now = Self.start + 150_000 * Self.millisecond
        while let delay = wheel.delay(now: now), now < Self.start + 300_000 * Self.millisecond {
            now += max(1, delay)
            if !fired(at: now).isEmpty { break }
        }
        #expect(now >= Self.start + 200_000 * Self.millisecond)
        #expect(now <= Self.start + 200_000 * Self.millisecond + Self.tick)
    }

    /// Against a list of deadlines: the loop sleeps as long as the wheel says, or is woken before.
    @Test func `behaves like a list of deadlines`() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededGenerator(seed: seed)
        let target = Target()
        var wheel = TimerWheel(now: Self.start)
        let timers = (0..<64).map { _ in DeadlineTimer(target: target) }
        var deadlines = [UInt64](repeating: .max, count: timers.count)
        var now = Self.start
        for step in 0..<20_000 {
            let position = Int.random(in: 0..<timers.count, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                let spread: UInt64 = Bool.random(using: &random) ? 300 : 90_000
                let deadline = now + UInt64.random(in: 0..<spread * Self.millisecond, using: &random)
                wheel.schedule(timers[position], at: deadline)
                deadlines[position] = deadline
            case 5:
                timers[position].cancel()
                deadlines[position] = .max
            default: break
            }
            let sleep = wheel.delay(now: now) ?? 50 * Self.millisecond
            now += min(sleep, UInt64.random(in: 0..<500 * Self.millisecond, using: &random))
            let fired = wheel.advance(to: now).filter { $0.takeIfDue(at: now) }
            for index in timers.indices {
                if fired.contains(where: { $0 === timers[index] }) {
                    #expect(deadlines[index] <= now, "seed \(seed), step \(step): early")
                    deadlines[index] = .max
                } else {
                    let isLate = deadlines[index] != .max && now > deadlines[index] + Self.tick
                    #expect(!isLate, "seed \(seed), step \(step): late")
                }
            }
        }
    }
}
