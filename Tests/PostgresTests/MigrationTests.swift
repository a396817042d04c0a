import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(3)))
struct MigrationTests {
    private static let items = Migration(
        name: "v0001_create_items",
        sql: """
            CREATE TABLE items (id int8 PRIMARY KEY, name text NOT NULL);
            -- a comment; with a semicolon
            INSERT INTO items VALUES (1, 'größer; $1');
            """)
    private static let price = Migration(name: "v0002_add_price", sql: "ALTER TABLE items ADD price int8")

    private func migrator(_ configuration: PostgresConfiguration, _ migrations: [Migration]) -> Migrator {
        Migrator(configuration: configuration, migrations: migrations, logger: quiet)
    }

    private func migrationFailure(_ body: () async throws(MigrationError) -> some Any) async -> MigrationError? {
        do {
            _ = try await body()
            Issue.record("no error was thrown")
            return nil
        } catch {
            return error
        }
    }

    @Test func `applies what is pending, in order, once`() async throws {
        let configuration = try await PostgresServer.shared().makeDatabase()
        let first = migrator(configuration, [Self.items])
        #expect(try await first.status().pending == ["v0001_create_items"])
        #expect(try await first.migrate() == ["v0001_create_items"])
        #expect(try await first.migrate() == [])
        let second = migrator(configuration, [Self.items, Self.price])
        #expect(try await second.status().isCurrent == false)
        #expect(try await second.migrate() == ["v0002_add_price"])
        let status = try await second.status()
        #expect(status.isCurrent && status.applied.map(\.name) == ["v0001_create_items", "v0002_add_price"])
        #expect(status.applied.allSatisfy { $0.checksum.count == 64 })
        try await withPool(configuration) { pool async throws in
            #expect(try await pool.query("SELECT name, price FROM items").first?.decode(0) == "größer; $1")
        }
    }

    @Test func `two at the same time apply each migration once`() async throws {
        let configuration = try await PostgresServer.shared().makeDatabase()
        let all = [Self.items, Self.price]
        let applied = try await withThrowingTaskGroup(of: [String].self) { group in
            for _ in 0..<6 { group.addTask { try await migrator(configuration, all).migrate() } }
            return try await group.reduce(into: [String]()) { $0 += $1 }
        }
        #expect(applied == all.map(\.name))
    }

    @Test func `a migration that fails leaves nothing of it`() async throws {
        let configuration = try await PostgresServer.shared().makeDatabase()
        let broken = Migration(
            name: "v0002_broken", sql: "CREATE TABLE half (id int8);\n\nALTER TABLE nowhere ADD a int8;")
        let error = await migrationFailure { () async throws(MigrationError) in
            try await migrator(configuration, [Self.items, broken]).migrate()
        }
        guard case .failed("v0002_broken", _, let cause) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(cause.sqlState == "42P01")
        #expect(try await migrator(configuration, [Self.items]).status().isCurrent)
        try await withPool(configuration) { pool async throws in
            #expect(try await pool.query("SELECT to_regclass('half') IS NULL").first?.decode(0) == true)
        }
    }

    /// It is not the migration's fault, and whether its COMMIT came through is not known: the next run finds out.
    @Test func `a connection that is lost during a migration is not the migration's failure`() async throws {
        let server = try await PostgresServer.shared()
        let configuration = try await server.makeDatabase()
        let slow = Migration(name: "v0001_slow", sql: "CREATE TABLE slow (id int8); SELECT pg_sleep(60)")
        let task = Task { try await migrator(configuration, [slow]).migrate() }
        try await waitUntilRunning("pg_sleep(60)", in: configuration.database, of: server)
        try await server.terminateConnections(to: configuration.database)
        do {
            _ = try await task.value
            Issue.record("no error was thrown")
        } catch MigrationError.database(let cause) {
            #expect(cause.code == .connectionFailure)
        }
        let quick = Migration(name: slow.name, sql: "CREATE TABLE slow (id int8)")
        #expect(try await migrator(configuration, [quick]).migrate() == [slow.name])
    }

