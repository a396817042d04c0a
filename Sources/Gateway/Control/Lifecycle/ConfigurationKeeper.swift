import Logging
import Proxy
import Reactor
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
    private var snapshot: Snapshot?
    private var endpoints: [ServicePort: [Endpoint]] = [:]
    /// By name: what backends' names stood for last.
    private var addresses: [String: [String]] = [:]
    private var watch = FileWatch()
    private var watchedKeySets: [String] = []
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
        // Looked at before they are read: what changes meanwhile is read once more.
        let states = fileStates(and: [])
        let files = ConfigurationFiles(
            reading: settings.configuration, mounted: settings.mounted, namespace: settings.namespace)
        let configuration = Configuration(
            files: files, backends: settings.backends, listen: settings.listen,
            tracedPerMillion: settings.tracedPerMillion)
        let keySets = configuration.keySetFiles
        watch.read(states.merging(ConfigurationFiles.states(of: [], and: keySets)) { first, _ in first })
        watchedKeySets = keySets
        let resolution = await resolver.resolve(configuration.referencedServices, previous: addresses)
        let built = try await configuration.snapshot(endpoints: resolution.endpoints, queue: queue)
        let warnings = built.diagnostics + configuration.expiryDiagnostics(nowSeconds: secondsSince1970())
        for diagnostic in warnings where diagnostic.severity != .error {
            logger.notice("\(diagnostic)")
        }
        self.configuration = configuration
        use(resolution, built.snapshot)
        let expiries = configuration.certificateExpiries
        status.update {
            $0.refusal = []
            $0.certificates = expiries
        }
        return built.snapshot
    }

    /// Takes over which files `other` has read, and nothing else.
    mutating func hasSeenFiles(as other: ConfigurationKeeper) {
        watch = other.watch
        watchedKeySets = other.watchedKeySets
    }

    /// Whether files of the configuration changed since they were last read, and have come to rest.
    mutating func filesHaveChanged() -> Bool {
        watch.observe(fileStates(and: watchedKeySets))
    }

    private func fileStates(and others: [String]) -> FileWatch.Files {
        ConfigurationFiles.states(of: settings.configuration, mounted: settings.mounted, and: others)
    }

    /// Whether files of the configuration changed, and it takes another look to see whether they are at rest.
    var filesAreChanging: Bool { watch.isUnsettled }

    /// Where a change of the configuration shows.
    var watchedFolders: [String: FileNotices.Interest] {
        ConfigurationFiles.watched(settings.configuration, mounted: settings.mounted, and: watchedKeySets)
    }

    /// Looks up the names of Services again.
    ///
    /// - Returns: a snapshot with the new addresses, or nil when nothing changed.
    mutating func refreshEndpoints() async throws(ConfigurationError) -> Snapshot? {
        guard let configuration, let snapshot else { return nil }
        let resolution = await resolver.resolve(configuration.referencedServices, previous: addresses)
        if resolution.endpoints == endpoints {
            status.update { $0.unresolvedNames = resolution.failures }
            return nil
        }
        let next = try configuration.snapshot(endpoints: resolution.endpoints, keeping: snapshot)
        use(resolution, next)
        return next
    }

    private mutating func use(_ resolution: EndpointResolver.Resolution, _ snapshot: Snapshot) {
        for name in resolution.failures {
            logger.warning(
                "a backend's name cannot be resolved; addresses it had are kept", metadata: ["name": "\(name)"])
        }
        endpoints = resolution.endpoints
        addresses = resolution.addresses
        self.snapshot = snapshot
        usesNames = resolution.usesNames
        let now = secondsSince1970()
        let documents = configuration?.sources ?? []
        status.update {
            $0.table = snapshot.routes
            $0.verifier = snapshot.verifier
            $0.documents = documents
            $0.configuredAtSeconds = now
            $0.unresolvedNames = resolution.failures
        }
    }
}
