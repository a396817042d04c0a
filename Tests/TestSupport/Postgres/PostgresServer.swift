import Dispatch
import Glibc
public import Postgres
import Synchronization

/// A private Postgres cluster for tests, on a Unix socket and on a free port of 127.0.0.1.
///
/// `shared()` is the one that most tests use; tests that stop the server start their own. A supervising `sh` ends the
/// server and removes its directory when it is told to, and also when the test process ends for whatever reason, as it
/// then reads the end of its input.
public final class PostgresServer: Sendable {
    /// How a server is stopped (`pg_ctl -m`).
    public enum StopMode: String, Sendable {
        /// Ends connections, rolls back, and stops.
        case fast
        /// Dies at once, as in a crash.
        case immediate
    }

    private static let first = Task { try await start() }

    private let supervisor: ClusterSupervisor
    private let lastDatabase = Atomic<Int>(0)

    /// The server's certificate, for `localhost`, signed by itself.
    public var certificateFile: String { "\(supervisor.directory)/data/server.crt" }

    /// The superuser, over the Unix socket.
    public let administrator: PostgresConfiguration

    private init(supervisor: ClusterSupervisor) {
        self.supervisor = supervisor
        administrator = PostgresConfiguration(
            host: supervisor.directory, port: supervisor.port, database: "postgres", user: "postgres")
    }

    /// The cluster of this process, started by the first caller.
    public static func shared() async throws -> PostgresServer {
        try await first.value
    }

    /// A cluster of one's own.
    public static func start() async throws -> PostgresServer {
        let supervisor = try ClusterSupervisor()
        let server = PostgresServer(supervisor: supervisor)
        try await supervisor.tell("init")
        try await server.start()
        return server
    }

    /// Starts the stopped server, with the same data and on the same port; returns when it takes connections.
    public func start() async throws {
        try await supervisor.tell("start")
    }

    /// Stops the server; returns when it is gone.
    public func stop(_ mode: StopMode = .fast) async throws {
        try await supervisor.tell(mode.rawValue)
    }

    public func restart(_ mode: StopMode = .fast) async throws {
        try await stop(mode)
        try await start()
    }

    /// Ends the server for good and removes its data.
    public func remove() async {
        await supervisor.end()
    }

    /// A fresh, empty database, owned by a fresh role of the same name, reached by TCP with a password, without TLS.
    ///
    /// Its `acquireTimeout` is long, as tests run many at a time; a test of timeouts sets its own.
    public func makeDatabase(poolSize: Int = 4) async throws -> PostgresConfiguration {
        let name = "test_\(lastDatabase.add(1, ordering: .relaxed).newValue)"
        let password = String(UInt64.random(in: .min ... .max), radix: 36)
        try await PostgresConnection.withConnection(configuration: administrator) { connection in
            try await connection.run(script: "CREATE ROLE \(name) LOGIN PASSWORD '\(password)'")
            try await connection.run(script: "CREATE DATABASE \(name) OWNER \(name)")
        }
        var configuration = PostgresConfiguration(
            host: "127.0.0.1", port: supervisor.port, database: name, user: name, password: password)
        configuration.sslMode = .disable
        configuration.poolSize = poolSize
        configuration.acquireTimeout = .seconds(20)
        return configuration
    }

    /// Ends the connections of a database, as an administrator would.
    ///
    /// - Returns: how many there were.
    @discardableResult
    public func terminateConnections(to database: String) async throws -> Int {
        try await PostgresConnection.withConnection(configuration: administrator) { connection in
            try await connection.query(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = $1 AND pid <> pg_backend_pid()
                """, [database]
            ).count
        }
    }
}

/// What went wrong outside of the database.
public struct TestSupportError: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
