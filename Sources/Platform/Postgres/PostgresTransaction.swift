import Logging
import Synchronization

/// How much of other transactions a transaction sees (ch. 13.2).
public enum TransactionIsolation: Sendable, CaseIterable {
    case readCommitted
    case repeatableRead
    case serializable

    var begin: Statement {
        switch self {
        case .readCommitted: "BEGIN ISOLATION LEVEL READ COMMITTED"
        case .repeatableRead: "BEGIN ISOLATION LEVEL REPEATABLE READ"
        case .serializable: "BEGIN ISOLATION LEVEL SERIALIZABLE"
        }
    }
}

/// The statements of one transaction, on a connection of its own.
///
/// BEGIN travels with the first statement; a body without statements costs nothing. Statements of concurrent tasks are
/// sent in the order in which they are asked for.
public final class PostgresTransaction: PostgresQuerying {
    private struct State {
        var hasBegun = false
        var hasEnded = false
    }

    private let connection: PipelinedConnection
    private let isolation: TransactionIsolation
    /// When the transaction is given up, if it has a time limit of its own.
    private let deadline: ContinuousClock.Instant?
    private let state = Mutex(State())

    init(connection: PipelinedConnection, isolation: TransactionIsolation, deadline: ContinuousClock.Instant?) {
        self.connection = connection
        self.isolation = isolation
        self.deadline = deadline
    }

    public nonisolated(nonsending) func query(
        _ statement: Statement, _ binds: [any PostgresBindable]
    ) async throws(PostgresError) -> PostgresRows {
        PostgresRows(try await perform(statement, binds))
    }

    @discardableResult
    public nonisolated(nonsending) func execute(
        _ statement: Statement, _ binds: [any PostgresBindable]
    ) async throws(PostgresError) -> Int {
        try await perform(statement, binds).affectedRows
    }

    private nonisolated(nonsending) func perform(
        _ statement: Statement, _ binds: [any PostgresBindable]
    ) async throws(PostgresError) -> PostgresResult {
        if let deadline, deadline <= .now { throw Self.timeout }
        let submission = Submission(
            .statement(statement, try EncodedBinds(binds)), role: .inTransaction,
            timeout: connection.configuration.submissionTimeout, limit: deadline)
        let connection = connection
        return try await submission.perform(send: send) { submission in
            guard submission.promise.finish(.failure(.taskCancelled)) else { return }
            connection.cancel(submission)
        }
    }

    /// Sends under the transaction's lock: no statement may get in front of the one that carries the BEGIN.
    private func send(_ submission: Submission) {
        let failure: PostgresError? = state.withLock { state in
            guard !state.hasEnded else {
                return PostgresError(.transactionEnded, "the transaction has ended")
            }
            switch connection.send(submission, prelude: state.hasBegun ? nil : isolation.begin) {
            case .sent:
                state.hasBegun = true
                return nil
            case .abandoned: return nil
            case .unusable: return Self.lost
            }
        }
        if let failure { submission.promise.finish(.failure(failure)) }
    }

    // MARK: - The end

    /// The most time that a ROLLBACK may take, a statement being cancelled before it included.
    private static let rollbackTimeout = Duration.seconds(10)
    private static let timeout = PostgresError(.queryTimeout, "the transaction took too long")
    private static let lost = PostgresError(.connectionFailure, "the connection to the server was lost")

    /// Ends the transaction so that it lasts.
    ///
    /// - Throws: `cancelled` or `queryTimeout` after rolling back, if it is too late to commit; `transactionAborted` if
    ///   the server rolled back because a statement had failed; what the server says about the COMMIT.
    nonisolated(nonsending) func commit() async throws(PostgresError) {
        if Task.isCancelled {
            await rollBack()
            throw PostgresError.taskCancelled
        }
        if let deadline, deadline <= .now {
            await rollBack()
            throw Self.timeout
        }
        let result = try await end(
            with: "COMMIT", role: .commit, timeout: connection.configuration.submissionTimeout)
        guard let result, result.tag != "COMMIT" else { return }
        throw PostgresError(.transactionAborted, "a statement had failed, so the transaction was rolled back")
    }

    /// Ends the transaction so that nothing of it lasts. If the server cannot be told, it finds out by itself when the
    /// connection is closed, which is what happens to one that is not idle afterwards.
    nonisolated(nonsending) func rollBack() async {
        do {
            _ = try await end(with: "ROLLBACK", role: .inTransaction, timeout: Self.rollbackTimeout)
        } catch {
            connection.logger.debug("rollback failed", metadata: ["error": "\(error)"])
        }
    }

    /// - Returns: nil if no transaction had begun.
    private nonisolated(nonsending) func end(
        with statement: Statement, role: Submission.Role, timeout: Duration?
    ) async throws(PostgresError) -> PostgresResult? {
        let isOpen = state.withLock { state in
            defer { state.hasEnded = true }
            return state.hasBegun && !state.hasEnded
        }
        guard isOpen else { return nil }
        let submission = Submission(.statement(statement, try EncodedBinds([])), role: role, timeout: timeout)
        return try await submission.performShielded { submission in
            if connection.send(submission) != .sent { submission.promise.finish(.failure(Self.lost)) }
        }
    }
}

extension PostgresPool {
    /// Runs a body in a transaction, which always ends: with COMMIT when the body returns; with ROLLBACK when it
    /// throws, when the task is cancelled, or when the time is over; with the connection being closed if even that is
    /// not possible.
    ///
    /// The body must not use the transaction after it has returned. It does not run a second time: after an error that
    /// `isRetryable`, call this again.
    ///
    /// - Parameters:
    ///   - isolation: how much of other transactions it sees.
    ///   - timeout: the most time for the whole, waiting for a connection included. Statements that run then are
    ///     cancelled; a body that does something else notices at its next statement.
    /// - Throws: what the body throws; a ``PostgresError`` if there is no connection or the COMMIT fails
    ///   (`transactionAborted` if the body went on after a failed statement; `isOutcomeUnknown` if the connection was
    ///   lost after COMMIT was sent).
    @discardableResult
    public nonisolated(nonsending) func withTransaction<Value>(
        isolation: TransactionIsolation = .readCommitted,
        timeout: Duration? = nil,
        _ body: nonisolated(nonsending) (PostgresTransaction) async throws -> Value
    ) async throws -> Value {
        let now = ContinuousClock.now
        let deadline = timeout.map { now.advanced(by: $0) }
        let acquired = now.advanced(by: core.configuration.acquireTimeout)
        let connection = try await core.lease(deadline: min(acquired, deadline ?? acquired))
        defer { core.release(connection) }
        let transaction = PostgresTransaction(connection: connection, isolation: isolation, deadline: deadline)
        let value: Value
        do {
            value = try await body(transaction)
        } catch {
            await transaction.rollBack()
            throw error
        }
        try await transaction.commit()
        return value
    }
}
