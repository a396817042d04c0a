public import Logging

/// A bounded number of connections to one database, shared by all tasks of a service.
///
/// Single statements of many tasks share connections by pipelining, each failing or succeeding by itself; a
/// transaction has its connection for itself. Connections are opened when there is work; the first use opens the
/// first. When one breaks, the statements in flight on it fail with `connectionFailure`, and another is opened. A
/// statement is sent again only when it is certain that it was not executed.
///
/// While the server is away, requests wait for at most `acquireTimeout`, so a shorter restart shows in latency only.
/// Once it has been away for longer, a request waits for one more attempt to connect (a tenth of a second or so, if
/// the server refuses) and fails with `connectionFailure`.
public final class PostgresPool: PostgresQuerying, Sendable {
    let core: PoolCore

    public init(configuration: PostgresConfiguration, logger: Logger) {
        core = PoolCore(configuration: configuration, logger: logger)
    }

    deinit { core.abort() }

    /// Opens the first connection; when the task is cancelled, closes as `close()` does, and returns.
    public func run() async {
        core.start()
        let (end, continuation) = AsyncStream.makeStream(of: Never.self)
        await withTaskCancellationHandler {
            for await _ in end {}
        } onCancel: {
            continuation.finish()
        }
        await core.close()
    }

    /// Refuses new requests with `poolClosed`, fails those that wait, lets what is in flight finish for at most
    /// `closeTimeout`, and returns when every connection is closed.
    public func close() async {
        await core.close()
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

    /// Whether the database answers: a round trip through the pool.
    public nonisolated(nonsending) func ping() async throws(PostgresError) {
        try await execute("SELECT 1", [])
    }

    public var statistics: PoolStatistics { core.statistics }

    private nonisolated(nonsending) func perform(
        _ statement: Statement, _ binds: [any PostgresBindable]
    ) async throws(PostgresError) -> PostgresResult {
        let submission = Submission(
            .statement(statement, try EncodedBinds(binds)), role: .alone,
            timeout: core.configuration.submissionTimeout)
        let core = core
        return try await submission.perform(send: core.submit, cancel: { core.cancel($0) })
    }
}
