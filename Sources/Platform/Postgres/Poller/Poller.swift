import CLinux
import Glibc
import Synchronization

/// Who is told by the poller that a descriptor is ready, or that time has passed. Called on the poller's thread.
protocol PollerSource: AnyObject, Sendable {
    /// The source's descriptor is readable, writable or broken.
    func ready()
    /// Does what is due.
    ///
    /// - Returns: when something is due next.
    func expire(now: ContinuousClock.Instant) -> ContinuousClock.Instant?
}

/// The one thread of the process that waits for all its Postgres connections (epoll), and for their deadlines.
///
/// Statements are sent by the tasks that ask for them; here answers are read. A source says when it wants to be woken
/// at the latest; as deadlines are seldom reached, this costs a comparison per statement, and a system call only when
/// the new deadline is the earliest.
final class Poller: Sendable {
    typealias Instant = ContinuousClock.Instant
    typealias Token = UInt64

    static let shared = Poller()

    private struct State {
        var sources: [Token: any PollerSource] = [:]
        var lastToken: Token = 0
        /// When the thread wakes at the latest.
        var wakesAt: Instant?
    }

    private static let wakeToken: Token = 0
    private static let eventLimit = 64

    private let epoll: Int32
    private let wakeup: Int32
    private let state = Mutex(State())

    private init() {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        wakeup = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        // Without it nothing would ever be answered, and no deadline kept.
        guard epoll >= 0, wakeup >= 0,
            gatehouse_epoll_ctl(epoll, EPOLL_CTL_ADD, wakeup, EPOLLIN.rawValue, Self.wakeToken) == 0
        else { preconditionFailure("no descriptors for the Postgres poller (errno \(errno))") }
        let isRunning = DetachedThread.run(named: "postgres-poll") { [self] in
            let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: Self.eventLimit)
            while true { turn(events) }
        }
        precondition(isRunning, "no thread for the Postgres poller")
    }

    /// Makes a source known; it is kept until removed.
    func add(_ source: some PollerSource) -> Token {
        state.withLock { state in
            state.lastToken += 1
            state.sources[state.lastToken] = source
            return state.lastToken
        }
    }

    func remove(_ token: Token) {
        _ = state.withLock { $0.sources.removeValue(forKey: token) }
    }

    /// Watches a descriptor, or changes what it is watched for (level-triggered).
    ///
    /// - Returns: 0, or the error number.
    func watch(_ descriptor: Int32, for token: Token, writable: Bool) -> Int32 {
        let events = EPOLLIN.rawValue | EPOLLRDHUP.rawValue | (writable ? EPOLLOUT.rawValue : 0)
        if gatehouse_epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, events, token) == 0 { return 0 }
        guard errno == ENOENT else { return errno }
        return gatehouse_epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, events, token) == 0 ? 0 : errno
    }

    /// Stops watching; to be called before the descriptor is closed.
    func unwatch(_ descriptor: Int32) {
        _ = gatehouse_epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, 0, 0)
    }

    /// Makes sure that all sources are asked what is due at this time.
    func wake(at instant: Instant) {
        let isEarliest = state.withLock { state in
            if let wakesAt = state.wakesAt, wakesAt <= instant { return false }
            state.wakesAt = instant
            return true
        }
        guard isEarliest else { return }
        var one: UInt64 = 1
        _ = write(wakeup, &one, MemoryLayout<UInt64>.size)
    }

    private func turn(_ events: UnsafeMutablePointer<epoll_event>) {
        let ready = epoll_wait(epoll, events, Int32(Self.eventLimit), timeout())
        for index in 0..<max(ready, 0) {
            let token = gatehouse_epoll_data(events, index)
            guard token != Self.wakeToken else {
                var count: UInt64 = 0
                _ = read(wakeup, &count, MemoryLayout<UInt64>.size)
                continue
            }
            state.withLock { $0.sources[token] }?.ready()
        }
        expire()
    }

    private func timeout() -> Int32 {
        guard let wakesAt = state.withLock({ $0.wakesAt }) else { return -1 }
        return ContinuousClock.now.duration(to: wakesAt).wholeMilliseconds
    }

    private func expire() {
        let now = ContinuousClock.now
        let due: [any PollerSource] = state.withLock { state in
            guard let wakesAt = state.wakesAt, wakesAt <= now else { return [] }
            state.wakesAt = nil
            return Array(state.sources.values)
        }
        for source in due {
            if let next = source.expire(now: now) { wake(at: next) }
        }
    }
}
