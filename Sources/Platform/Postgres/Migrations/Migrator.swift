public import Logging

/// Brings a database's schema forward to what the program expects.
///
/// It uses a connection of its own. An advisory lock keeps two migrators of one database apart: the second waits, and
/// then finds nothing to do. Each migration runs in one transaction together with the row in `schema_migrations` that
/// says so, with the SHA-256 of its text: after a failure the database is exactly at the last one that succeeded.
public struct Migrator: Sendable {
    /// The advisory lock's key: the bytes of "gatehous".
    static let lockKey: Int64 = 0x6761_7465_686F_7573

    /// How long to wait for another migrator, or for a lock that a statement of a migration needs.
    public var lockTimeout = Duration.seconds(60)

    private let configuration: PostgresConfiguration
    private let migrations: [Migration]
    private let logger: Logger

    /// - Parameter migrations: by strictly increasing name.
    public init(configuration: PostgresConfiguration, migrations: [Migration], logger: Logger) {
        var configuration = configuration
        // A migration may take long; what bounds it is the lock timeout, and the cancellation of the task.
        configuration.statementTimeout = .zero
        self.configuration = configuration
        self.migrations = migrations
        self.logger = logger
    }

    /// Applies what is pending. Doing it again does nothing.
    ///
    /// - Returns: the names of the migrations applied now, in order.
    public func migrate() async throws(MigrationError) -> [String] {
        try MigrationPlan.check(migrations)
        return try await connected { connection throws(MigrationError) in
            try await self.prepare(connection)
            var applied: [String] = []
            let plan = try await self.plan(connection)
            if !plan.newer.isEmpty {
                self.logger.notice(
                    "the database is of a later release, which this one serves with",
                    metadata: ["migrations": "\(plan.newer)"])
            }
            for migration in plan.pending {
                try await self.apply(migration, connection)
                applied.append(migration.name)
                self.logger.notice("migration applied", metadata: ["migration": "\(migration.name)"])
            }
            return applied
        }
    }

    /// Whether the database was ever migrated: a round trip through the pool.
    public static func hasMigrated(_ pool: PostgresPool) async throws(PostgresError) -> Bool {
        try await pool.query(hasTable).first?.decode(0) ?? false
    }

    /// Whether there is no table at all, as in a database that was just made.
    public static func isEmpty(_ pool: PostgresPool) async throws(PostgresError) -> Bool {
        try await pool.query(hasNoTable).first?.decode(0) ?? false
    }

    /// What has been applied and what has not; changes nothing.
    public func status() async throws(MigrationError) -> MigrationStatus {
        try MigrationPlan.check(migrations)
        return try await connected { connection throws(MigrationError) in
            let applied = try await self.applied(connection)
            let checksums = try await self.checksums(connection)
            let plan = try MigrationPlan(self.migrations, checksums: checksums, applied: applied)
            return MigrationStatus(applied: applied, pending: plan.pending.map(\.name))
        }
    }

    private func connected<Value: Sendable>(
        _ body: @Sendable (PostgresConnection) async throws(MigrationError) -> Value
    ) async throws(MigrationError) -> Value {
        do {
            return try await PostgresConnection.withConnection(configuration: configuration, logger: logger) {
                try await body($0)
            }
        } catch let error as MigrationError {
            throw error
        } catch let error as PostgresError {
            throw .database(error)
        } catch {
            throw .database(PostgresError(.other, "\(error)"))
        }
    }

    // MARK: - SQL

    private static let setLockTimeout: Statement = "SELECT set_config('lock_timeout', $1, false)"
    private static let lock: Statement = "SELECT pg_advisory_lock($1)"
    private static let createTable: Statement = """
        CREATE TABLE IF NOT EXISTS schema_migrations (
            name       text        CONSTRAINT schema_migrations_pkey PRIMARY KEY,
            checksum   text        NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now()
        )
        """
    private static let hasTable: Statement = "SELECT to_regclass('schema_migrations') IS NOT NULL"
    private static let hasNoTable: Statement = """
        SELECT current_schema() IS NOT NULL AND NOT EXISTS (
            SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
            WHERE nspname = current_schema() AND relkind IN ('r', 'p')
        )
        """
    private static let select: Statement = "SELECT name, checksum FROM schema_migrations ORDER BY name COLLATE \"C\""
    private static let insert: Statement = """
        INSERT INTO schema_migrations (name, checksum) VALUES ($1, encode(sha256(convert_to($2, 'UTF8')), 'hex'))
        """
    private static let digest: Statement = """
        SELECT encode(sha256(convert_to(sql, 'UTF8')), 'hex')
        FROM unnest($1) WITH ORDINALITY AS migration (sql, number)
        ORDER BY number
        """
    private static let transactionID: Statement = "SELECT pg_current_xact_id()::text"

    /// The lock is the session's: it ends with the connection, whatever happens.
    private func prepare(_ connection: PostgresConnection) async throws(MigrationError) {
        do {
            try await connection.execute(Self.setLockTimeout, ["\(lockTimeout.wholeMilliseconds)ms"])
            try await connection.execute(Self.lock, [Self.lockKey])
            try await connection.execute(Self.createTable)
        } catch {
            throw .database(error)
        }
    }

    private func plan(_ connection: PostgresConnection) async throws(MigrationError) -> MigrationPlan {
        let applied = try await applied(connection)
        return try MigrationPlan(migrations, checksums: try await checksums(connection), applied: applied)
    }

    private func applied(_ connection: PostgresConnection) async throws(MigrationError) -> [AppliedMigration] {
        do {
            guard try await connection.query(Self.hasTable).first?.decode(0, as: Bool.self) == true else { return [] }
            var applied: [AppliedMigration] = []
            for row in try await connection.query(Self.select) {
                let (name, checksum) = try row.decode(String.self, String.self)
                applied.append(AppliedMigration(name: name, checksum: checksum))
            }
            return applied
        } catch {
            throw .database(error)
        }
    }

    private func checksums(_ connection: PostgresConnection) async throws(MigrationError) -> [String] {
        do {
            var checksums: [String] = []
            for row in try await connection.query(Self.digest, [migrations.map(\.sql)]) {
                checksums.append(try row.decode(0))
            }
            return checksums
        } catch {
            throw .database(error)
        }
    }

    private func apply(_ migration: Migration, _ connection: PostgresConnection) async throws(MigrationError) {
        do {
            try await connection.execute("BEGIN")
            let before = try await connection.query(Self.transactionID).first?.decode(0, as: String.self)
            try await connection.run(script: migration.sql)
            let after = try await connection.query(Self.transactionID).first?.decode(0, as: String.self)
            guard before == after else { throw MigrationError.endedTransaction(migration.name) }
            try await connection.execute(Self.insert, [migration.name, migration.sql])
            try await connection.execute("COMMIT")
        } catch let error as PostgresError where error.code == .connectionFailure || error.code == .cancelled {
            // Not the migration's fault, and the COMMIT may have come through: the next run finds out.
            throw .database(error)
        } catch let error as PostgresError {
            // The transaction is undone by the server when the caller closes the connection.
            throw .failed(migration.name, line: error.position.map { line(of: $0, in: migration.sql) }, error)
        } catch let error as MigrationError {
            throw error
        } catch {
            throw .database(PostgresError(.other, "\(error)"))
        }
    }

    /// The line of a character that the server counts from 1, in Unicode scalars.
    private func line(of position: Int, in sql: String) -> Int {
        1 + sql.unicodeScalars.prefix(max(0, position - 1)).count { $0 == "\n" }
    }
}
