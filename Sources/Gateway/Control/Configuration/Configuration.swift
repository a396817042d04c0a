import Foundation
import Proxy
import Reactor
public import Routing

/// A configuration as it was read: documents, and what they refer to outside the documents.
public struct Configuration: Sendable {
    /// The largest key set file that is read.
    static let keySetLimitBytes = 1 << 20

    let documents: Documents
    let overrides: [BackendAddress]
    let listen: [ListenAddress]
    private let tracedPerMillion: Int
    private let fileDiagnostics: [Diagnostic]
    /// Documents whose content cannot be used: found by the last `snapshot(endpoints:queue:)`.
    private(set) var unusable: [ObjectKey: String] = [:]

    /// What a configuration comes to.
    struct Built {
        let snapshot: Snapshot
        /// The errors among them are of what is left out.
        let diagnostics: [Diagnostic]
        let status: [ObjectStatus]
    }

    /// For cookies of Gateways that name no key of their own: it lives as long as the process.
    private static let processKey = SessionKey(high: .random(in: 0 ... .max), low: .random(in: 0 ... .max))

    /// - Parameter previous: the configuration in use, for objects whose new version is wrong.
    public init(
        files: ConfigurationFiles, backends: [BackendAddress] = [], listen: [ListenAddress] = [],
        tracedPerMillion: Int = 10_000, keeping previous: Configuration? = nil
    ) {
        documents = Documents(reading: files.documents, keeping: previous?.documents)
        overrides = backends
        self.listen = listen
        self.tracedPerMillion = tracedPerMillion
        fileDiagnostics = files.diagnostics
    }

    /// Key sets that live in files of their own.
    var keySetFiles: [String] {
        documents.authenticationPolicies.compactMap { policy in
            if case .file(let path)? = policy.tokens?.keySet.value { path } else { nil }
        }
    }

    /// PEM text of the authorities that vouch for remote key sets and revocation feeds.
    var keySetAuthorities: [TokenProvider.ConfigMapKey: String] {
        var named = documents.authenticationPolicies.compactMap { $0.tokens?.revocations?.value.authorities }
        for policy in documents.authenticationPolicies {
            if case .remote(let remote)? = policy.tokens?.keySet.value, let reference = remote.authorities {
                named.append(reference)
            }
        }
        var found: [TokenProvider.ConfigMapKey: String] = [:]
        for reference in named { found[reference] = text(ofConfigMap: reference.name, key: reference.key) }
        return found
    }

    /// The Services that routes name.
    var referencedServices: [ReferencedService] { documents.referencedServices }

    /// Checks everything and compiles the routes.
    ///
    /// - Parameter missingReference: see `TranslationSettings`.
    public func translate(
        endpoints: [ServicePort: [Endpoint]] = [:], missingReference: Diagnostic.Severity = .error
    ) -> Translation {
        Translation(
            of: documents,
            settings: TranslationSettings(
                endpoints: endpoints, knownServices: Set(overrides.map(\.serviceKey)),
                boundPorts: Dictionary(listen.map { ($0.listener, $0.address.port) }) { _, last in last },
                missingReference: missingReference, unusable: unusable, sessionKey: Self.processKey))
    }

    /// Everything that is wrong, including certificates and key sets, as `gatehouse check` reports it. A reference to an
    /// object that is not among the documents is only a warning: it may live elsewhere.
    public func check() async -> [Diagnostic] {
        let translation = translate(missingReference: .warning)
        var found = fileDiagnostics + translation.diagnostics
        if let table = translation.table {
            found += backendTLSDiagnostics(table)
            found += documents.diagnostics(of: table.lint(), in: table)
        }
        found += expiryDiagnostics(nowSeconds: Int64(Date().timeIntervalSince1970))
        var examined = self
        _ = await examined.examine(&found, hasRemote: true)
        return found.inReadingOrder()
    }

