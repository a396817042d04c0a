/// Which request goes to which connection, and when connections are opened and closed. Pure: the shell acts on what it
/// decides, and tells it what happened; time and randomness are arguments.
///
/// - A **statement** takes an idle connection, the lowest number first; without one, the connection with the fewest
///   statements in flight, up to `pipelineDepth`, unless that has not answered for `slowAfter`: behind something slow
///   it would wait longer than in the queue. Meanwhile the pool opens another connection if it may.
/// - A **lease** (a transaction) takes an idle connection and has it for itself.
/// - Who finds nothing waits in one queue, first in first out, whatever kind it is: a waiting lease holds back the
///   statements behind it, so that a connection drains for it; nobody starves.
/// - A waiting request fails at its deadline.
///
/// **Outage.** Without any connection, after a failed attempt, the server counts as away: one attempt at a time, with a
/// growing delay. Requests wait, up to their deadline, so a restart shorter than that is not seen by anybody. Once the
/// server has been away for longer than the acquire timeout, a request only waits for one attempt that begins after its
/// arrival (at most `probeSpacing` later), and fails with it: soon, but never because of what was true before it came.
struct PoolState<Request: Sendable>: Sendable {
    typealias Instant = ContinuousClock.Instant

    struct Limits: Sendable {
        var size: Int
        var pipelineDepth: Int
        var maximumWaiters: Int
        var acquireTimeout: Duration
        var idleTimeout: Duration
        /// A connection that has not answered for so long takes no further statement.
        var slowAfter = Duration.milliseconds(10)
        /// In a long outage, the time between attempts while there are requests.
        var probeSpacing = Duration.milliseconds(100)
    }

    enum Kind: Sendable { case statement, lease }

    /// What becomes of a new request.
    enum Decision: Sendable {
        case assigned(Int)
        case waits
        case refused(PostgresError)
    }

    /// What the shell is to do.
    struct Work: Sendable {
        var assignments: [(request: Request, connection: Int)] = []
        var failures: [(request: Request, error: PostgresError)] = []
        var opens: [Int] = []
        var closes: [Int] = []
    }

    struct Counts: Equatable, Sendable {
        var connecting = 0
        var idle = 0
        var busy = 0
        var waiting = 0
    }

    private enum Phase: Equatable, Sendable { case opening, shared(inFlight: Int), leased }

    private struct Connection: Sendable {
        let number: Int
        var phase: Phase
        /// The last time it became busy or answered.
        var lastSign: Instant
    }

    private struct Waiter: Sendable {
        let request: Request
        let id: UInt64
        let kind: Kind
        let arrival: Instant
        let deadline: Instant
    }

    private let limits: Limits
    private var connections: [Connection] = []
    private var waiters = Queue<Waiter>()
    private var lastNumber = 0
    private var lastID: UInt64 = 0
    private var backoff = Backoff()
    /// No connection is opened before.
    private(set) var nextAttempt: Instant?
    private var lastAttempt: Instant?
    /// Whether the last attempt to connect failed: until one succeeds, there is one at a time.
    private var lastAttemptFailed = false
    private var outage: (since: Instant, error: PostgresError)?
    private(set) var isClosing = false

    init(limits: Limits) {
        self.limits = limits
    }

    var counts: Counts {
        var counts = Counts(waiting: waiters.count)
        for connection in connections {
            switch connection.phase {
            case .opening: counts.connecting += 1
            case .shared(inFlight: 0): counts.idle += 1
            case .shared, .leased: counts.busy += 1
            }
        }
        return counts
    }

    /// Whether a closing pool has nothing left.
    var isDrained: Bool { isClosing && connections.isEmpty }

    // MARK: - Requests

