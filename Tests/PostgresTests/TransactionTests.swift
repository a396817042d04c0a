import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(3)))
struct TransactionTests {
    private struct Refused: Error {}

    private static let insert: Statement = "INSERT INTO items VALUES ($1)"
    private static let count: Statement = "SELECT count(*) FROM items"

    private func withTable(
        poolSize: Int = 1,
        _ makeTable: (PostgresPool) async throws -> Void = {
            try await $0.execute("CREATE TABLE items (id int8 PRIMARY KEY)")
        },
        _ body: (PostgresPool, PostgresConfiguration) async throws -> Void
    ) async throws {
        var configuration = try await PostgresServer.shared().makeDatabase()
        configuration.poolSize = poolSize
        try await withPool(configuration) { pool in
            try await makeTable(pool)
            try await body(pool, configuration)
        }
    }

    private func rows(_ pool: PostgresPool) async throws -> Int {
        try await pool.query(Self.count).first?.decode(0) ?? -1
    }

    @Test func `commits when the body returns`() async throws {
        try await withTable { pool, _ in
            let answer = try await pool.withTransaction { transaction in
                try await transaction.execute(Self.insert, [1])
                #expect(try await transaction.query(Self.count).first?.decode(0) == 1)
                return "done"
            }
            #expect(answer == "done")
            #expect(try await rows(pool) == 1)
        }
    }

    @Test func `a body without statements costs no statement`() async throws {
        try await withTable { pool, _ async throws in
            let before = pool.statistics.statements
            #expect(try await pool.withTransaction { _ in 7 } == 7)
            #expect(pool.statistics.statements == before)
        }
    }

