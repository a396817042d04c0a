public import Logging

/// One connection of one's own, outside of a pool: for migrations, administration, and session state such as advisory
/// locks. It is not opened again when it breaks.
public final class PostgresConnection: PostgresQuerying {
    private let link: PipelinedConnection

    private init(link: PipelinedConnection) {
        self.link = link
    }

    /// Opens a connection, lends it to the body, and closes it, whatever happens.
    ///
    /// - Throws: `connectionFailure` within `connectTimeout`; what the body throws.
    @discardableResult
    public static nonisolated(nonsending) func withConnection<Value>(
        configuration: PostgresConfiguration,
        logger: Logger = Logger(label: "postgres"),
        _ body: nonisolated(nonsending) (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        let owner = SoloOwner()
        let link = PipelinedConnection(number: 1, configuration: configuration, owner: owner, logger: logger)
        defer { link.close(nil) }
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                owner.opened.arm(continuation)
                link.open()
                if Task.isCancelled {
                    link.close(PostgresError.taskCancelled)
                    // Closed before the promise was armed, the link has told nobody.
                    owner.opened.finish(.failure(PostgresError.taskCancelled))
                }
            }
        } onCancel: {
            link.close(PostgresError.taskCancelled)
        }
        try outcome.get()
        return try await body(PostgresConnection(link: link))
    }

    public nonisolated(nonsending) func query(
        _ statement: Statement, _ binds: [any PostgresBindable]
    ) async throws(PostgresError) -> PostgresRows {
        PostgresRows(try await perform(.statement(statement, try EncodedBinds(binds))))
    }

    @discardableResult
    public nonisolated(nonsending) func execute(
        _ statement: Statement, _ binds: [any PostgresBindable]
    ) async throws(PostgresError) -> Int {
        try await perform(.statement(statement, try EncodedBinds(binds))).affectedRows
    }

    /// Runs a text of several statements; without BEGIN in it, and outside of a transaction, all of them or none.
    ///
    /// The text must not hold values: there is no way to bind any. The connection must have nothing else in flight.
    public nonisolated(nonsending) func run(script: String) async throws(PostgresError) {
        guard !script.utf8.contains(0) else {
            throw PostgresError(.bindFailure, "a script must not contain NUL (U+0000)")
        }
        _ = try await perform(.script(script))
    }

    private nonisolated(nonsending) func perform(_ work: Submission.Work) async throws(PostgresError) -> PostgresResult
    {
        let submission = Submission(work, role: .alone, timeout: link.configuration.submissionTimeout)
        let link = link
        return try await submission.perform(send: { SoloOwner.send($0, on: link) }) { submission in
            let error = PostgresError.taskCancelled.withUnknownOutcome(submission.connection != nil)
            guard submission.promise.finish(.failure(error)) else { return }
            link.cancel(submission)
        }
    }
}

/// The owner of a single connection: waits for it to open, and sends again on the same one.
private final class SoloOwner: ConnectionOwner {
    let opened = Promise<Void>()

    static func send(_ submission: Submission, on connection: PipelinedConnection) {
        guard connection.send(submission) == .unusable else { return }
        let error = PostgresError(.connectionFailure, "the connection cannot send: it is lost, or runs a script")
        submission.promise.finish(.failure(error))
    }

    func connectionOpened(_ connection: PipelinedConnection) {
        opened.finish(.success(()))
    }

    func connection(_ connection: PipelinedConnection, finished count: Int) {}

    func connectionSettled(_ connection: PipelinedConnection) {}

    func connectionClosed(_ connection: PipelinedConnection, error: PostgresError?, wasOpen: Bool) {
        opened.finish(.failure(error ?? PostgresError(.connectionFailure, "the connection was closed")))
    }

    func resend(_ submission: Submission, on connection: PipelinedConnection) {
        Self.send(submission, on: connection)
    }
}
