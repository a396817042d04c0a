/// Whoever waits for a deadline.
public protocol TimerTarget: AnyObject {
    func timerFired()
}

/// A deadline of one target, on the target's loop. Set and moved as often as wanted at the cost of a store: the wheel
/// looks at the deadline only when it meets the timer.
public final class DeadlineTimer {
    /// Its owner; the owner cancels the timer in its `deinit`, and a cancelled timer never touches its target.
    private(set) unowned var target: (any TimerTarget)?
    /// In monotonic nanoseconds; `.max`: not set.
    public fileprivate(set) var deadline: UInt64 = .max
    fileprivate var queuedTick: UInt64 = .max

    public init(target: any TimerTarget) { self.target = target }

    /// A timer that its owner keeps as a constant, and calls `attach` on once it is made itself.
    public init() {}

    public func attach(_ target: any TimerTarget) { self.target = target }

    public func cancel() { deadline = .max }

    /// Moves the deadline without the wheel, when the wheel looks at the timer early enough anyway.
    ///
    /// - Returns: whether that was so.
    func move(to deadline: UInt64) -> Bool {
        self.deadline = deadline
        return queuedTick <= deadline / TimerWheel.tickNanoseconds + 1
    }

    /// Whether the deadline has passed and was neither moved nor cancelled since the wheel found it due; cancels it.
    func takeIfDue(at now: UInt64) -> Bool {
        guard deadline <= now else { return false }
        deadline = .max
        return true
    }
}

/// A hashed timing wheel (Varghese and Lauck, 1987) with lazy entries; time is an argument.
///
/// A deadline fires at most one tick late and never early.
struct TimerWheel {
    static let tickNanoseconds: UInt64 = 20_000_000
    private static let slotCount: UInt64 = 2048

    private struct Entry {
        let timer: DeadlineTimer
        let tick: UInt64
    }

    private var slots: [[Entry]] = Array(repeating: [], count: Int(slotCount))
    private var current: UInt64
    private var earliest: UInt64 = .max
    private(set) var entryCount = 0

    init(now: UInt64) { current = now / Self.tickNanoseconds }

    mutating func schedule(_ timer: DeadlineTimer, at deadline: UInt64) {
        timer.deadline = deadline
        let tick = max(deadline / Self.tickNanoseconds + 1, current + 1)
        if timer.queuedTick <= tick { return }
        enqueue(timer, tick)
    }

    private mutating func enqueue(_ timer: DeadlineTimer, _ wanted: UInt64) {
        let tick = min(wanted, current + Self.slotCount - 1)
        timer.queuedTick = tick
        slots[Int(tick % Self.slotCount)].append(Entry(timer: timer, tick: tick))
        entryCount += 1
        earliest = min(earliest, tick)
    }

    /// How long a loop may sleep; nil: there is no deadline.
    func delay(now: UInt64) -> UInt64? {
        guard entryCount > 0 else { return nil }
        let at = earliest * Self.tickNanoseconds
        return at > now ? at - now : 0
    }

    /// Moves to `now` and returns, in order of their ticks, the timers whose deadlines have passed. One of them may cancel
    /// or move another, so `takeIfDue` has the last word.
    mutating func advance(to now: UInt64) -> [DeadlineTimer] {
        let target = now / Self.tickNanoseconds
        guard target >= earliest else {
            current = max(current, target)
            return []
        }
        var due: [DeadlineTimer] = []
        var tick = earliest
        let last = min(target, earliest + Self.slotCount)
        // First, so that what is put off goes to a tick that is still to come, however long the loop was away.
        current = max(current, target)
        while tick <= last {
            visit(tick, now: now, due: &due)
            tick += 1
        }
        findEarliest()
        return due
    }

    private mutating func visit(_ tick: UInt64, now: UInt64, due: inout [DeadlineTimer]) {
        let slot = Int(tick % Self.slotCount)
        guard !slots[slot].isEmpty else { return }
        var entries: [Entry] = []
        swap(&entries, &slots[slot])
        entryCount -= entries.count
        for entry in entries {
            let timer = entry.timer
            guard timer.queuedTick == entry.tick else { continue }
            timer.queuedTick = .max
            if timer.deadline == .max { continue }
            if timer.deadline <= now {
                due.append(timer)
            } else {
                enqueue(timer, max(timer.deadline / Self.tickNanoseconds + 1, current + 1))
            }
        }
    }

    private mutating func findEarliest() {
        earliest = .max
        guard entryCount > 0 else { return }
        for tick in current + 1...current + Self.slotCount where !slots[Int(tick % Self.slotCount)].isEmpty {
            earliest = tick
            return
        }
    }
}
