import Foundation
import Proxy
import Reactor
public import Routing

/// A configuration as it was read: documents, and what they refer to outside the documents.
public struct Configuration: Sendable {
    /// The largest key set file that is read.
    static let keySetLimitBytes = 1 << 20

    /// As they were read.
    let sources: [SourceDocument]
    let documents: Documents
    let overrides: [BackendAddress]
    let listen: [ListenAddress]
    private let tracedPerMillion: Int
    private let fileDiagnostics: [Diagnostic]

    public init(
        files: ConfigurationFiles, backends: [BackendAddress] = [], listen: [ListenAddress] = [],
        tracedPerMillion: Int = 10_000
    ) {
        sources = files.documents
        documents = Documents(reading: files.documents)
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

    /// PEM text of the authorities that vouch for remote key sets.
    var keySetAuthorities: [TokenProvider.ConfigMapKey: String] {
        var found: [TokenProvider.ConfigMapKey: String] = [:]
        for policy in documents.authenticationPolicies {
            guard case .remote(let remote)? = policy.tokens?.keySet.value, let reference = remote.authorities else {
                continue
            }
            found[reference] = text(ofConfigMap: reference.name, key: reference.key)
        }
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
                missingReference: missingReference))
    }

    /// Everything that is wrong, including certificates and key sets, as `gatehouse check` reports it. A reference to an
    /// object that is not among the documents is only a warning: it may live elsewhere.
    public func check() async -> [Diagnostic] {
        let translation = translate(missingReference: .warning)
        var found = fileDiagnostics + translation.diagnostics
        if let table = translation.table {
            found += backendTLSDiagnostics(table)
            for listener in table.listeners { _ = proxyProtocol(of: listener, &found) }
            found += documents.diagnostics(of: table.lint(), in: table)
        }
        found += expiryDiagnostics(nowSeconds: Int64(Date().timeIntervalSince1970))
        let wanted = Set(documents.gateways.flatMap(\.listeners).flatMap(\.certificates).map(\.key))
        for secret in documents.secrets
        where secret.type == SecretDocument.tlsType && wanted.contains(secret.metadata.key) {
            do {
                _ = try secret.serverContext()
            } catch {
                found.append(error)
            }
        }
        for policy in documents.authenticationPolicies {
            guard let keySet = policy.tokens?.keySet else { continue }
            if !isHere(keySet.value) { continue }
            do {
                _ = try await keys(keySet.value, at: keySet.place)
            } catch {
                found.append(error)
            }
        }
        return found.inReadingOrder()
    }

    /// Builds what the data plane serves from.
    ///
    /// - Parameters:
    ///   - keySets: where remote key sets are kept; without it they are errors.
    ///   - previous: what it takes the place of: rate limits go on with what they counted there.
    /// - Throws: `ConfigurationError` with every error of files, documents, certificates and key sets.
    func snapshot(
        endpoints: [ServicePort: [Endpoint]], queue: VerificationQueue, keySets: RemoteKeySets? = nil,
        previous: Snapshot? = nil
    ) async throws(ConfigurationError) -> (snapshot: Snapshot, diagnostics: [Diagnostic]) {
        let translation = translate(endpoints: endpoints)
        var found = fileDiagnostics + translation.diagnostics
        guard let table = translation.table else { throw ConfigurationError(diagnostics: found) }
        let listeners = listeners(of: table, &found)
        found += backendTLSDiagnostics(table) + documents.diagnostics(of: table.lint(), in: table)
        var providers: [TokenVerifier.Provider] = []
        for provider in table.tokenProviders {
            if case .remote(let settings) = provider.keySet, let keySets {
                providers.append(TokenVerifier.Provider(settings: provider, remote: keySets.set(of: settings)))
                continue
            }
            do {
                let policy = documents.authenticationPolicies.first { $0.metadata.key == provider.name }
                let place = policy?.tokens?.keySet.place ?? Place(file: "")
                let keys = try await keys(provider.keySet, at: place)
                found += keys.unused.map { Diagnostic(.warning, at: place, "in the key set, \($0)") }
                providers.append(TokenVerifier.Provider(settings: provider, keys: keys))
            } catch {
                found.append(error)
            }
        }
        if found.contains(where: { $0.severity == .error }) { throw ConfigurationError(diagnostics: found) }
        let verifier = TokenVerifier(providers: providers, queue: queue)
        var limits = Limits(translation.clients)
        limits.tracedPerMillion = tracedPerMillion
        do throws(UpstreamTLSError) {
            let snapshot = try Snapshot(
                routes: table, listeners: listeners, limits: limits, verifier: verifier, keeping: previous)
            return (snapshot, found)
        } catch {
            throw ConfigurationError(diagnostics: found + [Diagnostic(.error, at: Place(file: ""), "\(error)")])
        }
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
                keeping: previous)
        } catch {
            throw ConfigurationError(diagnostics: [Diagnostic(.error, at: Place(file: ""), "\(error)")])
        }
    }

    private func listeners(of table: RouteTable, _ found: inout [Diagnostic]) -> [Listener] {
        for override in listen where !table.listeners.contains(where: { $0.name == override.listener }) {
            let known = table.listeners.map(\.name).joined(separator: ", ")
            found.append(
                Diagnostic(
                    .error, at: Place(file: "--listen"),
                    "there is no listener \"\(override.listener)\"; there are: \(known)"))
        }
        var listeners: [Listener] = []
        for (index, description) in table.listeners.enumerated() {
            let sharing = table.listeners.filter { $0.port == description.port }
            // Listeners of one port share its socket, which the first of them stands for.
            guard sharing.first?.name == description.name else { continue }
            let bound = listen.last { override in sharing.contains { $0.name == override.listener } }?.address
            do {
                listeners.append(
                    Listener(
                        index: index, name: description.name, address: bound?.host ?? Self.everyAddress,
                        port: bound?.port ?? description.port, tls: try serverContext(for: sharing),
                        proxyProtocol: proxyProtocol(of: description, &found)))
            } catch {
                found.append(error)
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

    /// Whether the key set can be looked at without asking anybody else; what is missing is reported elsewhere.
    private func isHere(_ reference: TokenProvider.KeySetReference) -> Bool {
        switch reference {
        case .configMap(let name, let key): text(ofConfigMap: name, key: key) != nil
        case .secret(let name, _): documents.secrets.contains { $0.metadata.key == name }
        case .file: true
        case .remote: false
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
