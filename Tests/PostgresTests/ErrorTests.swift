import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(3)))
struct ErrorTests {
    private static let tables: Statement = """
        CREATE TABLE items (
            id       int8 CONSTRAINT items_pkey PRIMARY KEY,
            name     text NOT NULL CONSTRAINT items_name_key UNIQUE,
            quantity int4 CONSTRAINT items_quantity_check CHECK (quantity >= 0),
            parent   int8 CONSTRAINT items_parent_fkey REFERENCES items (id)
        )
        """
    private static let insert: Statement = "INSERT INTO items (id, name, quantity, parent) VALUES ($1, $2, $3, $4)"

    @Test func `tells the violations of rules apart, and names the rule`() async throws {
        try await withPool { pool in
            try await pool.execute(Self.tables)
            try await pool.execute(Self.insert, [1, "secret", 1, Int?.none])
            let unique = await failure { try await pool.execute(Self.insert, [2, "secret", 1, Int?.none]) }
            #expect(unique?.code == .uniqueViolation && unique?.sqlState == "23505")
            #expect(unique?.constraint == "items_name_key" && unique?.table == "items")
            #expect(unique?.description.contains("secret") == false)
            let check = await failure { try await pool.execute(Self.insert, [2, "b", -1, Int?.none]) }
            #expect(check?.code == .checkViolation && check?.constraint == "items_quantity_check")
            let key = await failure { try await pool.execute(Self.insert, [2, "b", 1, 99]) }
            #expect(key?.code == .foreignKeyViolation && key?.constraint == "items_parent_fkey")
            let null = await failure { try await pool.execute(Self.insert, [2, String?.none, 1, Int?.none]) }
            #expect(null?.code == .notNullViolation && null?.column == "name")
            for error in [unique, check, key, null] { #expect(error?.isRetryable == false) }
        }
    }

    @Test func `does not repeat a value that the server quotes`() async throws {
        try await withPool { pool in
            let error = await failure { try await pool.query("SELECT $1::int8", ["secret"]) }
            #expect(error?.code == .invalidData && error?.sqlState == "22P02")
            #expect(error?.description.contains("secret") == false)
            let range = await failure { try await pool.query("SELECT $1::int4", [Int64.max]) }
            #expect(range?.code == .invalidData)
            let zero = await failure { try await pool.query("SELECT 1 / $1", [0]) }
            #expect(zero?.sqlState == "22012")
        }
    }

    @Test func `says where a statement is wrong`() async throws {
        try await withPool { pool in
            let error = await failure { try await pool.query("SELECT 1 FRM items") }
            #expect(error?.code == .invalidStatement && error?.sqlState == "42601" && error?.position == 14)
            #expect(await failure { try await pool.query("SELECT 1 FROM nowhere") }?.sqlState == "42P01")
            #expect(await failure { try await pool.query("SELECT $1 + $2", [1]) }?.code == .invalidStatement)
            let privilege = await failure { try await pool.query("SELECT * FROM pg_authid") }
            #expect(privilege?.code == .insufficientPrivilege)
        }
    }

    @Test func `reports a rule that is checked at the end of the statement's own transaction`() async throws {
        try await withPool {
            $0.poolSize = 1
        } _: { pool in
            try await pool.execute("CREATE TABLE a (id int8 PRIMARY KEY)")
            try await pool.execute("CREATE TABLE b (id int8 REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED)")
            let insert: Statement = "INSERT INTO b VALUES ($1)"
            async let wrong = failure { try await pool.execute(insert, [1]) }
            async let right = pool.query("SELECT 1")
            #expect(await wrong?.code == .foreignKeyViolation)
            #expect(try await right.count == 1)
            #expect(await failure { try await pool.execute(insert, [2]) }?.code == .foreignKeyViolation)
            #expect(try await pool.query("SELECT id FROM b").isEmpty)
            #expect(pool.statistics.lost == 0)
        }
    }

    @Test func `two transactions that wait for each other end with a serialization failure`() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE accounts (id int8 PRIMARY KEY, balance int8)")
            try await pool.execute("INSERT INTO accounts VALUES (1, 0), (2, 0)")
            let update: Statement = "UPDATE accounts SET balance = balance + 1 WHERE id = $1"
            let gate = Gate(parties: 2)
            let outcomes = await withTaskGroup(of: PostgresError?.self) { group in
                for order in [[1, 2], [2, 1]] {
                    group.addTask {
                        do {
                            try await pool.withTransaction { transaction in
                                try await transaction.execute(update, [order[0]])
                                await gate.arrive()
                                try await transaction.execute(update, [order[1]])
                            }
                            return nil
                        } catch {
                            return error as? PostgresError
                        }
                    }
                }
                return await group.reduce(into: [PostgresError?]()) { $0.append($1) }
            }
            let errors = outcomes.compactMap(\.self)
            #expect(errors.count == 1)
            #expect(errors.first?.code == .serializationFailure && errors.first?.sqlState == "40P01")
            #expect(errors.first?.isRetryable == true)
            let balances = try await pool.query("SELECT balance FROM accounts").map { try $0.decode(0, as: Int.self) }
            #expect(balances == [1, 1])
        }
    }

    @Test func `a serializable transaction that cannot be ordered fails as retryable`() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE doctors (id int8 PRIMARY KEY, on_call bool)")
            try await pool.execute("INSERT INTO doctors VALUES (1, true), (2, true)")
            let gate = Gate(parties: 2)
            let outcomes = await withTaskGroup(of: PostgresError?.self) { group in
                for id in 1...2 {
                    group.addTask {
                        do {
                            try await pool.withTransaction(isolation: .serializable) { transaction in
                                try await transaction.execute("SELECT count(*) FROM doctors WHERE on_call")
                                await gate.arrive()
                                try await transaction.execute("UPDATE doctors SET on_call = false WHERE id = $1", [id])
                            }
                            return nil
                        } catch {
                            return error as? PostgresError
                        }
                    }
                }
                return await group.reduce(into: [PostgresError?]()) { $0.append($1) }
            }
            let errors = outcomes.compactMap(\.self)
            #expect(errors.count == 1)
            #expect(errors.first?.sqlState == "40001" && errors.first?.isRetryable == true)
        }
    }

    @Test(arguments: [
        ("password", PostgresError.Code.connectionFailure), ("database", .connectionFailure),
        ("port", .connectionFailure),
        ("host", .connectionFailure),
    ])
    func `a connection that cannot be made says why`(what: String, code: PostgresError.Code) async throws {
        var configuration = try await PostgresServer.shared().makeDatabase()
        switch what {
        case "password": configuration.password = "wrong"
        case "database": configuration.database = "nowhere"
        case "port": configuration.port = 1
        default: configuration.host = "nowhere.invalid"
        }
        configuration.acquireTimeout = .seconds(5)
        try await withPool(configuration) { pool in
            let error = await failure { try await pool.ping() }
            #expect(error?.code == code && error?.isRetryable == true)
            #expect(error?.message.isEmpty == false)
        }
        let connection = await failure {
            try await PostgresConnection.withConnection(configuration: configuration, logger: quiet) { _ in }
        }
        #expect(connection?.code == code)
    }
}

/// Lets tasks go on when all of them have arrived.
actor Gate {
    private let parties: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(parties: Int) {
        self.parties = parties
    }

    func arrive() async {
        guard waiting.count + 1 < parties else {
            waiting.forEach { $0.resume() }
            waiting = []
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }
}
