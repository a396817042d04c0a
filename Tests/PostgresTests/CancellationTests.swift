import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(3)))
struct CancellationTests {
    @Test func `cancelling the task stops the statement at the server`() async throws {
        let server = try await PostgresServer.shared()
        var configuration = try await server.makeDatabase()
        configuration.poolSize = 1
        try await withPool(configuration) { pool in
            let task = Task { try await pool.query("SELECT pg_sleep(60)") }
            try await waitUntilRunning("pg_sleep(60)", in: configuration.database, of: server)
            task.cancel()
            #expect(await failure { try await task.value }?.code == .cancelled)
            // The only connection is free again, long before the minute is over, and it is the same one.
            try await pool.ping()
            #expect(pool.statistics.opened == 1 && pool.statistics.lost == 0)
        }
    }

    @Test func `a cancelled task sends nothing`() async throws {
        try await withPool { pool in
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                _ = try await pool.query("SELECT 1")
            }
            #expect(await failure { try await task.value }?.code == .cancelled)
            #expect(pool.statistics.statements == 0)
        }
    }

    @Test func `a cancelled request leaves the queue`() async throws {
        try await withPool {
            $0.poolSize = 1
        } _: { pool in
            try await pool.withTransaction { transaction in
                try await transaction.execute("SELECT 1")
                let gate = Gate(parties: 1)
                let tasks = [
                    Task { try await pool.query("SELECT 2").count },
                    Task { try await pool.withTransaction { _ in 3 } },
                ]
                await gate.arrive()
                for task in tasks { task.cancel() }
                for task in tasks {
                    let error = await failure { try await task.value }
                    #expect(error?.code == .cancelled && error?.isOutcomeUnknown == false)
                }
                #expect(pool.statistics.waiting == 0)
            }
        }
    }

    /// Cancel requests hit what the server is executing when they arrive: a neighbour must not suffer.
    @Test func `cancelling some of many statements in one pipeline harms no other`() async throws {
        try await withPool {
            $0.poolSize = 2
        } _: { pool in
            try await pool.execute("CREATE TABLE hits (id int8 PRIMARY KEY)")
            let outcomes = await withTaskGroup(of: (Int, PostgresError?).self) { group in
                for number in 0..<300 {
                    group.addTask {
                        do {
                            if number.isMultiple(of: 10) {
                                let task = Task { try await pool.query("SELECT pg_sleep(0.5)") }
                                Task { task.cancel() }
                                _ = try await task.value
                            } else {
                                try await pool.execute("INSERT INTO hits VALUES ($1)", [number])
                            }
                            return (number, nil)
                        } catch {
                            return (number, error as? PostgresError)
                        }
                    }
                }
                return await group.reduce(into: [(Int, PostgresError?)]()) { $0.append($1) }
            }
            for (number, error) in outcomes where !number.isMultiple(of: 10) { #expect(error == nil, "\(number)") }
            #expect(try await pool.query("SELECT count(*) FROM hits").first?.decode(0) == 270)
            #expect(pool.statistics.lost == 0)
        }
    }

    @Test func `a statement that takes too long fails by itself`() async throws {
        try await withPool {
            $0.statementTimeout = .seconds(1); $0.poolSize = 1
        } _: { pool in
            let error = await failure { try await pool.query("SELECT pg_sleep(60)") }
            #expect(error?.code == .queryTimeout)
            try await pool.ping()
            #expect(pool.statistics.lost == 0)
        }
    }

    @Test func `somebody else may cancel a statement too`() async throws {
        let server = try await PostgresServer.shared()
        let configuration = try await server.makeDatabase()
        try await withPool(configuration) { pool in
            let task = Task { try await pool.query("SELECT pg_sleep(60)") }
            try await waitUntilRunning("pg_sleep(60)", in: configuration.database, of: server)
            try await PostgresConnection.withConnection(configuration: server.administrator, logger: quiet) {
                try await $0.execute(
                    """
                    SELECT pg_cancel_backend(pid) FROM pg_stat_activity
                    WHERE datname = $1 AND query LIKE 'SELECT pg_sleep%'
                    """, [configuration.database])
            }
            #expect(await failure { try await task.value }?.code == .cancelled)
        }
    }

    /// A cancel request may still be under way when its statement has failed and the next one, cancelled too, begins: if
    /// that is forgotten, each goes on for five seconds, and the test beyond its limit.
    @Test func `many cancelled statements of one connection are stopped one after the other`() async throws {
        let server = try await PostgresServer.shared()
        let configuration = try await server.makeDatabase()
        try await PostgresConnection.withConnection(configuration: configuration, logger: quiet) { connection in
            let start = ContinuousClock.now
            for _ in 0..<10 {
                let tasks = (0..<5).map { _ in Task { try await connection.query("SELECT pg_sleep(60)") } }
                try await waitUntilRunning("pg_sleep(60)", in: configuration.database, of: server)
                for task in tasks { task.cancel() }
                for task in tasks { #expect(await failure { try await task.value }?.code == .cancelled) }
                #expect(try await connection.query("SELECT 1").count == 1)
            }
            #expect(ContinuousClock.now - start < .seconds(45))
        }
    }

    @Test func `a cancelled task opens no private connection`() async throws {
        let configuration = try await PostgresServer.shared().makeDatabase()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await PostgresConnection.withConnection(configuration: configuration, logger: quiet) { _ in }
        }
        #expect(await failure { try await task.value }?.code == .cancelled)
    }

    @Test func `a private connection can be cancelled while it waits`() async throws {
        let server = try await PostgresServer.shared()
        let configuration = try await server.makeDatabase()
        let task = Task {
            try await PostgresConnection.withConnection(configuration: configuration, logger: quiet) { connection in
                try await connection.run(script: "SELECT 1; SELECT pg_sleep(60)")
            }
        }
        try await waitUntilRunning("pg_sleep(60)", in: configuration.database, of: server)
        task.cancel()
        #expect(await failure { try await task.value }?.code == .cancelled)
    }
}
