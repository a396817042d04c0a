import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2)))
struct QueryTests {
    @Test func `answers a query with rows`() async throws {
        try await withPool { pool in
            let rows = try await pool.query("SELECT $1 + 1 AS next, 'text' AS text, NULL::int AS nothing", [Int64(41)])
            let row = try #require(rows.first)
            #expect(rows.count == 1)
            #expect(rows.columnNames == ["next", "text", "nothing"])
            #expect(try row.decode("next", as: Int64.self) == 42)
            #expect(try row.decode(1, as: String.self) == "text")
            #expect(try row.decode("nothing", as: Int32?.self) == nil)
            let (next, text, nothing) = try row.decode(Int.self, String.self, Int?.self)
            #expect(next == 42 && text == "text" && nothing == nil)
        }
    }

    @Test func `keeps rows readable after the pool is closed`() async throws {
        let rows = try await withPool { try await $0.query("SELECT n, 'x' FROM generate_series(1, 1000) n") }
        #expect(rows.count == 1_000)
        #expect(try rows.reduce(0) { try $0 + $1.decode(0, as: Int.self) } == 500_500)
    }

    @Test func `counts the rows that a statement changed`() async throws {
        try await withPool { pool async throws in
            #expect(try await pool.execute("CREATE TABLE items (id int8)") == 0)
            #expect(try await pool.execute("INSERT INTO items SELECT generate_series(1, 7)") == 7)
            #expect(try await pool.execute("UPDATE items SET id = id + 1 WHERE id > $1", [5]) == 2)
            #expect(try await pool.execute("DELETE FROM items") == 7)
            #expect(try await pool.execute("DELETE FROM items") == 0)
            #expect(try await pool.query("INSERT INTO items VALUES (9) RETURNING id").first?.decode(0) == 9)
        }
    }