    /// Takes a request. Ask `connectionsToOpen` next.
    ///
    /// - Returns: the decision and, for one that waits, the number to withdraw it by.
    mutating func take(_ request: Request, kind: Kind, deadline: Instant, now: Instant) -> (Decision, id: UInt64) {
        guard !isClosing else { return (.refused(PostgresError(.poolClosed, "the pool is closed")), 0) }
        if waiters.isEmpty, let index = choose(for: kind, now: now) {
            assign(kind, to: index, now: now)
            return (.assigned(connections[index].number), 0)
        }
        guard waiters.count < limits.maximumWaiters else {
            return (.refused(PostgresError(.poolTimeout, "too many requests wait for a connection")), 0)
        }
        lastID += 1
        waiters.append(Waiter(request: request, id: lastID, kind: kind, arrival: now, deadline: deadline))
        if isLongAway(now: now) { hurry() }
        return (.waits, lastID)
    }

    private func isLongAway(now: Instant) -> Bool {
        outage.map { $0.since.advanced(by: limits.acquireTimeout) <= now } ?? false
    }

    /// Somebody waits for the next attempt only.
    private mutating func hurry() {
        guard let nextAttempt, let lastAttempt else { return }
        self.nextAttempt = min(nextAttempt, lastAttempt.advanced(by: limits.probeSpacing))
    }

    /// Takes a request out of the queue.
    ///
    /// - Returns: whether it was waiting.
    mutating func withdraw(_ id: UInt64) -> Bool {
        !waiters.remove { $0.id == id }.isEmpty
    }

    private func choose(for kind: Kind, now: Instant) -> Int? {
        var best: (index: Int, inFlight: Int)?
        for (index, connection) in connections.enumerated() {
            guard case .shared(let inFlight) = connection.phase else { continue }
            if inFlight == 0 { return index }
            guard kind == .statement, inFlight < limits.pipelineDepth,
                connection.lastSign.advanced(by: limits.slowAfter) > now
            else { continue }
            if inFlight < best?.inFlight ?? .max { best = (index, inFlight) }
        }
        return best?.index
    }

    private mutating func assign(_ kind: Kind, to index: Int, now: Instant) {
        switch (kind, connections[index].phase) {
        case (.statement, .shared(let inFlight)):
            if inFlight == 0 { connections[index].lastSign = now }
            connections[index].phase = .shared(inFlight: inFlight + 1)
        default: connections[index].phase = .leased
        }
    }

    private mutating func dispatch(now: Instant) -> Work {
        var work = Work()
        while let waiter = waiters.first, let index = choose(for: waiter.kind, now: now) {
            _ = waiters.popFirst()
            assign(waiter.kind, to: index, now: now)
            work.assignments.append((waiter.request, connections[index].number))
        }
        return work
    }

    // MARK: - Connections

    /// The connections to open now: for those who wait, one more when every connection is busy, and at least one.
    mutating func connectionsToOpen(now: Instant) -> [Int] {
        if let nextAttempt {
            guard nextAttempt <= now else { return [] }
            self.nextAttempt = nil
        }
        guard !isClosing, connections.count < limits.size else { return [] }
        var opening = 0
        var hasIdle = false
        for connection in connections {
            if connection.phase == .opening { opening += 1 }
            if connection.phase == .shared(inFlight: 0) { hasIdle = true }
        }
        var wanted = waiters.count
        if wanted == 0, !hasIdle { wanted = 1 }
        if lastAttemptFailed { wanted = min(wanted, 1) }
        var numbers: [Int] = []
        while numbers.count + opening < wanted, connections.count < limits.size {
            lastNumber += 1
            connections.append(Connection(number: lastNumber, phase: .opening, lastSign: now))
            lastAttempt = now
            numbers.append(lastNumber)
        }
        return numbers
    }

    mutating func opened(_ number: Int, now: Instant) -> Work {
        guard let index = index(of: number) else { return Work() }
        backoff.reset()
        nextAttempt = nil
        lastAttemptFailed = false
        outage = nil
        connections[index].phase = .shared(inFlight: 0)
        connections[index].lastSign = now
        return settled(now: now)
    }

