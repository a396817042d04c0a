import Foundation
import Glibc
public import Logging
import Proxy
import Reactor
import ServiceLifecycle
import UnixSignals

/// A whole gateway process: reads the configuration, serves, answers on the admin interface, until a signal ends it.
public enum GatewayProcess {
    /// The version of this program.
    public static let version = "0.1.0"

    /// How many workers can run at the same time here: see `WorkerThread.usableProcessors`.
    public static var usableCores: Int { WorkerThread.usableProcessors }

    /// Runs until SIGTERM or SIGINT, then drains. SIGHUP reads the configuration again and reopens the access log.
    ///
    /// - Throws: `ConfigurationError` when the first configuration is not good; `ReactorError` when a listener cannot be
    ///   bound; whatever stops the admin interface.
    ///
    /// - Parameter logLevel: what `logger` asks for its level; the admin interface changes it.
    public static func run(_ settings: GatewaySettings, logger: Logger, logLevel: LogLevelControl) async throws {
        // A client or a log's reader that went away shows as EPIPE where it was written to.
        signal(SIGPIPE, SIG_IGN)
        // From here on, so that a SIGHUP during the start does not end the process.
        let hangups = await UnixSignalsSequence(trapping: [.sighup])
        let clock: @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970) }
        let queue = VerificationQueue(consumers: min(4, max(1, usableCores / 2)), secondsSince1970: clock)
        let status = ControlStatus()
        let services = ServiceAddresses(settings.backends, namespace: settings.namespace)
        let client = KeySetClient(services: services, authorities: { status.values.authorities[$0] })
        let feedClient = RevocationClient(services: services, authorities: { status.values.authorities[$0] })
        let keySets = RemoteKeySets(fetch: { try await client.fetch($0) }, secondsSince1970: clock)
        let revocations = RevocationFeeds(
            fetch: { try await feedClient.page(of: $0, after: $1) }, ended: { await feedClient.end($0) },
            secondsSince1970: clock)
        var keeper = ConfigurationKeeper(
            settings: settings, queue: queue, status: status, logger: logger, keySets: keySets,
            revocations: revocations, secondsSince1970: clock)
        let snapshot = try await keeper.load()
        let accessLog = try AccessLog(path: settings.accessLog)
        let gateway = try Gateway(snapshot: snapshot, workers: settings.workers, accessLog: accessLog)
        let (drains, drain) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let process = adminProcess(
            of: gateway, queue: queue, keySets: keySets, revocations: revocations, logLevel: logLevel
        ) { drain.yield() }
        let admin = AdminServer(
            address: settings.admin, names: Set(settings.adminNames.map { $0.lowercased() }), status: status,
            logger: logger, process: process)
        let management = settings.management.map {
            AdminServer(address: $0, scope: .management, status: status, logger: logger, process: process)
        }
        let service = GatewayService(
            gateway: gateway, hangups: hangups, keeper: keeper, accessLog: accessLog,
            drainSeconds: settings.drainSeconds, watchSeconds: settings.watchSeconds, status: status,
            keySets: keySets, revocations: revocations, logger: logger)
        // Shut down from the last to the first: the gateway drains while tokens are still verified and the admin
        // interface still answers.
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(service: queue), .init(service: keySets), .init(service: revocations), .init(service: admin),
                ]
                    + [management].compactMap { $0.map { .init(service: $0) } } + [.init(service: service)],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await withThrowingTaskGroup { tasks in
            tasks.addTask {
                for await _ in drains { await group.triggerGracefulShutdown() }
            }
            defer { tasks.cancelAll() }
            try await group.run()
        }
    }

    private static func adminProcess(
        of gateway: Gateway, queue: VerificationQueue, keySets: RemoteKeySets, revocations: RevocationFeeds,
        logLevel: LogLevelControl, drain: @escaping @Sendable () -> Void
    ) -> AdminProcess {
        AdminProcess(
            figures: {
                GatewayFigures(
                    gateway: gateway.statistics, endpoints: gateway.endpoints,
                    verificationsWaiting: queue.statistics.waiting, verificationResults: queue.statistics.results,
                    keySets: keySets.figures, revocations: revocations.figures, memory: ProcessMemory.now)
            },
            boundPorts: { gateway.ports },
            clients: { limit in
                let found = await gateway.clients(atMost: limit)
                return (
                    found.count,
                    found.busiest.map {
                        ConnectionReport.Client(client: $0.client.description, open: $0.connections)
                    }
                )
            },
            logLevel: logLevel, drain: drain)
    }
}
