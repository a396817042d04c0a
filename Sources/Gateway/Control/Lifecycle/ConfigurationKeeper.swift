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
    private let keySets: RemoteKeySets
    private let revocations: RevocationFeeds?
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
        keySets: RemoteKeySets? = nil, revocations: RevocationFeeds? = nil,
        secondsSince1970: @escaping @Sendable () -> Int64
    ) {
        self.settings = settings
        self.queue = queue
        self.keySets =
            keySets
            ?? RemoteKeySets(
                fetch: { _ in throw KeySetError("is not fetched here") }, secondsSince1970: secondsSince1970)
        self.revocations = revocations
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
        var configuration = Configuration(
            files: files, backends: settings.backends, listen: settings.listen,
            tracedPerMillion: settings.tracedPerMillion, keeping: self.configuration)
        let keySets = configuration.keySetFiles
        watch.read(states.merging(ConfigurationFiles.states(of: [], and: keySets)) { first, _ in first })
        watchedKeySets = keySets
        let resolution = await resolver.resolve(configuration.referencedServices, previous: addresses)
        let built = try await configuration.snapshot(
            endpoints: resolution.endpoints, queue: queue, keySets: self.keySets, revocations: revocations,
            previous: snapshot, unusableBefore: self.configuration.map { Set($0.unusable.keys) })
        let warnings = built.diagnostics + configuration.expiryDiagnostics(nowSeconds: secondsSince1970())
        for diagnostic in warnings {
            if diagnostic.severity == .error {
                logger.error("not used, the rest of the configuration is: \(diagnostic)")
            } else {
                logger.notice("\(diagnostic)")
            }
        }
        self.configuration = configuration
        // Those that only the configuration before names are let go of when this one is in force.
        let missing = self.keySets.missing
        let authorities = configuration.keySetAuthorities
        use(resolution, built.snapshot)
        let expiries = configuration.certificateExpiries
        status.update {
            $0.refusal = []
            $0.certificates = expiries
            $0.waitingFor = missing
            $0.authorities = authorities
            $0.problems = built.diagnostics.filter { $0.severity == .error }
            $0.objects = built.status
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

    /// The configuration in use is in force: key sets and revocation feeds that it does not name are not asked for any more.
    func dropUnusedKeySets() {
        revocations?.retain(only: Set(snapshot?.routes.tokenProviders.compactMap(\.revocations) ?? []))
        tellRevocations()
        let named = snapshot?.routes.tokenProviders.compactMap { provider in
            if case .remote(let settings) = provider.keySet { settings } else { nil }
        }
        keySets.retain(only: Set(named ?? []))
        let missing = keySets.missing
        status.update { $0.waitingFor = missing }
    }

    /// A revocation feed began to fail, or to answer.
    func tellRevocations() {
        let problems = revocations?.figures.compactMap(\.problem) ?? []
        status.update { $0.revocationProblems = problems }
    }

    /// Key sets were fetched.
    ///
    /// - Returns: a snapshot that takes no token for verified, when keys have changed.
    mutating func refreshKeys() throws(ConfigurationError) -> Snapshot? {
        let missing = keySets.missing
        status.update { $0.waitingFor = missing }
        guard let snapshot, keySets.takeChange(), let verifier = snapshot.verifier as? TokenVerifier else { return nil }
        do throws(UpstreamTLSError) {
            let next = try Snapshot(
                routes: snapshot.routes, listeners: snapshot.listeners, limits: snapshot.limits,
                verifier: verifier.renewed(), revocations: snapshot.revocations,
                trustedProxies: snapshot.trustedProxies, keeping: snapshot)
            self.snapshot = next
            status.update { $0.verifier = next.verifier }
            return next
        } catch {
            throw ConfigurationError(diagnostics: [Diagnostic(.error, at: Place(file: ""), "\(error)")])
        }
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
        let documents = configuration?.documents.sources ?? []
        status.update {
            $0.table = snapshot.routes
            $0.verifier = snapshot.verifier
            $0.revocations = snapshot.revocations
            $0.documents = documents
            $0.rateLimiters = snapshot.rateLimiters
            $0.configuredAtSeconds = now
            $0.unresolvedNames = resolution.failures
        }
    }
}