    @Test func `runs a thousand concurrent queries through four connections`() async throws {
        try await withPool { pool in
            let sum = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<1_000 {
                    group.addTask { try await pool.query("SELECT $1", [number]).first?.decode(0) ?? -1 }
                }
                return try await group.reduce(0, +)
            }
            #expect(sum == 499_500)
            let statistics = pool.statistics
            #expect(statistics.opened <= 4)
            #expect(statistics.statements == 1_000)
            #expect(statistics.waiting == 0 && statistics.busy == 0)
        }
    }

    @Test func `keeps the failures of statements in one pipeline apart`() async throws {
        try await withPool {
            $0.poolSize = 1
        } _: { pool in
            let outcomes = await withTaskGroup(of: (Int, Bool).self) { group in
                for number in 0..<200 {
                    group.addTask {
                        let rows = try? await pool.query("SELECT 100 / ($1 % 5)", [number])
                        return (number, rows != nil)
                    }
                }
                return await group.reduce(into: [Int: Bool]()) { $0[$1.0] = $1.1 }
            }
            #expect(outcomes.count == 200)
            #expect(outcomes.allSatisfy { $0.value == !$0.key.isMultiple(of: 5) })
            #expect(pool.statistics.opened == 1 && pool.statistics.lost == 0)
        }
    }

    @Test func `prepares a statement once per connection`() async throws {
        try await withPool {
            $0.poolSize = 1
        } _: { pool in
            for number in 0..<20 { try await pool.execute("SELECT $1 AS counted", [number]) }
            // Another type of the bind is another prepared statement; NULL is of the same type as a value.
            try await pool.execute("SELECT $1 AS counted", ["text"])
            let typed: Statement = "SELECT coalesce($1, 0) AS optional"
            try await pool.execute(typed, [Int?.none])
            try await pool.execute(typed, [Int?.some(1)])
            let names = try await pool.query(
                "SELECT statement FROM pg_prepared_statements WHERE statement NOT LIKE '%pg_prepared%'")
            #expect(names.count == 3)
        }
    }

    @Test func `prepares anew what no longer fits the schema`() async throws {
        try await withPool {
            $0.poolSize = 1
        } _: { pool in
            let select: Statement = "SELECT * FROM items"
            try await pool.execute("CREATE TABLE items (id int4)")
            try await pool.execute("INSERT INTO items VALUES (1)")
            #expect(try await pool.query(select).first?.decode(0, as: Int.self) == 1)
            try await pool.execute("ALTER TABLE items ALTER id TYPE text, ADD name text DEFAULT 'new'")
            let row = try #require(try await pool.query(select).first)
            #expect(try row.decode(String.self, String.self) == ("1", "new"))
            try await pool.execute("DEALLOCATE ALL")
            #expect(try await pool.query(select).count == 1)
        }
    }

    @Test func `goes on after a statement that cannot be prepared`() async throws {
        try await withPool {
            $0.poolSize = 1
        } _: { pool in
            let select: Statement = "SELECT id FROM later"
            let errors = await withTaskGroup(of: PostgresError.Code?.self) { group in
                for _ in 0..<10 { group.addTask { await failure { try await pool.query(select) }?.code } }
                return await group.reduce(into: [PostgresError.Code?]()) { $0.append($1) }
            }
            #expect(errors == Array(repeating: .invalidStatement, count: 10))
            try await pool.execute("CREATE TABLE later (id int8)")
            #expect(try await pool.query(select).isEmpty)
        }
    }

    @Test func `sends and receives more than a socket takes at once`() async throws {
        try await withPool {
            $0.poolSize = 1
        } _: { pool in
            let text = String(repeating: "größer ", count: 400_000)
            let lengths = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<4 {
                    group.addTask { try await pool.query("SELECT $1", [text]).first?.decode(0) == text }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(lengths == Array(repeating: true, count: 4))
        }
    }

    @Test func `takes a statement without text`() async throws {
        try await withPool { pool async throws in
            #expect(try await pool.query("  ").isEmpty)
            #expect(try await pool.execute("-- nothing") == 0)
        }
    }

    @Test(arguments: ["COPY items TO STDOUT", "COPY items FROM STDIN"] as [Statement])
    func `refuses COPY, which it does not speak, and stays usable`(copy: Statement) async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE items (id int8)")
            #expect(await failure { try await pool.execute(copy) }?.code == .invalidStatement)
            #expect(try await pool.query("SELECT 1").count == 1)
        }
    }

    @Test func `connects by a Unix socket, by an address, and by a name`() async throws {
        let server = try await PostgresServer.shared()
        var byName = try await server.makeDatabase()
        byName.host = "localhost"
        for configuration in [server.administrator, try await server.makeDatabase(), byName] {
            try await withPool(configuration) { try await $0.ping() }
        }
    }

    @Test func `checks the server's certificate, and moves a lot over TLS`() async throws {
        let server = try await PostgresServer.shared()
        var configuration = try await server.makeDatabase()
        configuration.host = "localhost"
        configuration.sslMode = .verifyFull
        configuration.sslRootCertificate = server.certificateFile
        try await withPool(configuration) { pool in
            let text = String(repeating: "größer ", count: 100_000)
            let same = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<16 { group.addTask { try await pool.query("SELECT $1", [text]).first?.decode(0) == text } }
                return try await group.reduce(true) { $0 && $1 }
            }
            #expect(same)
            let version = try await pool.query("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl")
            #expect(try version.first?.decode(0) == "TLSv1.3")
        }
        configuration.acquireTimeout = .seconds(5)
        configuration.host = "127.0.0.1"
        try await withPool(configuration) { pool in
            #expect(await failure { try await pool.ping() }?.code == .connectionFailure)
        }
    }

    @Test func `takes no more connections than it is allowed`() async throws {
        try await withPool {
            $0.poolSize = 3
        } _: { pool in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<30 {
                    group.addTask {
                        _ = try await pool.withTransaction { try await $0.execute("SELECT pg_sleep(0.002)") }
                    }
                }
                try await group.waitForAll()
            }
            #expect(pool.statistics.opened == 3)
        }
    }

    @Test func `lets a private connection run a script of several statements`() async throws {
        let configuration = try await PostgresServer.shared().makeDatabase()
        try await PostgresConnection.withConnection(configuration: configuration, logger: quiet) { connection in
            try await connection.run(script: "CREATE TABLE a (id int8); INSERT INTO a VALUES (1), (2); SELECT 1")
            #expect(try await connection.query("SELECT id FROM a").count == 2)
            let error = await failure { try await connection.run(script: "INSERT INTO a VALUES (3); SELEC 1") }
            #expect(error?.code == .invalidStatement && error?.position == 27)
            #expect(try await connection.query("SELECT id FROM a").count == 2)
        }
    }
}