    /// Builds what the data plane serves from: everything that is valid. What is not is among the diagnostics, and its
    /// requests are answered with 500 or find no route.
    ///
    /// - Parameters:
    ///   - remote: where remote key sets are kept; without it they are errors.
    ///   - feeds: where revocation feeds are kept; without it none is asked.
    ///   - previous: what it takes the place of: rate limits go on with what they counted there.
    ///   - before: what of the configuration in use cannot be used.
    /// - Throws: `ConfigurationError` when a file cannot be read or is not YAML, or a document does not say which object
    ///   it is, because nobody knows what it would have said (a policy perhaps, that guards what the rest opens); when
    ///   certificates or keys are broken that were not before; when `--listen` names no listener; and when no listener can
    ///   serve.
    mutating func snapshot(
        endpoints: [ServicePort: [Endpoint]], queue: VerificationQueue, keySets remote: RemoteKeySets? = nil,
        revocations feeds: RevocationFeeds? = nil, previous: Snapshot? = nil,
        unusableBefore before: Set<ObjectKey>? = nil
    ) async throws(ConfigurationError) -> Built {
        if fileDiagnostics.contains(where: { $0.severity == .error }) {
            throw ConfigurationError(diagnostics: fileDiagnostics)
        }
        var found = fileDiagnostics + listenDiagnostics()
        if found.contains(where: { $0.severity == .error }) { throw ConfigurationError(diagnostics: found) }
        if !documents.undecidable.isEmpty { throw ConfigurationError(diagnostics: found + documents.undecidable) }
        unusable = [:]
        let keySets = await examine(&found, hasRemote: remote != nil)
        // A file that is being replaced: what is in use is better than nothing.
        if let before, !Set(unusable.keys).isSubset(of: before) { throw ConfigurationError(diagnostics: found) }
        var translation = translate(endpoints: endpoints)
        let tls = translation.table.map { backendTLSDiagnostics($0) } ?? []
        if !tls.isEmpty {
            found += tls
            for policy in documents.backendTLSPolicies {
                let error = tls.first { $0.place == policy.metadata.place }
                unusable[ObjectKey(kind: "BackendTLSPolicy", key: policy.metadata.key)] = error?.message
            }
            translation = translate(endpoints: endpoints)
        }
        found += translation.diagnostics
        guard let table = translation.table else { throw ConfigurationError(diagnostics: found + [Self.nothingServes]) }
        let listeners = listeners(of: table, &found)
        if listeners.isEmpty { throw ConfigurationError(diagnostics: found + [Self.nothingServes]) }
        found += documents.diagnostics(of: table.lint(), in: table)
        let providers = table.tokenProviders.map { provider in
            if case .remote(let settings) = provider.keySet, let remote {
                return TokenVerifier.Provider(settings: provider, remote: remote.set(of: settings))
            }
            return TokenVerifier.Provider(settings: provider, keys: keySets[provider.name])
        }
        let verifier = TokenVerifier(providers: providers, queue: queue)
        let revocations = table.tokenProviders.map { $0.revocations.flatMap { feeds?.source(of: $0) } }
        var limits = Limits(translation.clients)
        limits.tracedPerMillion = tracedPerMillion
        do throws(UpstreamTLSError) {
            let snapshot = try Snapshot(
                routes: table, listeners: listeners, limits: limits, verifier: verifier, revocations: revocations,
                trustedProxies: translation.clients.trustedProxies.map { TrustedProxies(AddressSet($0)) },
                keeping: previous)
            return Built(snapshot: snapshot, diagnostics: found.inReadingOrder(), status: translation.status)
        } catch {
            throw ConfigurationError(diagnostics: found + [Diagnostic(.error, at: Place(file: ""), "\(error)")])
        }
    }

    private static let nothingServes = Diagnostic(
        .error, at: Place(file: ""), "no listener can serve: there is nothing to run")

    /// Looks into what documents hold: certificates and key sets. What is wrong goes into `found` and `unusable`.
    ///
    /// - Returns: by the AuthenticationPolicy's name: its keys.
    mutating func examine(_ found: inout [Diagnostic], hasRemote: Bool) async -> [String: KeySet] {
        let wanted = Set(documents.gateways.flatMap(\.listeners).flatMap(\.certificates).map(\.key))
        for secret in documents.secrets
        where secret.type == SecretDocument.tlsType && wanted.contains(secret.metadata.key) {
            do {
                _ = try secret.serverContext()
            } catch {
                found.append(error)
                unusable[ObjectKey(kind: "Secret", key: secret.metadata.key)] = error.message
            }
        }
        var keySets: [String: KeySet] = [:]
        for policy in documents.authenticationPolicies {
            guard let reference = policy.tokens?.keySet else { continue }
            // Fetched while serving; until then its tokens get 503.
            if case .remote = reference.value, hasRemote { continue }
            if isMissing(reference.value) { continue }
            do {
                let keys = try await keys(reference.value, at: reference.place)
                found += keys.unused.map { Diagnostic(.warning, at: reference.place, "in the key set, \($0)") }
                keySets[policy.metadata.key] = keys
            } catch {
                found.append(error)
                unusable[ObjectKey(kind: "AuthenticationPolicy", key: policy.metadata.key)] = error.message
            }
        }
        return keySets
    }

