import Logging
import Proxy
import Routing

/// Holds the configuration in use, and replaces it: whole, and only by one that was found good.
///
/// Used by one task at a time.
struct ConfigurationKeeper {
    private let settings: GatewaySettings
    private let queue: VerificationQueue
    private let status: ControlStatus
    private let logger: Logger
    private let resolver: EndpointResolver
    private let secondsSince1970: @Sendable () -> Int64

    private var configuration: Configuration?
    private var endpoints: [ServicePort: [Endpoint]] = [:]
    /// The addresses and ports of the listeners, which cannot change while the process runs.
    private var bound: [String] = []
    private(set) var usesNames = false

    init(
        settings: GatewaySettings, queue: VerificationQueue, status: ControlStatus, logger: Logger,
        secondsSince1970: @escaping @Sendable () -> Int64
    ) {
        self.settings = settings
        self.queue = queue
        self.status = status
        self.logger = logger
        self.secondsSince1970 = secondsSince1970
        resolver = EndpointResolver(overrides: settings.backends)
    }

    /// Reads the files again and builds a snapshot from them.
    ///
    /// - Throws: `ConfigurationError`; everything is then as it was before.
    mutating func load() async throws(ConfigurationError) -> Snapshot {
        let files = ConfigurationFiles(reading: settings.configuration)
        let configuration = Configuration(files: files, backends: settings.backends, listen: settings.listen)
        let resolution = await resolver.resolve(configuration.referencedServices, previous: endpoints)
        let built = try await configuration.snapshot(endpoints: resolution.endpoints, queue: queue)
        try requireSameListeners(built.snapshot)
        for diagnostic in built.diagnostics where diagnostic.severity != .error {
            logger.notice("\(diagnostic)")
        }
        self.configuration = configuration
        bound = Self.addresses(built.snapshot)
        use(resolution, built.snapshot)
        status.update { $0.refusal = [] }
        return built.snapshot
    }

    /// Looks up the names of Services again.
    ///
    /// - Returns: a snapshot with the new addresses, or nil when nothing changed.
    mutating func refreshEndpoints() async throws(ConfigurationError) -> Snapshot? {
        guard let configuration else { return nil }
        let resolution = await resolver.resolve(configuration.referencedServices, previous: endpoints)
        if resolution.endpoints == endpoints {
            status.update { $0.unresolvedNames = resolution.failures }
            return nil
        }
        let built = try await configuration.snapshot(endpoints: resolution.endpoints, queue: queue)
        use(resolution, built.snapshot)
        return built.snapshot
    }

    private mutating func use(_ resolution: EndpointResolver.Resolution, _ snapshot: Snapshot) {
        for name in resolution.failures {
            logger.warning(
                "a backend's name cannot be resolved; addresses it had are kept", metadata: ["name": "\(name)"])
        }
        endpoints = resolution.endpoints
        usesNames = resolution.usesNames
        let now = secondsSince1970()
        status.update {
            $0.table = snapshot.routes
            $0.configuredAtSeconds = now
            $0.unresolvedNames = resolution.failures
        }
    }

    private func requireSameListeners(_ snapshot: Snapshot) throws(ConfigurationError) {
        guard configuration != nil, bound != Self.addresses(snapshot) else { return }
        let message = "the listeners differ from those this process was started with (\(bound.joined(separator: ", ")))"
        throw ConfigurationError(
            diagnostics: [Diagnostic(.error, at: Place(file: ""), "\(message); restart it to change them")])
    }

    private static func addresses(_ snapshot: Snapshot) -> [String] {
        snapshot.listeners.map {
            "\($0.name) \($0.tls == nil ? "http" : "https") \(HostPort(host: $0.address, port: $0.port))"
        }
    }
}
