import Logging
import Synchronization

/// The shell of the pool: acts on what `PoolState` decides, and tells it what happened.
final class PoolCore: ConnectionOwner, PollerSource {
    typealias Instant = ContinuousClock.Instant

    enum Request: Sendable {
        case statement(Submission)
        case lease(LeaseRequest)
    }

    /// Somebody who wants a connection for itself.
    final class LeaseRequest: Sendable {
        let promise = Promise<PipelinedConnection>()
        let deadline: Instant
        let place = Atomic<UInt64>(0)

        init(deadline: Instant) {
            self.deadline = deadline
        }
    }

    private struct State {
        var pool: PoolState<Request>
        var connections: [Int: PipelinedConnection] = [:]
        var totals = PoolStatistics()
        var closers: [CheckedContinuation<Void, Never>] = []
        /// The place in the queue of each statement that waits.
        var places: [ObjectIdentifier: UInt64] = [:]
    }

    let configuration: PostgresConfiguration
    let logger: Logger
    private let poller: Poller
    private let state: Mutex<State>
    private let token = Mutex<Poller.Token?>(nil)

    init(configuration: PostgresConfiguration, logger: Logger, poller: Poller = .shared) {
        precondition(configuration.poolSize > 0, "a pool has at least one connection")
        precondition(configuration.pipelineDepth > 0, "a connection takes at least one statement")
        self.configuration = configuration
        self.logger = logger
        self.poller = poller
        let limits = PoolState<Request>.Limits(
            size: configuration.poolSize, pipelineDepth: configuration.pipelineDepth,
            maximumWaiters: configuration.maximumWaiters, acquireTimeout: configuration.acquireTimeout,
            idleTimeout: configuration.idleTimeout)
        state = Mutex(State(pool: PoolState(limits: limits)))
    }

    /// Becomes known to the poller, and opens the first connection.
    func start() {
        let isNew = token.withLock { token in
            guard token == nil else { return false }
            token = poller.add(self)
            return true
        }
        guard isNew else { return }
        update { $0.opens = $1.connectionsToOpen(now: $2) }
    }

    // MARK: - Statements

    func submit(_ submission: Submission) {
        let deadline = Instant.now.advanced(by: configuration.acquireTimeout)
        take(.statement(submission), kind: .statement, deadline: deadline)
    }

    func cancel(_ submission: Submission) {
        let wasWaiting = state.withLock { state in
            guard let place = state.places.removeValue(forKey: ObjectIdentifier(submission)) else { return false }
            return state.pool.withdraw(place)
        }
        let error = PostgresError.taskCancelled.withUnknownOutcome(!wasWaiting && submission.commits)
        guard submission.promise.finish(.failure(error)), !wasWaiting else { return }
        submission.connection?.cancel(submission)
    }

    func resend(_ submission: Submission, on connection: PipelinedConnection) {
        submit(submission)
    }

    // MARK: - Leases