    /// The same configuration with other addresses of backends: listeners, limits and keys stay as they are.
    func snapshot(
        endpoints: [ServicePort: [Endpoint]], keeping previous: Snapshot
    ) throws(ConfigurationError) -> Snapshot {
        let translation = translate(endpoints: endpoints)
        guard let table = translation.table else { throw ConfigurationError(diagnostics: translation.diagnostics) }
        do throws(UpstreamTLSError) {
            return try Snapshot(
                routes: table, listeners: previous.listeners, limits: previous.limits, verifier: previous.verifier,
                revocations: previous.revocations, trustedProxies: previous.trustedProxies, keeping: previous)
        } catch {
            throw ConfigurationError(diagnostics: [Diagnostic(.error, at: Place(file: ""), "\(error)")])
        }
    }

    private func listenDiagnostics() -> [Diagnostic] {
        let known = documents.gateways.flatMap(\.listeners).map(\.name)
        return listen.filter { !known.contains($0.listener) }.map { override in
            Diagnostic(
                .error, at: Place(file: "--listen"),
                "there is no listener \"\(override.listener)\"; there are: \(known.joined(separator: ", "))")
        }
    }

    private func listeners(of table: RouteTable, _ found: inout [Diagnostic]) -> [Listener] {
        var listeners: [Listener] = []
        for (index, description) in table.listeners.enumerated() {
            let sharing = table.listeners.filter { $0.port == description.port }
            // Listeners of one port share its socket, which the first of them stands for.
            guard sharing.first?.name == description.name else { continue }
            let bound = listen.last { override in sharing.contains { $0.name == override.listener } }?.address
            let proxyProtocol = ProxyProtocolSettings(trustedSources: AddressSet(description.proxySources))
            do {
                listeners.append(
                    Listener(
                        index: index, name: description.name, address: bound?.host ?? Self.everyAddress,
                        port: bound?.port ?? description.port, tls: try serverContext(for: sharing),
                        proxyProtocol: description.proxyProtocol ? proxyProtocol : nil))
            } catch {
                if !found.contains(error) { found.append(error) }
            }
        }
        return listeners
    }

    /// All of IPv6, which takes IPv4 connections as well; where the kernel has no IPv6, all of IPv4.
    private static var everyAddress: String {
        FileManager.default.fileExists(atPath: "/proc/net/if_inet6") ? "::" : "0.0.0.0"
    }

    // MARK: - Key sets

    func keys(_ reference: TokenProvider.KeySetReference, at place: Place) async throws(Diagnostic) -> KeySet {
        let json: [UInt8]
        switch reference {
        case .configMap(let name, let key):
            guard let text = text(ofConfigMap: name, key: key) else {
                throw Diagnostic(.error, at: place, "there is no \(reference)")
            }
            json = Array(text.utf8)
        case .secret(let name, let key):
            guard let secret = documents.secrets.first(where: { $0.metadata.key == name }) else {
                throw Diagnostic(.error, at: place, "there is no \(reference)")
            }
            json = try secret.bytes(key)
        case .file(let path):
            json = try read(path, at: place)
        case .remote: throw Diagnostic(.error, at: place, "\(reference) is fetched, not read")
        }
        do {
            return try await KeySet(json: json)
        } catch {
            throw Diagnostic(.error, at: place, "\(reference) \(error)")
        }
    }

    /// Whether the key set is in no document; the translation reports that.
    private func isMissing(_ reference: TokenProvider.KeySetReference) -> Bool {
        switch reference {
        case .configMap(let name, let key): text(ofConfigMap: name, key: key) == nil
        case .secret(let name, _): !documents.secrets.contains { $0.metadata.key == name }
        case .file, .remote: false
        }
    }

    func text(ofConfigMap name: String, key: String) -> String? {
        documents.configMaps.first { $0.metadata.key == name }?.data[key]?.value
    }

    private func read(_ path: String, at place: Place) throws(Diagnostic) -> [UInt8] {
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? file.close() }  // a file that was only read loses nothing
            let bytes = try file.read(upToCount: Self.keySetLimitBytes + 1) ?? Data()
            guard bytes.count <= Self.keySetLimitBytes else {
                throw Diagnostic(.error, at: place, "\(path) is larger than \(Self.keySetLimitBytes >> 20) MiB")
            }
            return Array(bytes)
        } catch let problem as Diagnostic {
            throw problem
        } catch {
            throw Diagnostic(.error, at: place, "\(path) cannot be read: \(error.localizedDescription)")
        }
    }
}
