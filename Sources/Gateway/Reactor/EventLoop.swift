import CLinux
import Glibc

/// What epoll says of a descriptor.
public struct ReadyEvents: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    static let readable = ReadyEvents(rawValue: EPOLLIN.rawValue)
    static let writable = ReadyEvents(rawValue: EPOLLOUT.rawValue)
    static let failed = ReadyEvents(rawValue: EPOLLERR.rawValue)
    static let hungUp = ReadyEvents(rawValue: EPOLLHUP.rawValue)
}

protocol EventHandler: AnyObject {
    func handle(_ events: ReadyEvents)
    /// The loop has ended: let go of the descriptor.
    func abandon()
}

/// One thread's loop: descriptors that became ready, then messages and timers, then one flush of every transport that
/// has something to say, then the transports that ended.
///
/// The deferred flush is the point: everything that a turn produced for a connection leaves in one record and one send
/// (measured in the prototype at 0.07 sends a request). All members belong to the thread that calls `run()`.
public final class EventLoop {
    /// Where a handler sits. The generation tells an event of a closed descriptor from one of its successor.
    struct Registration {
        fileprivate let index: Int
        fileprivate let generation: UInt32
        fileprivate var data: UInt64 { UInt64(generation) << 32 | UInt64(UInt32(truncatingIfNeeded: index)) }
    }

    private struct Slot {
        var handler: (any EventHandler)?
        var generation: UInt32 = 0
    }

    /// Takes a response of 64 KB with its head in one receive.
    static let readBufferBytes = 131_072
    private static let eventsPerTurn = 256

    private let epoll: Descriptor
    private let events: UnsafeMutableBufferPointer<epoll_event>
    private var slots: [Slot] = []
    private var freeSlots: [Int] = []
    private var timers: TimerWheel
    private var dirty: [Transport] = []
    private var pressing: [Transport] = []
    private var unread: [Transport] = []
    private var ended: [Transport] = []
    private var outputPool: [[UInt8]] = []
    private var isStopped = false

    /// Monotonic nanoseconds, read once a turn.
    public private(set) var now: UInt64
    /// How long the present turn has taken so far.
    public var turnNanoseconds: UInt64 { Syscalls.monotonicNanoseconds() &- now }
    /// Milliseconds since 1970, read once a turn.
    public private(set) var wallMilliseconds: Int64
    /// Runs after each turn's flushes.
    public var turnEnded: () -> Void = {}
    /// What one receive is read into; every transport of the loop shares it.
    let readBuffer: UnsafeMutableRawBufferPointer
    let cipher = CipherBuffer()

    public init() throws(ReactorError) {
        epoll = try Syscalls.makeEpoll()
        events = .allocate(capacity: Self.eventsPerTurn)
        readBuffer = .allocate(byteCount: Self.readBufferBytes, alignment: 16)
        now = Syscalls.monotonicNanoseconds()
        wallMilliseconds = Syscalls.wallMilliseconds()
        timers = TimerWheel(now: now)
    }

    deinit {
        events.deallocate()
        readBuffer.deallocate()
    }

    /// Runs turns until `stop()`; then closes whatever is still open on the loop, telling its delegates.
    public func run() {
        while !isStopped { turn() }
        for slot in slots { slot.handler?.abandon() }
        settle()
        for slot in slots.indices { slots[slot].handler = nil }
        timers = TimerWheel(now: now)
        turnEnded()
    }

    /// Ends `run()` after the present turn. On the loop's thread.
    public func stop() { isStopped = true }

    /// Delivers what is posted to `mailbox` on this loop, for the loop's life.
    public func attach<Message: Sendable>(
        _ mailbox: Mailbox<Message>, receive: @escaping (Message) -> Void
    ) throws(ReactorError) {
        let reader = MailboxReader(mailbox, receive: receive)
        _ = try register(mailbox.descriptor, reader, interest: .readable)
    }

    public func schedule(_ timer: DeadlineTimer, afterMilliseconds delay: Int) {
        let deadline = now + UInt64(max(0, delay)) * 1_000_000
        if !timer.move(to: deadline) { timers.schedule(timer, at: deadline) }
    }

    // MARK: - A turn

