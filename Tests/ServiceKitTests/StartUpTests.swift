import Logging
import Postgres
import ServiceLifecycle
import Telemetry
import TestSupport
import Testing

@testable import ServiceKit

/// The start of a service while its database comes and goes.
@Suite(.timeLimit(.minutes(2))) struct StartUpTests {
    private let log = Log()
    private var logger: Logger { log.logger }

    private func startUp(
        _ configuration: PostgresConfiguration, _ migrations: [Migration] = NotesService.migrations
    ) -> StartUp {
        StartUp(
            migrator: Migrator(configuration: configuration, migrations: migrations, logger: logger),
            database: PostgresPool(configuration: configuration, logger: logger), readiness: Readiness(),
            logger: logger)
    }

    /// Runs it as a program does, and stops it as a signal would.
    private func running(_ startUp: StartUp, _ body: () async throws -> Void) async throws {
        let services: [any Service] = [PoolService(pool: startUp.database), startUp]
        let group = ServiceGroup(configuration: ServiceGroupConfiguration(services: services, logger: logger))
        let run = Task { try await group.run() }
        do {
            try await body()
        } catch {
            run.cancel()
            throw error
        }
        await group.triggerGracefulShutdown()
        try await run.value
        #expect(startUp.readiness.phase == .stopping)
    }

    @Test func `waits for a database that is away, and migrates it when it comes`() async throws {
        let server = try await PostgresServer.start()
        let startUp = startUp(try await server.makeDatabase())
        try await server.stop()
        try await running(startUp) {
            await log.wait(for: "the database is not there yet")
            #expect(startUp.readiness.phase == .starting)
            try await server.start()
            await log.wait(for: #""ready""#)
            #expect(startUp.readiness.phase == .ready)
        }
        await server.remove()
    }

    /// As a Postgres without a volume comes back.
    @Test func `a database that comes back empty is migrated again, and nobody is served meanwhile`() async throws {
        let server = try await PostgresServer.shared()
        let configuration = try await server.makeDatabase()
        let startUp = startUp(configuration)
        try await running(startUp) {
            try await eventually("ready") { startUp.readiness.phase == .ready }
            try await PostgresConnection.withConnection(configuration: configuration, logger: logger) {
                try await $0.execute("DROP SCHEMA public CASCADE")
                try await $0.execute("CREATE SCHEMA public")
            }
            await log.wait(for: "the database has lost its tables")
            try await eventually("migrated again") {
                startUp.readiness.phase == .ready ? try await Migrator.hasMigrated(startUp.database) : false
            }
            try await startUp.database.execute("SELECT FROM notes LIMIT 1")
        }
    }

    @Test func `stops without a failure when told to while it waits`() async throws {
        let startUp = startUp(PostgresConfiguration(port: 1, database: "none", user: "none"))
        try await running(startUp) {
            await log.wait(for: "the database is not there yet")
        }
    }

    @Test func `stops when told to before it has begun`() async throws {
        let startUp = startUp(PostgresConfiguration(port: 1, database: "none", user: "none"))
        try await running(startUp) {}
    }

    @Test func `migrates again after the database was lost in the middle of it`() async throws {
        let server = try await PostgresServer.start()
        let configuration = try await server.makeDatabase()
        let blocked = Migration(
            name: "v0001_blocked", sql: "CREATE TABLE once (id int8); SELECT pg_advisory_xact_lock(1)")
        let startUp = startUp(configuration, [blocked])
        try await running(startUp) {
            try await PostgresConnection.withConnection(configuration: configuration, logger: logger) { connection in
                try await connection.execute("SELECT pg_advisory_lock(1)")
                try await eventually("the migration waits", within: .seconds(60)) {
                    try await connection.query(
                        "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                    ).count == 1
                }
                // Neither the lock nor the connection that waits for it outlives this.
                try await server.restart(.immediate)
            }
            await log.wait(for: #""ready""#)
            #expect(startUp.readiness.phase == .ready)
        }
        await server.remove()
    }

    @Test func `a migration that fails ends it`() async throws {
        let broken = Migration(name: "v0001_broken", sql: "ALTER TABLE nowhere ADD a int8")
        let startUp = startUp(try await PostgresServer.shared().makeDatabase(), [broken])
        let group = ServiceGroup(configuration: ServiceGroupConfiguration(services: [startUp], logger: logger))
        await #expect(throws: MigrationError.self) { try await group.run() }
    }
}

/// What is logged, as it is logged.
private struct Log {
    let logger: Logger
    private let lines: AsyncStream<String>

    init() {
        let (lines, continuation) = AsyncStream.makeStream(of: String.self)
        self.lines = lines
        let output = LogOutput { continuation.yield(String(decoding: $0, as: UTF8.self)) }
        logger = Logger(label: "test") { JSONLogHandler(label: $0, output: output) }
    }

    /// Waits until a line holds a text; the suite's time limit is the deadline.
    func wait(for text: String) async {
        for await line in lines where line.contains(text) { return }
    }
}
