/// Whatever runs statements: a pool, a transaction, a connection.
///
/// A statement of a pool commits by itself; one of a transaction commits with it.
public protocol PostgresQuerying: Sendable {
    /// Runs a statement and gives its rows.
    ///
    /// - Throws: `cancelled` at once when the task is cancelled (the server is told to stop), or anything else a
    ///   ``PostgresError`` says.
    nonisolated(nonsending) func query(
        _ statement: Statement, _ binds: [any PostgresBindable]
    ) async throws(PostgresError) -> PostgresRows

    /// Runs a statement and gives the number of rows it inserted, changed, deleted, or selected.
    @discardableResult
    nonisolated(nonsending) func execute(
        _ statement: Statement, _ binds: [any PostgresBindable]
    ) async throws(PostgresError) -> Int
}

extension PostgresQuerying {
    public nonisolated(nonsending) func query(_ statement: Statement) async throws(PostgresError) -> PostgresRows {
        try await query(statement, [])
    }

    @discardableResult
    public nonisolated(nonsending) func execute(_ statement: Statement) async throws(PostgresError) -> Int {
        try await execute(statement, [])
    }
}
