import Hummingbird
import Logging
import Postgres
import ServiceLifecycle

// The descriptions below are what ServiceLifecycle writes into its log lines; by default those would be reflections of
// everything inside, settings included.

/// Keeps the pool's connections until the end.
struct PoolService: Service, CustomStringConvertible {
    let pool: PostgresPool
    let description = "database pool"

    func run() async throws {
        await cancelWhenGracefulShutdown { await pool.run() }
    }
}

/// Runs a server; a failure says whose it is: it could not listen, or ended later.
struct Listener<Server: ApplicationProtocol>: Service, CustomStringConvertible {
    let server: Server
    let address: String

    var description: String { "server on \(address)" }

    struct Failure: Error, CustomStringConvertible {
        let address: String
        let cause: any Error

        var description: String { "the server on \(address) failed: \(cause)" }
    }

    func run() async throws {
        do {
            try await server.run()
        } catch {
            throw Failure(address: address, cause: error)
        }
    }
}

/// Migrates the database as soon as it is there, then says that the service is ready, until it is told to stop.
///
/// A database may come back empty: a Postgres without a volume that was replaced. Then it is migrated again, and the service
/// is not ready until that is done (`/readyz` looks, too). One that has any table is left as it is.
struct StartUp: Service, CustomStringConvertible {
    /// How often it is looked whether the tables are there.
    static let lookInterval = Duration.seconds(5)

    let migrator: Migrator
    let database: PostgresPool
    let readiness: Readiness
    let logger: Logger
    let description = "start-up"

    func run() async throws {
        try await withGracefulShutdownHandler {
            do {
                try await cancelWhenGracefulShutdown { try await keepMigrated() }
            } catch  where readiness.phase == .stopping {
                // Told to stop: that is no failure.
            }
        } onGracefulShutdown: {
            readiness.advance(to: .stopping)
        }
    }

    private func keepMigrated() async throws {
        while true {
            try await migrate()
            readiness.advance(to: .ready)
            logger.info("ready")
            try await waitUntilEmpty()
            readiness.advance(to: .starting)
            logger.error("the database has lost its tables, and what was in them; they are made again")
        }
    }

    /// Two looks in a row: one may fall between the beginning and the end of somebody's restoring.
    private func waitUntilEmpty() async throws {
        var looks = 0
        while looks < 2 {
            try await Task.sleep(for: Self.lookInterval)
            // A database that is away is not empty.
            let isEmpty = (try? await Migrator.isEmpty(database)) ?? false
            looks = isEmpty ? looks + 1 : 0
        }
    }

    /// Tries again, less and less often, while the database is away; every other failure ends the program.
    private func migrate() async throws {
        var pause = Duration.milliseconds(100)
        while try await !tryMigrating() {
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(5))
        }
    }

    /// - Returns: false when the database is away.
    private func tryMigrating() async throws(MigrationError) -> Bool {
        let applied: [String]
        do {
            applied = try await migrator.migrate()
        } catch {
            // Migrating again is safe, so it does not matter whether the outcome of the lost statement is known.
            guard case .database(let cause) = error, cause.isRetryable || cause.code == .connectionFailure else {
                throw error
            }
            logger.warning("the database is not there yet", metadata: ["reason": "\(cause)"])
            return false
        }
        if !applied.isEmpty { logger.info("migrated", metadata: ["applied": "\(applied)"]) }
        return true
    }
}