    @Test func `a syntax error names its line`() async throws {
        let configuration = try await PostgresServer.shared().makeDatabase()
        let broken = Migration(name: "v0001_broken", sql: "CREATE TABLE ä (id int8);\n\n  CREAT TABLE b (id int8);")
        let error = await migrationFailure { () async throws(MigrationError) in
            try await migrator(configuration, [broken]).migrate()
        }
        guard case .failed(_, line: 3, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.description.contains("v0001_broken failed at line 3") == true)
    }

    @Test func `refuses a changed, a missing, a late and an unordered migration`() async throws {
        let configuration = try await PostgresServer.shared().makeDatabase()
        _ = try await migrator(configuration, [Self.items, Self.price]).migrate()
        let changed = Migration(name: Self.items.name, sql: Self.items.sql + " ")
        let late = Migration(name: "v0001_earlier", sql: "SELECT 1")
        let cases: [([Migration], String)] = [
            ([changed, Self.price], "was changed"),
            ([Self.price], "does not know"),
            ([Self.items, late, Self.price], "comes before"),
            ([Self.price, Self.items], "must not come after"),
            ([Self.items, Self.items], "must not come after"),
            ([Migration(name: "create_items", sql: "")], "is invalid"),
            ([Migration(name: "v0001_nul", sql: "SELECT '\0'")], "is invalid"),
        ]
        for (migrations, text) in cases {
            for run in [true, false] {
                let error = await migrationFailure { () async throws(MigrationError) in
                    let migrator = migrator(configuration, migrations)
                    if run { _ = try await migrator.migrate() } else { _ = try await migrator.status() }
                }
                #expect(error?.description.contains(text) == true, "\(String(describing: error))")
            }
        }
        #expect(try await migrator(configuration, [Self.items, Self.price]).status().isCurrent)
    }

    /// Old replicas during a roll-out, and all of them after a roll-back.
    @Test func `serves with a database that a later release has migrated`() async throws {
        let configuration = try await PostgresServer.shared().makeDatabase()
        _ = try await migrator(configuration, [Self.items, Self.price]).migrate()
        let earlier = migrator(configuration, [Self.items])
        #expect(try await earlier.migrate() == [])
        let status = try await earlier.status()
        #expect(status.isCurrent && status.applied.map(\.name) == ["v0001_create_items", "v0002_add_price"])
    }

    @Test func `refuses a migration that ends its transaction`() async throws {
        let configuration = try await PostgresServer.shared().makeDatabase()
        let ending = Migration(name: "v0001_ending", sql: "CREATE TABLE a (id int8); COMMIT; BEGIN; SELECT 1")
        let error = await migrationFailure { () async throws(MigrationError) in
            try await migrator(configuration, [ending]).migrate()
        }
        guard case .endedTransaction("v0001_ending") = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try await migrator(configuration, [ending]).status().pending == ["v0001_ending"])
    }

    @Test func `does not wait for ever for somebody else who migrates`() async throws {
        let configuration = try await PostgresServer.shared().makeDatabase()
        try await PostgresConnection.withConnection(configuration: configuration, logger: quiet) { connection in
            try await connection.execute("SELECT pg_advisory_lock($1)", [Int64(0x6761_7465_686F_7573)])
            var blocked = migrator(configuration, [Self.items])
            blocked.lockTimeout = .milliseconds(50)
            let waiting = blocked
            let error = await migrationFailure { () async throws(MigrationError) in try await waiting.migrate() }
            guard case .database(let cause) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(cause.code == .queryTimeout)
        }
    }

    @Test func `says that the database cannot be reached`() async throws {
        let configuration = PostgresConfiguration(port: 1, database: "none", user: "none")
        let error = await migrationFailure { () async throws(MigrationError) in
            try await migrator(configuration, []).migrate()
        }
        guard case .database(let cause) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(cause.code == .connectionFailure)
    }

    @Test func `reads an embedded file, if it is UTF-8`() throws {
        let migration = try Migration.fromEmbedded("v0001_a", Array("SELECT 'ü'".utf8))
        #expect(migration.sql == "SELECT 'ü'")
        #expect(throws: MigrationError.self) { try Migration.fromEmbedded("v0001_a", [0xFF]) }
    }
}