    /// - Parameter random: a number in 0 … 1 for the delay before the next attempt.
    mutating func openFailed(_ number: Int, error: PostgresError, random: Double, now: Instant) -> Work {
        guard let index = index(of: number) else { return Work() }
        let beginning = connections.remove(at: index).lastSign
        lastAttemptFailed = true
        nextAttempt = now.advanced(by: backoff.next(random: random))
        guard !connections.contains(where: { $0.phase != .opening }) else { return Work() }
        outage = (outage?.since ?? now, error)
        guard isLongAway(now: now) else { return Work() }
        let failed = waiters.remove { $0.arrival <= beginning }
        if !waiters.isEmpty { hurry() }
        return Work(failures: failed.map { ($0.request, error) })
    }

    /// A connection that was open is gone.
    mutating func closed(_ number: Int, now: Instant) -> Work {
        if let index = index(of: number) { connections.remove(at: index) }
        var work = dispatch(now: now)
        work.opens = connectionsToOpen(now: now)
        return work
    }

    /// A shared connection has answered so many statements.
    mutating func finished(_ number: Int, count: Int, now: Instant) -> Work {
        guard let index = index(of: number), case .shared(let inFlight) = connections[index].phase else {
            return Work()
        }
        connections[index].phase = .shared(inFlight: max(0, inFlight - count))
        connections[index].lastSign = now
        return settled(now: now)
    }

    /// A lease is over.
    ///
    /// - Parameter isReusable: whether the connection is outside of a transaction with nothing in flight.
    mutating func released(_ number: Int, isReusable: Bool, now: Instant) -> Work {
        guard let index = index(of: number) else { return Work() }
        guard isReusable else {
            connections.remove(at: index)
            var work = dispatch(now: now)
            work.closes = [number]
            return work
        }
        connections[index].phase = .shared(inFlight: 0)
        connections[index].lastSign = now
        return settled(now: now)
    }

    private mutating func settled(now: Instant) -> Work {
        var work = dispatch(now: now)
        if isClosing { work.closes = idleNumbers }
        return work
    }

    private func index(of number: Int) -> Int? {
        connections.firstIndex { $0.number == number }
    }

    private var idleNumbers: [Int] {
        connections.filter { $0.phase == .shared(inFlight: 0) }.map(\.number)
    }

    // MARK: - Time and the end

    /// What is due: requests that waited too long, connections idle for too long, the next attempt to connect.
    mutating func expire(now: Instant) -> Work {
        let late = waiters.remove { $0.deadline <= now }
        let error =
            outage?.error ?? PostgresError(.poolTimeout, "no connection became free in time")
        var work = dispatch(now: now)
        work.failures = late.map { ($0.request, error) }
        work.closes = idleNumbers.dropFirst().filter { number in
            connections.contains { $0.number == number && idleEnd(of: $0) <= now }
        }
        connections.removeAll { work.closes.contains($0.number) }
        work.opens = connectionsToOpen(now: now)
        return work
    }

    private func idleEnd(of connection: Connection) -> Instant {
        connection.lastSign.advanced(by: limits.idleTimeout)
    }

    /// When something is due next, the deadlines of those who wait left out: they are announced when they come.
    var nextChore: Instant? {
        var next = isClosing ? nil : nextAttempt
        let idle = connections.lazy.filter { $0.phase == .shared(inFlight: 0) }
        for connection in idle.dropFirst() { next = min(next ?? idleEnd(of: connection), idleEnd(of: connection)) }
        return next
    }

    /// When something is due next.
    var nextDeadline: Instant? {
        var next = nextChore
        waiters.forEach { next = min(next ?? $0.deadline, $0.deadline) }
        return next
    }

    /// Refuses what comes, fails who waits, closes what is idle; what is busy is closed when it has answered.
    mutating func close() -> Work {
        isClosing = true
        var work = Work(closes: idleNumbers + connections.filter { $0.phase == .opening }.map(\.number))
        let error = PostgresError(.poolClosed, "the pool is closed")
        while let waiter = waiters.popFirst() { work.failures.append((waiter.request, error)) }
        return work
    }
}
