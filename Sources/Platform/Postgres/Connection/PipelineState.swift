enum PipelineTiming {
    /// When a cancel request that had no effect is repeated.
    static let cancelRepeat = Duration.milliseconds(250)
    /// When a connection is given up whose server does not stop.
    static let cancelGrace = Duration.seconds(5)
}

/// What is in flight on one connection, and what each answer of the server means. Pure: it decides, the shell acts.
///
/// In libpq's pipeline mode (ch. 34.5) answers come in the order of the commands. Each statement here is a group of
/// commands that ends with its own sync, so the failure of one does not touch the next:
///
///     [BEGIN] [prepare] execute sync
///
/// Each command gives one result and an end (libpq's NULL); after a failure the rest of the group is reported as
/// aborted; the sync itself gives one result and no end. A script (the simple protocol, several statements) gives any
/// number of results, an end, and no sync; it is only sent when nothing else is in flight.
///
/// Cancelling. `PQcancel` hits whatever the server is executing when it arrives, not what we meant. So it is only
/// sent for the oldest statement in flight, one at a time, and every other statement that is in flight before it
/// returned is marked as exposed: if such a one fails with 57014, it was hit by mistake, was undone by the server, and
/// may be sent again. Postgres drops a cancel request that finds a connection idle, so one that came too early is
/// repeated; one that never works ends with the connection being dropped.
struct PipelineState<Ticket: Equatable, Output> {
    typealias Instant = ContinuousClock.Instant

    /// The commands of a group.
    struct Plan: Equatable, Sendable {
        var hasPrelude = false
        var prepares = false
        var isScript = false
    }

    /// One thing that libpq gave.
    enum Reply {
        case output(Output)
        case failure(PostgresError)
        case aborted
        case endOfCommand
        case sync
    }

    /// A statement that needs no more answers.
    struct Finished {
        var ticket: Ticket
        var outcome: Result<Output, PostgresError>
        /// Whether a cancel request for another statement may have hit this one.
        var wasExposed: Bool
    }

    enum Action {
        case none
        case prepared(Ticket)
        case prepareFailed(Ticket)
        case finished(Finished)
        /// The answers do not match what was sent: the connection is of no use any more.
        case violation(String)
    }

    /// What the passing of time asks for.
    struct Expiry {
        var timedOut: [Ticket] = []
        var sendsCancel = false
        /// The oldest statement was cancelled, and the server still works on it.
        var dropsConnection = false
        var next: Instant?
    }

    private enum Step { case prelude, prepare, execute, sync }

    private struct Entry {
        let ticket: Ticket
        let plan: Plan
        var step: Step
        var deadline: Instant?
        var output: Output?
        var error: PostgresError?
        var failedAtSync = false
        var isCancelled = false
        var isExposed = false
        var firstCancel: Instant?
        var lastCancel: Instant?
    }

    private var entries = Queue<Entry>()
    private(set) var isCancelInProgress = false
    /// Whether the current command has given its result. Each gives one (a script any number, of which at most one is
    /// a failure) and then its end; anything else would have us read for ever.
    private var hasResult = false
    /// Whether the server has ended the session (FATAL): it begins nothing more.
    private var isSessionEnded = false

    var inFlight: Int { entries.count }
    var hasScript: Bool { entries.first?.plan.isScript ?? false }
    /// The oldest statement in flight, which the next answer belongs to.
    var current: Ticket? { entries.first?.ticket }

    mutating func sent(_ ticket: Ticket, plan: Plan, deadline: Instant?) {
        let step: Step = plan.hasPrelude ? .prelude : plan.prepares ? .prepare : .execute
        entries.append(
            Entry(ticket: ticket, plan: plan, step: step, deadline: deadline, isExposed: isCancelInProgress))
    }

    mutating func received(_ reply: Reply) -> Action {
        guard let entry = entries.first else { return .violation("an answer to no statement") }
        switch reply {
        case .output(let output):
            guard entry.step != .sync else { return .violation("a result where the end of the group was due") }
            guard !hasResult || entry.plan.isScript else { return .violation("a second result") }
            hasResult = true
            if entry.step == .execute { entries.updateFirst { $0.output = output } }
        case .failure(let error):
            guard !hasResult || (entry.plan.isScript && entry.error == nil) else {
                return .violation("a second result")
            }
            hasResult = true
            if error.endsSession { isSessionEnded = true }
            entries.updateFirst { first in
                // The first failure is the statement's own; a second one is the session's.
                guard first.error == nil else { return }
                first.error = error
                first.failedAtSync = first.step == .sync
            }
            if entry.step == .prepare { return .prepareFailed(entry.ticket) }
        case .aborted:
            guard entry.error != nil, !hasResult else { return .violation("an aborted command without a failure") }
            hasResult = true
            if entry.step == .prepare { return .prepareFailed(entry.ticket) }
        case .endOfCommand: return ended(entry)
        case .sync:
            guard entry.step == .sync else { return .violation("the end of the group came too early") }
            return finishFirst()
        }
        return .none
    }

