import Synchronization

/// A result that is given once and waited for once.
final class Promise<Value: Sendable>: Sendable {
    typealias Outcome = Result<Value, PostgresError>

    private enum State {
        case fresh
        case waiting(CheckedContinuation<Outcome, Never>)
        case finished
    }

    private let state = Mutex(State.fresh)

    /// - Precondition: called once, before anybody may finish the promise.
    func arm(_ continuation: CheckedContinuation<Outcome, Never>) {
        state.withLock { $0 = .waiting(continuation) }
    }

    /// Resumes who waits; the first call wins.
    @discardableResult
    func finish(_ outcome: Outcome) -> Bool {
        let continuation: CheckedContinuation<Outcome, Never>? = state.withLock { state in
            guard case .waiting(let continuation) = state else { return nil }
            state = .finished
            return continuation
        }
        continuation?.resume(returning: outcome)
        return continuation != nil
    }

    var isFinished: Bool {
        state.withLock { if case .finished = $0 { true } else { false } }
    }
}

/// One statement (or script) on its way through a connection, and who waits for it.
final class Submission: Sendable, Equatable {
    enum Work: Sendable {
        case statement(Statement, EncodedBinds)
        case script(String)
    }

    enum Role: Sendable {
        /// A transaction of its own: committed when executed, undone when failed.
        case alone
        case inTransaction
        /// The end of a transaction that is to last.
        case commit
    }

    let work: Work
    let role: Role
    /// How long the server may take; nil means as long as it likes.
    let timeout: Duration?
    /// When it is given up in any case, if there is such a time.
    let limit: ContinuousClock.Instant?
    let promise = Promise<PostgresResult>()

    /// The connection it was handed to, and how often it was sent again.
    private let route = Mutex<(connection: PipelinedConnection?, resent: Int)>((nil, 0))

    /// How often a statement is sent again after a failure that undid it and was not its own.
    private static let resendLimit = 2

    init(_ work: Work, role: Role, timeout: Duration?, limit: ContinuousClock.Instant? = nil) {
        self.work = work
        self.role = role
        self.timeout = timeout
        self.limit = limit
    }

    static func == (left: Submission, right: Submission) -> Bool { left === right }

    /// When it is given up, if it is sent now.
    func deadline(sentAt now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        guard let timeout else { return limit }
        let deadline = now.advanced(by: timeout)
        return limit.map { min($0, deadline) } ?? deadline
    }

    var connection: PipelinedConnection? { route.withLock { $0.connection } }

    func attach(to connection: PipelinedConnection) {
        route.withLock { $0.connection = connection }
    }

    /// Whether what it does lasts once it is executed.
    var commits: Bool { role != .inTransaction }

    /// Whether it may be sent once more; counts.
    func takeResend() -> Bool {
        guard role == .alone else { return false }
        return route.withLock { route in
            route.connection = nil
            route.resent += 1
            return route.resent <= Self.resendLimit
        }
    }

    /// Sends by `send` and waits for the answer; when the task is cancelled, calls `cancel`.
    nonisolated(nonsending) func perform(
        send: (Submission) -> Void, cancel: @Sendable @escaping (Submission) -> Void
    ) async throws(PostgresError) -> PostgresResult {
        guard !Task.isCancelled else { throw PostgresError.taskCancelled }
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                promise.arm(continuation)
                send(self)
                // Cancelled between the check above and the sending: the handler found nothing to cancel.
                if Task.isCancelled { cancel(self) }
            }
        } onCancel: {
            cancel(self)
        }
        return try outcome.get()
    }

    /// Sends by `send` and waits for the answer, also when the task is cancelled: for the end of a transaction.
    nonisolated(nonsending) func performShielded(
        send: (Submission) -> Void
    ) async throws(PostgresError) -> PostgresResult {
        let outcome = await withCheckedContinuation { continuation in
            promise.arm(continuation)
            send(self)
        }
        return try outcome.get()
    }
}

extension PostgresError {
    static let taskCancelled = PostgresError(.cancelled, "the task was cancelled")
}