    private func turn() {
        let count = Syscalls.wait(epoll.number, events, milliseconds: sleepMilliseconds())
        now = Syscalls.monotonicNanoseconds()
        wallMilliseconds = Syscalls.wallMilliseconds()
        for position in 0..<count {
            dispatch(position)
            if !pressing.isEmpty { flushPressing() }
        }
        readWhatIsLeft()
        for timer in timers.advance(to: now) where timer.takeIfDue(at: now) { timer.target?.timerFired() }
        settle()
        turnEnded()
    }

    /// Their delegates may end others, so the list is walked to its end.
    private func releaseEnded() {
        var position = 0
        while position < ended.count {
            ended[position].release()
            position += 1
        }
        ended.removeAll(keepingCapacity: true)
    }

    private func sleepMilliseconds() -> Int32 {
        guard unread.isEmpty else { return 0 }
        guard let delay = timers.delay(now: now) else { return -1 }
        return Int32(clamping: (delay + 999_999) / 1_000_000)
    }

    private func dispatch(_ position: Int) {
        let data = gatehouse_epoll_data(events.baseAddress, Int32(position))
        let index = Int(UInt32(truncatingIfNeeded: data))
        guard index < slots.count, slots[index].generation == UInt32(data >> 32),
            let handler = slots[index].handler
        else { return }
        handler.handle(ReadyEvents(rawValue: gatehouse_epoll_events(events.baseAddress, Int32(position))))
    }

    private func readWhatIsLeft() {
        guard !unread.isEmpty else { return }
        var transports: [Transport] = []
        swap(&transports, &unread)
        for transport in transports { transport.readUnread() }
    }

    /// Flushes and releases until there is neither to do: an endpoint's end is a client's answer, and the loop must not
    /// sleep on it.
    private func settle() {
        repeat {
            flush()
            releaseEnded()
        } while !dirty.isEmpty
        pressing.removeAll(keepingCapacity: true)
    }

    /// A flush may make others dirty (a response that left resumes an upstream), so the list is walked to its end.
    private func flush() {
        var position = 0
        while position < dirty.count {
            dirty[position].flush()
            position += 1
        }
        dirty.removeAll(keepingCapacity: true)
    }

    /// Between two events: nothing of a transport is on the stack.
    private func flushPressing() {
        while let transport = pressing.popLast() { transport.flush() }
    }

    // MARK: - For transports and listeners

    func register(_ fd: Int32, _ handler: any EventHandler, interest: ReadyEvents) throws(ReactorError) -> Registration
    {
        let index: Int
        if let free = freeSlots.popLast() {
            index = free
        } else {
            index = slots.count
            slots.append(Slot())
        }
        slots[index].handler = handler
        let registration = Registration(index: index, generation: slots[index].generation)
        do throws(ReactorError) {
            try Syscalls.control(epoll.number, EPOLL_CTL_ADD, fd, interest.rawValue, registration.data)
        } catch {
            free(registration)
            throw error
        }
        return registration
    }

    func change(_ fd: Int32, _ registration: Registration, interest: ReadyEvents) {
        // Fails only for a descriptor that is not registered, which a Registration rules out.
        try? Syscalls.control(epoll.number, EPOLL_CTL_MOD, fd, interest.rawValue, registration.data)
    }

    /// Closing the descriptor takes it out of the epoll set; its slot is free at once.
    func free(_ registration: Registration) {
        slots[registration.index].handler = nil
        slots[registration.index].generation &+= 1
        freeSlots.append(registration.index)
    }

    func flushLater(_ transport: Transport) { dirty.append(transport) }
    func flushSoon(_ transport: Transport) { pressing.append(transport) }
    func readLater(_ transport: Transport) { unread.append(transport) }
    func releaseLater(_ transport: Transport) { ended.append(transport) }

    func takeOutput() -> [UInt8] { outputPool.popLast() ?? [] }

    /// Keeps a few buffers of ordinary size; a large one goes back to the allocator.
    func giveBack(_ output: consuming [UInt8]) {
        guard outputPool.count < 64, output.capacity > 0, output.capacity <= 131_072 else { return }
        output.removeAll(keepingCapacity: true)
        outputPool.append(output)
    }
}