    private mutating func ended(_ entry: Entry) -> Action {
        guard hasResult else { return .violation("an end of nothing") }
        if entry.plan.isScript { return finishFirst() }
        hasResult = false
        // A deferred constraint fails when the server commits, which is at the sync: that failure has its own end.
        if entry.step == .sync { return .none }
        let next: Step =
            switch entry.step {
            case .prelude: entry.plan.prepares ? .prepare : .execute
            case .prepare: .execute
            case .execute, .sync: .sync
            }
        entries.updateFirst { $0.step = next }
        return entry.step == .prepare && entry.error == nil ? .prepared(entry.ticket) : .none
    }

    private mutating func finishFirst() -> Action {
        guard let entry = entries.popFirst() else { return .violation("the end of no statement") }
        hasResult = false
        let outcome: Result<Output, PostgresError> =
            if let error = entry.error {
                .failure(error)
            } else if let output = entry.output {
                .success(output)
            } else {
                .failure(PostgresError(.protocolViolation, "the statement gave no result"))
            }
        return .finished(
            Finished(ticket: entry.ticket, outcome: outcome, wasExposed: entry.isExposed && !entry.isCancelled))
    }

    /// Notes that nobody wants the answer of a statement any more. Ask `cancelToSend` next.
    ///
    /// - Returns: whether the statement is in flight.
    mutating func cancel(_ ticket: Ticket) -> Bool {
        var isFound = false
        entries.updateEach { entry in
            guard entry.ticket == ticket else { return }
            entry.isCancelled = true
            entry.deadline = nil
            isFound = true
        }
        return isFound
    }

    /// Whether a cancel request is to be sent now; if so, everything in flight counts as exposed to it.
    mutating func cancelToSend(now: Instant) -> Bool {
        guard let head = entries.first, head.isCancelled, !isCancelInProgress else { return false }
        if let last = head.lastCancel, last.advanced(by: PipelineTiming.cancelRepeat) > now { return false }
        isCancelInProgress = true
        entries.updateFirst { entry in
            entry.firstCancel = entry.firstCancel ?? now
            entry.lastCancel = now
        }
        entries.updateEach { $0.isExposed = true }
        return true
    }

    mutating func cancelReturned() {
        isCancelInProgress = false
    }

    mutating func expire(now: Instant) -> Expiry {
        var expiry = Expiry()
        entries.updateEach { entry in
            guard let deadline = entry.deadline, deadline <= now else { return }
            entry.deadline = nil
            entry.isCancelled = true
            expiry.timedOut.append(entry.ticket)
        }
        if let first = entries.first?.firstCancel, first.advanced(by: PipelineTiming.cancelGrace) <= now {
            expiry.dropsConnection = true
            return expiry
        }
        expiry.sendsCancel = cancelToSend(now: now)
        expiry.next = nextDeadline
        return expiry
    }

    var nextDeadline: Instant? {
        let head = entries.first
        var next =
            isCancelInProgress
            ? head?.firstCancel?.advanced(by: PipelineTiming.cancelGrace)
            : head?.lastCancel?.advanced(by: PipelineTiming.cancelRepeat)
        entries.forEach { entry in
            guard let deadline = entry.deadline else { return }
            next = min(next ?? deadline, deadline)
        }
        return next
    }

    /// What is left in flight when the connection is gone.
    struct Lost {
        var ticket: Ticket
        /// The server's last words about it, if there are any.
        var error: PostgresError?
        /// Whether the server may have executed and committed it.
        var mayHaveRun: Bool
    }

    /// The connection is gone: gives what is in flight, oldest first.
    ///
    /// A statement whose failure the server told was undone, unless it was being committed already. What is behind was
    /// never begun if the server ended the session (FATAL); otherwise only the answers may be lost, and any may have
    /// run.
    mutating func fail() -> [Lost] {
        var lost: [Lost] = []
        while let entry = entries.popFirst() {
            let mayHaveRun = entry.error == nil ? !isSessionEnded : entry.failedAtSync
            lost.append(Lost(ticket: entry.ticket, error: entry.error, mayHaveRun: mayHaveRun))
        }
        return lost
    }
}
