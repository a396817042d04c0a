public import Hummingbird
import Logging
import NIOCore
public import Postgres
import ServiceLifecycle
import Telemetry

/// A service with its two servers, ready to run. Programs run it by ``ServiceProgram``, tests by their own means.
public struct ServiceApplication<Program: GatehouseService>: Sendable {
    public typealias Server = Application<RouterResponder<ServiceRequestContext>>

    public let service: Program
    public let readiness: Readiness
    private let platform: Platform
    private let settings: PlatformSettings
    private let verifier: TokenVerifier?

    /// - Parameters:
    ///   - verifier: Checks the tokens of callers; one of its own keys takes its place in a service that has them.
    ///   - readiness: `starting` until ``lifecycle()`` has migrated the database; tests that migrate themselves begin
    ///     with `ready`.
    public init(
        settings: ServiceSettings<Program>, verifier: TokenVerifier?, platform: Platform,
        readiness: Readiness = Readiness()
    ) {
        self.settings = settings.platform
        self.platform = platform
        self.readiness = readiness
        service = Program(platform: platform, settings: settings.own)
        self.verifier =
            service.tokenKeys.map { TokenVerifier(keys: $0, requirements: settings.platform.tokens) } ?? verifier
        Management.describe(platform.database, in: platform.metrics)
        self.verifier?.describe(in: platform.metrics)
    }

    /// Whether the tokens of callers can be checked; the service cannot serve otherwise.
    var canVerify: Bool { verifier != nil }

    /// The server that the gateway routes to.
    public var server: Server {
        let endpoints = service.endpoints
        let router = EndpointRouter(
            endpoints: endpoints + [OpenAPIDocument.endpoint(Program.identity, describing: endpoints)],
            verifier: verifier, readiness: readiness, metrics: platform.metrics, logger: platform.logger,
            bodyLimitBytes: settings.bodyLimitBytes)
        return application(router, address: settings.httpAddress, port: settings.httpPort)
    }

    /// The server that only operators reach.
    public var managementServer: Server {
        let management = Management(
            readiness: readiness, verifier: verifier, database: platform.database, metrics: platform.metrics)
        // Probes come every few seconds; that they are told "not yet" is not news.
        var logger = platform.logger
        logger.logLevel = max(logger.logLevel, .error)
        // Management answers while the service starts: that is what it is for.
        let router = EndpointRouter(
            endpoints: management.endpoints, verifier: nil, readiness: Readiness(.ready), metrics: platform.metrics,
            logger: logger)
        return application(router, address: settings.managementAddress, port: settings.managementPort)
    }

    private func application(_ router: EndpointRouter, address: String, port: Int) -> Server {
        Application(
            responder: router.responder(),
            server: .http1(configuration: .init(idleTimeout: .seconds(75))),
            configuration: .init(address: .hostname(address, port: port), backlog: 1_024),
            logger: platform.logger)
    }

    /// Everything that runs, in the order of starting; stopping goes backwards: the phase changes, the server finishes
    /// its requests, the pool closes last.
    func lifecycle() throws(MigrationError) -> [any Service] {
        let pool = PoolService(pool: platform.database)
        let purge = IdempotencyPurge(keys: platform.idempotencyKeys, logger: platform.logger)
        let startUp = StartUp(
            migrator: Migrator(
                configuration: settings.database, migrations: try Program.allMigrations, logger: platform.logger),
            database: platform.database, readiness: readiness, logger: platform.logger)
        let listeners: [any Service] = [
            Listener(server: managementServer, address: "\(settings.managementAddress):\(settings.managementPort)"),
            Listener(server: server, address: "\(settings.httpAddress):\(settings.httpPort)"),
        ]
        return [pool, purge] + (verifier?.backgroundServices ?? []) + service.backgroundServices + listeners + [startUp]
    }
}

extension GatehouseService {
    /// ServiceKit's tables, then the service's own.
    public static var allMigrations: [Migration] {
        get throws(MigrationError) { [IdempotencyKeys.migration] + (try migrations) }
    }
}