    @Test func `rolls back when the body throws, and gives that error`() async throws {
        try await withTable { pool, _ async throws in
            await #expect(throws: Refused.self) {
                try await pool.withTransaction { transaction in
                    try await transaction.execute(Self.insert, [1])
                    throw Refused()
                }
            }
            #expect(try await rows(pool) == 0)
            #expect(pool.statistics.lost == 0 && pool.statistics.opened == 1)
        }
    }

    @Test func `rolls back when a statement fails`() async throws {
        try await withTable { pool, _ async throws in
            let error = await failure {
                try await pool.withTransaction { transaction in
                    try await transaction.execute(Self.insert, [1])
                    try await transaction.execute(Self.insert, [1])
                }
            }
            #expect(error?.code == .uniqueViolation)
            #expect(try await rows(pool) == 0)
        }
    }

    @Test func `does not pretend to commit after a failure that the body hides`() async throws {
        try await withTable { pool, _ async throws in
            let error = await failure {
                try await pool.withTransaction { transaction in
                    try await transaction.execute(Self.insert, [1])
                    _ = await failure { try await transaction.execute(Self.insert, [1]) }
                    #expect(await failure { try await transaction.query(Self.count) }?.code == .transactionAborted)
                }
            }
            #expect(error?.code == .transactionAborted)
            #expect(try await rows(pool) == 0)
        }
    }

    @Test func `rolls back when the first statement fails`() async throws {
        try await withTable { pool, _ async throws in
            #expect(
                await failure {
                    try await pool.withTransaction { try await $0.execute("INSERT INTO nowhere VALUES (1)") }
                }?.code == .invalidStatement)
            #expect(try await rows(pool) == 0)
            #expect(pool.statistics.lost == 0)
        }
    }

    @Test func `rolls back when the task is cancelled during a statement`() async throws {
        try await withTable { pool, configuration in
            let task = Task {
                try await pool.withTransaction { transaction in
                    try await transaction.execute(Self.insert, [1])
                    try await transaction.execute("SELECT pg_sleep(60)")
                }
            }
            try await waitUntilRunning("pg_sleep(60)", in: configuration.database, of: .shared())
            task.cancel()
            let error = await failure { try await task.value }
            #expect(error?.code == .cancelled && error?.isOutcomeUnknown == false)
            #expect(try await rows(pool) == 0)
            #expect(pool.statistics.lost == 0)
        }
    }

    @Test func `rolls back when the task is cancelled between statements`() async throws {
        try await withTable { pool, _ async throws in
            let task = Task {
                try await pool.withTransaction { transaction in
                    try await transaction.execute(Self.insert, [1])
                    withUnsafeCurrentTask { $0?.cancel() }
                }
            }
            #expect(await failure { try await task.value }?.code == .cancelled)
            #expect(try await rows(pool) == 0)
        }
    }

    @Test func `rolls back when its time is over`() async throws {
        try await withTable { pool, _ async throws in
            let error = await failure {
                try await pool.withTransaction(timeout: .milliseconds(200)) { transaction in
                    try await transaction.execute(Self.insert, [1])
                    try await transaction.execute("SELECT pg_sleep(60)")
                }
            }
            #expect(error?.code == .queryTimeout)
            #expect(try await rows(pool) == 0)
            #expect(pool.statistics.lost == 0)
        }
    }

    @Test func `is undone when its connection is lost, and leaves the pool usable`() async throws {
        try await withTable { pool, configuration in
            let server = try await PostgresServer.shared()
            let error = await failure {
                try await pool.withTransaction { transaction in
                    try await transaction.execute(Self.insert, [1])
                    try await server.terminateConnections(to: configuration.database)
                    try await transaction.execute(Self.insert, [2])
                }
            }
            #expect(error?.code == .connectionFailure && error?.isOutcomeUnknown == false)
            #expect(error?.isRetryable == true)
            #expect(try await rows(pool) == 0)
            #expect(pool.statistics.busy == 0)
        }
    }

    /// A crash there leaves it open: see `FaultTests`.
    @Test func `knows that a COMMIT was undone when the server says so`() async throws {
        try await withTable(poolSize: 1, makeLingeringTable) { pool, configuration in
            let server = try await PostgresServer.shared()
            let task = Task {
                try await pool.withTransaction { try await $0.execute(Self.insert, [1]) }
            }
            try await waitUntilRunning("COMMIT", in: configuration.database, of: server)
            try await server.terminateConnections(to: configuration.database)
            let error = await failure { try await task.value }
            #expect(error?.code == .connectionFailure && error?.isOutcomeUnknown == false)
            #expect(try await rows(pool) == 0)
        }
    }

    @Test func `has a connection for itself`() async throws {
        try await withTable(poolSize: 2) { pool, _ in
            try await pool.withTransaction { transaction in
                try await transaction.execute(Self.insert, [1])
                let seen = try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<50 {
                        group.addTask { try await pool.query(Self.count).first?.decode(0) ?? -1 }
                    }
                    return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
                }
                #expect(seen == [0])
            }
            #expect(try await rows(pool) == 1)
        }
    }

    @Test func `sends the statements of concurrent tasks after its BEGIN`() async throws {
        try await withTable { pool, _ async throws in
            await #expect(throws: Refused.self) {
                try await pool.withTransaction { transaction in
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for id in 0..<50 { group.addTask { try await transaction.execute(Self.insert, [id]) } }
                        try await group.waitForAll()
                    }
                    throw Refused()
                }
            }
            #expect(try await rows(pool) == 0)
        }
    }

    @Test func `cannot be used after its end`() async throws {
        try await withTable { pool, _ in
            let leaked = try await pool.withTransaction { transaction in
                try await transaction.execute(Self.insert, [1])
                return transaction
            }
            #expect(await failure { try await leaked.execute(Self.insert, [2]) }?.code == .transactionEnded)
            #expect(try await rows(pool) == 1)
        }
    }

    @Test func `reports a rule that is checked at COMMIT`() async throws {
        try await withTable { pool, _ in
            try await pool.execute(
                "CREATE TABLE parts (id int8 REFERENCES items (id) DEFERRABLE INITIALLY DEFERRED)")
            let error = await failure {
                try await pool.withTransaction { try await $0.execute("INSERT INTO parts VALUES (9)") }
            }
            #expect(error?.code == .foreignKeyViolation && error?.isOutcomeUnknown == false)
            #expect(pool.statistics.lost == 0)
        }
    }

    @Test(arguments: TransactionIsolation.allCases)
    func `runs at the isolation that is asked for`(isolation: TransactionIsolation) async throws {
        try await withTable { pool, _ in
            let name = try await pool.withTransaction(isolation: isolation) {
                try await $0.query("SELECT current_setting('transaction_isolation')").first?.decode(0, as: String.self)
            }
            let expected = ["read committed", "repeatable read", "serializable"]
            #expect(name == expected[TransactionIsolation.allCases.firstIndex(of: isolation) ?? 0])
        }
    }

    @Test func `waits its turn and gives up in time`() async throws {
        try await withPool {
            $0.poolSize = 1; $0.acquireTimeout = .seconds(3)
        } _: { pool in
            try await pool.withTransaction { transaction in
                try await transaction.execute("SELECT 1")
                async let second = failure { try await pool.withTransaction { try await $0.execute("SELECT 1") } }
                async let statement = failure { try await pool.query("SELECT 1") }
                let error = await second
                #expect(error?.code == .poolTimeout && error?.isRetryable == true)
                #expect(await statement?.code == .poolTimeout)
            }
            #expect(pool.statistics.acquireTimeouts == 2)
            try await pool.ping()
        }
    }
}