    nonisolated(nonsending) func lease(deadline: Instant) async throws(PostgresError) -> PipelinedConnection {
        guard !Task.isCancelled else { throw PostgresError.taskCancelled }
        let request = LeaseRequest(deadline: deadline)
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                request.promise.arm(continuation)
                take(.lease(request), kind: .lease, deadline: deadline)
                if Task.isCancelled { cancel(request) }
            }
        } onCancel: {
            cancel(request)
        }
        return try outcome.get()
    }

    private func cancel(_ request: LeaseRequest) {
        guard request.promise.finish(.failure(PostgresError.taskCancelled)) else { return }
        _ = state.withLock { $0.pool.withdraw(request.place.load(ordering: .relaxed)) }
    }

    func release(_ connection: PipelinedConnection) {
        let readiness = connection.readiness()
        if readiness == .unsettled { return }
        update { $0 = $1.released(connection.number, isReusable: readiness == .free, now: $2) }
    }

    func connectionSettled(_ connection: PipelinedConnection) {
        release(connection)
    }

    // MARK: - What connections say

    func connectionOpened(_ connection: PipelinedConnection) {
        state.withLock { $0.totals.opened += 1 }
        logger.debug("database connection opened", metadata: ["connection": "\(connection.number)"])
        update { $0 = $1.opened(connection.number, now: $2) }
    }

    func connection(_ connection: PipelinedConnection, finished count: Int) {
        update(statements: count) { $0 = $1.finished(connection.number, count: count, now: $2) }
    }

    func connectionClosed(_ connection: PipelinedConnection, error: PostgresError?, wasOpen: Bool) {
        let metadata: Logger.Metadata = [
            "connection": "\(connection.number)", "error": "\(error?.description ?? "none")",
        ]
        if wasOpen {
            logger.log(level: error == nil ? .debug : .warning, "database connection closed", metadata: metadata)
            update(removing: connection.number, isLost: error != nil) { $0 = $1.closed(connection.number, now: $2) }
        } else {
            let failure = error ?? PostgresError(.connectionFailure, "the connection was closed")
            // Without an error it was ourselves who gave the attempt up.
            logger.log(level: error == nil ? .debug : .warning, "no connection to the database", metadata: metadata)
            let random = Double.random(in: 0...1)
            update(removing: connection.number) {
                $0 = $1.openFailed(connection.number, error: failure, random: random, now: $2)
            }
        }
    }

    /// A pool has no descriptor of its own.
    func ready() {}

    func expire(now: Instant) -> Instant? {
        update { $0 = $1.expire(now: $2) }
        return state.withLock { $0.pool.nextDeadline }
    }

    // MARK: - The end

    /// Refuses new work, lets what is in flight finish, for at most `closeTimeout`; returns when all is closed.
    func close() async {
        update { work, pool, _ in work = pool.close() }
        let giveUp = Task {
            do {
                try await Task.sleep(for: configuration.closeTimeout)
                abort()
            } catch {
                // Cancelled: everything was closed in time.
            }
        }
        await withCheckedContinuation { continuation in
            let isDrained = state.withLock { state in
                guard !state.pool.isDrained else { return true }
                state.closers.append(continuation)
                return false
            }
            if isDrained { continuation.resume() }
        }
        giveUp.cancel()
        if let token = token.withLock({ $0 }) { poller.remove(token) }
    }

    /// Closes everything now.
    func abort() {
        update { work, pool, _ in work = pool.close() }
        let connections = state.withLock { Array($0.connections.values) }
        for connection in connections { connection.close(PostgresError(.poolClosed, "the pool is closed")) }
        if let token = token.withLock({ $0 }) { poller.remove(token) }
    }

    var statistics: PoolStatistics {
        state.withLock { state in
            var statistics = state.totals
            let counts = state.pool.counts
            statistics.connecting = counts.connecting
            statistics.idle = counts.idle
            statistics.busy = counts.busy
            statistics.waiting = counts.waiting
            return statistics
        }
    }

    // MARK: - Acting

    private func take(_ request: Request, kind: PoolState<Request>.Kind, deadline: Instant) {
        start()
        let now = Instant.now
        let (decision, opens, connection, wake) = state.withLock { state in
            let (decision, id) = state.pool.take(request, kind: kind, deadline: deadline, now: now)
            let opens = state.pool.connectionsToOpen(now: now).map { makeConnection($0, &state) }
            var connection: PipelinedConnection?
            switch decision {
            case .assigned(let number): connection = state.connections[number]
            case .waits: remember(id, of: request, &state)
            case .refused(let error): if error.code == .poolTimeout { state.totals.acquireTimeouts += 1 }
            }
            // Who comes during an outage may bring the next attempt forward.
            return (decision, opens, connection, min(deadline, state.pool.nextAttempt ?? deadline))
        }
        switch decision {
        case .assigned: hand(request, to: connection)
        case .waits: poller.wake(at: wake)
        case .refused(let error): fail(request, error)
        }
        for connection in opens { connection.open() }
    }

    private func remember(_ id: UInt64, of request: Request, _ state: inout State) {
        switch request {
        case .statement(let submission): state.places[ObjectIdentifier(submission)] = id
        case .lease(let lease): lease.place.store(id, ordering: .relaxed)
        }
    }

    private func makeConnection(_ number: Int, _ state: inout State) -> PipelinedConnection {
        let connection = PipelinedConnection(
            number: number, configuration: configuration, owner: self, logger: logger, poller: poller)
        state.connections[number] = connection
        return connection
    }

    /// Changes the state under the lock and acts without it. A connection that is gone leaves both tables at once, so
    /// that nothing is assigned to it in between.
    private func update(
        statements: Int = 0, removing number: Int? = nil, isLost: Bool = false,
        _ change: @Sendable (inout PoolState<Request>.Work, inout PoolState<Request>, Instant) -> Void
    ) {
        let now = Instant.now
        var work = PoolState<Request>.Work()
        typealias Plan = (
            assigned: [(Request, PipelinedConnection?)], opens: [PipelinedConnection], closes: [PipelinedConnection],
            next: Instant?, closers: [CheckedContinuation<Void, Never>]
        )
        let plan: Plan = state.withLock { state in
            state.totals.statements += statements
            if isLost { state.totals.lost += 1 }
            if let number { state.connections[number] = nil }
            change(&work, &state.pool, now)
            for failure in work.failures {
                if failure.error.code == .poolTimeout { state.totals.acquireTimeouts += 1 }
                forgetPlace(of: failure.request, &state)
            }
            for assignment in work.assignments { forgetPlace(of: assignment.request, &state) }
            let opens = (work.opens + state.pool.connectionsToOpen(now: now)).map { makeConnection($0, &state) }
            let closers = state.pool.isDrained ? state.closers : []
            if state.pool.isDrained { state.closers = [] }
            return (
                work.assignments.map { ($0.request, state.connections[$0.connection]) }, opens,
                work.closes.compactMap { state.connections[$0] }, state.pool.nextChore, closers
            )
        }
        for (request, connection) in plan.assigned { hand(request, to: connection) }
        for failure in work.failures { fail(failure.request, failure.error) }
        for connection in plan.opens { connection.open() }
        for connection in plan.closes { connection.close(nil) }
        if let next = plan.next { poller.wake(at: next) }
        for closer in plan.closers { closer.resume() }
    }

    private func forgetPlace(of request: Request, _ state: inout State) {
        if case .statement(let submission) = request { state.places[ObjectIdentifier(submission)] = nil }
    }

    private func hand(_ request: Request, to connection: PipelinedConnection?) {
        guard let connection else {
            return fail(request, PostgresError(.connectionFailure, "the connection has just been lost"))
        }
        switch request {
        case .lease(let lease):
            guard connection.verify() else {
                update { $0 = $1.closed(connection.number, now: $2) }
                // Cancelled meanwhile: in the queue it would only hold back others.
                guard !lease.promise.isFinished else { return }
                return take(request, kind: .lease, deadline: lease.deadline)
            }
            // Cancelled meanwhile: nobody takes it, so it goes back.
            if !lease.promise.finish(.success(connection)) { release(connection) }
        case .statement(let submission):
            switch connection.send(submission) {
            case .sent: break
            case .abandoned: update { $0 = $1.finished(connection.number, count: 1, now: $2) }
            case .unusable:
                // Nothing of it was executed: another connection takes it. This one is about to be closed.
                update { $0 = $1.closed(connection.number, now: $2) }
                submit(submission)
            }
        }
    }

    private func fail(_ request: Request, _ error: PostgresError) {
        switch request {
        case .statement(let submission): submission.promise.finish(.failure(error))
        case .lease(let lease): lease.promise.finish(.failure(error))
        }
    }
}
