public import ArgumentParser
import Foundation
import Logging
import Postgres
import ServiceLifecycle
import Telemetry
import UnixSignals

/// The program of a service: `serve` (the default), `migrate`, `seed`, `openapi`.
public struct ServiceProgram<Program: GatehouseService>: AsyncParsableCommand {
    public static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "\(Program.identity.name)-service",
            abstract: Program.identity.summary,
            discussion: "Settings come from the environment and, below it, from the YAML file of --config:\n\n"
                + ServiceSettings<Program>.help,
            version: Program.identity.version,
            subcommands: [Serve<Program>.self, Migrate<Program>.self, Seed<Program>.self, OpenAPI<Program>.self]
                + Program.commands,
            defaultSubcommand: Serve<Program>.self)
    }

    public init() {}

    /// Runs the subcommand that the process's arguments name, and ends the process with its status. This is the whole
    /// body of a service's executable.
    public static func start() async { await main() }
}

/// Where settings come from besides the environment: an option of every subcommand.
public struct SettingsOptions: ParsableArguments {
    @Option(help: "A YAML file with settings; the environment wins over it.")
    var config: String?

    public init() {}
}

struct Serve<Program: GatehouseService>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "serve",
            abstract: "Migrate the database and serve requests until SIGTERM or SIGINT (the default).")
    }

    @OptionGroup var options: SettingsOptions

    func run() async throws {
        let boot = try Boot<Program>(options)
        try await boot.reporting {
            let verifier = try await TokenVerifier(boot.settings.platform, logger: boot.logger)
            let application = ServiceApplication<Program>(
                settings: boot.settings, verifier: verifier, platform: boot.makePlatform())
            guard application.canVerify else {
                throw SettingsError([
                    "TOKEN_KEY_SET_FILE or TOKEN_KEY_SET_URI is required: the JSON Web Key set for access tokens"
                ])
            }
            try await application.service.prepare()
            var configuration = ServiceGroupConfiguration(
                services: try application.lifecycle(), gracefulShutdownSignals: [.sigterm, .sigint], logger: boot.logger
            )
            configuration.maximumGracefulShutdownDuration = boot.settings.platform.shutdownTimeout
            configuration.maximumCancellationDuration = .seconds(5)
            try await ServiceGroup(configuration: configuration).run()
            boot.logger.info("stopped")
        }
    }
}

struct Migrate<Program: GatehouseService>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "migrate", abstract: "Bring the database up to date; a second run changes nothing.")
    }

    @OptionGroup var options: SettingsOptions

    func run() async throws {
        let boot = try Boot<Program>(options)
        try await boot.reporting {
            let applied = try await boot.migrate()
            print(applied.isEmpty ? "Nothing to migrate." : "Applied: \(applied.joined(separator: ", "))")
        }
    }
}

struct Seed<Program: GatehouseService>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "seed", abstract: "Migrate and store demonstration data; a second run changes nothing.")
    }

    @OptionGroup var options: SettingsOptions

    func run() async throws {
        let boot = try Boot<Program>(options)
        try await boot.reporting {
            try await boot.withMigratedPlatform { platform in
                try await Program(platform: platform, settings: boot.settings.own).seed()
            }
            print("Seeded.")
        }
    }
}

struct OpenAPI<Program: GatehouseService>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "openapi", abstract: "Print the OpenAPI 3.1 document.")
    }

    @OptionGroup var options: SettingsOptions

    func run() async throws {
        let boot = try Boot<Program>(options)
        let service = Program(platform: boot.makePlatform(), settings: boot.settings.own)
        print(OpenAPIDocument(Program.identity, endpoints: service.endpoints).json.text)
    }
}

/// What every subcommand begins with: settings and log.
public struct Boot<Program: GatehouseService>: Sendable {
    public let settings: ServiceSettings<Program>
    let logger: Logger

    /// - Throws: `ExitCode` 78 (EX_CONFIG) after telling on standard error what is wrong with the settings.
    public init(_ options: SettingsOptions) throws {
        do {
            settings = try ServiceSettings(environment: ProcessInfo.processInfo.environment, file: options.config)
        } catch {
            Self.tell(error.messages)
            throw ExitCode(78)
        }
        // Whoever reads our log may go away: then a write fails, and does not end the program.
        signal(SIGPIPE, SIG_IGN)
        LoggingSystem.bootstrapJSON(level: settings.platform.logLevel)
        logger = Logger(label: Program.identity.name)
    }

    func makePlatform() -> Platform {
        Platform(
            database: PostgresPool(configuration: settings.platform.database, logger: logger),
            metrics: MetricsRegistry(), logger: logger, tokens: settings.platform.tokens)
    }

    /// Brings the database up to date.
    ///
    /// - Returns: The names of the migrations applied now.
    func migrate() async throws(MigrationError) -> [String] {
        try await Migrator(
            configuration: settings.platform.database, migrations: try Program.allMigrations, logger: logger
        ).migrate()
    }

    /// Migrates the database and runs `work` on it; afterwards the pool is closed, whatever happened.
    public func withMigratedPlatform(_ work: (Platform) async throws -> Void) async throws {
        _ = try await migrate()
        let platform = makePlatform()
        let result: Result<Void, any Error>
        do { result = .success(try await work(platform)) } catch { result = .failure(error) }
        await platform.database.close()
        try result.get()
    }

    /// Runs `work`; what it throws is told on standard error in one line each, and ends the program with a status.
    public func reporting(_ work: () async throws -> Void) async throws {
        do {
            try await work()
        } catch let error as SettingsError {
            Self.tell(error.messages)
            throw ExitCode(78)
        } catch {
            Self.tell(["\(error)"])
            throw ExitCode.failure
        }
    }

    private static func tell(_ messages: [String]) {
        let text = messages.map { "\(Program.identity.name)-service: \($0)\n" }.joined()
        FileHandle.standardError.write(Data(text.utf8))
    }
}

extension LoggingSystem {
    /// From here on, every logger of the process writes JSON lines to standard error.
    fileprivate static func bootstrapJSON(level: Logger.Level) {
        bootstrap { JSONLogHandler(label: $0, level: level, output: .standardError) }
    }
}
