import Logging
import Postgres
import TestSupport
import Testing

/// A database for tests that leave nothing behind: to make one takes longer than most tests.
private let sharedDatabase = Task { try await PostgresServer.shared().makeDatabase() }

/// A pool on the database of all tests that only ask.
func withAskingPool<Value>(_ body: (PostgresPool) async throws -> Value) async throws -> Value {
    try await withPool(try await sharedDatabase.value, body)
}

/// A pool on a fresh database of the shared server, closed at the end.
func withPool<Value>(
    _ change: (inout PostgresConfiguration) -> Void = { _ in },
    _ body: (PostgresPool) async throws -> Value
) async throws -> Value {
    var configuration = try await PostgresServer.shared().makeDatabase()
    change(&configuration)
    return try await withPool(configuration, body)
}

func withPool<Value>(
    _ configuration: PostgresConfiguration, _ body: (PostgresPool) async throws -> Value
) async throws -> Value {
    let pool = PostgresPool(configuration: configuration, logger: quiet)
    do {
        let value = try await body(pool)
        await pool.close()
        return value
    } catch {
        await pool.close()
        throw error
    }
}

/// Errors only: the tests make warnings on purpose.
let quiet: Logger = {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
}()

/// The error that a body throws.
func failure(_ body: () async throws -> some Any) async -> PostgresError? {
    do {
        _ = try await body()
        Issue.record("no error was thrown")
        return nil
    } catch let error as PostgresError {
        return error
    } catch {
        Issue.record("another error: \(error)")
        return nil
    }
}

/// Makes the table `items`; to commit a row of it takes a minute.
func makeLingeringTable(_ pool: PostgresPool) async throws {
    try await pool.execute("CREATE TABLE items (id int8 PRIMARY KEY)")
    try await pool.execute(
        """
        CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$
        """)
    try await pool.execute(
        """
        CREATE CONSTRAINT TRIGGER linger AFTER INSERT ON items DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION linger()
        """)
}

/// Waits, for at most five seconds of the server's time, until so many statements that contain a text are running.
func waitUntilRunning(
    _ text: String, count: Int = 1, in database: String, of server: PostgresServer
) async throws {
    try await PostgresConnection.withConnection(configuration: server.administrator, logger: quiet) { connection in
        for _ in 0..<500 {
            let rows = try await connection.query(
                """
                SELECT count(*) FROM pg_sleep(0.01), pg_stat_get_activity(NULL) a JOIN pg_database d ON d.oid = a.datid
                WHERE d.datname = $1 AND a.state = 'active' AND strpos(a.query, $2) > 0
                """, [database, text])
            if try rows.first?.decode(0, as: Int.self) ?? 0 >= count { return }
        }
        Issue.record("\(text) does not run")
    }
}

/// Asks again, for at most ten seconds of the server's time, until a condition holds.
func eventually(on server: PostgresServer, _ condition: () async throws -> Bool) async throws -> Bool {
    try await PostgresConnection.withConnection(configuration: server.administrator, logger: quiet) { connection in
        for _ in 0..<1_000 {
            if try await condition() { return true }
            try await connection.execute("SELECT pg_sleep(0.01)")
        }
        return false
    }
}
