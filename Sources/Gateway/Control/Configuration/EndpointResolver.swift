import Routing

/// Finds the addresses of the Services that routes name.
struct EndpointResolver: Sendable {
    struct Resolution: Sendable {
        var endpoints: [ServicePort: [Endpoint]] = [:]
        /// By name: what it stands for now, or stood for when it could last be resolved.
        var addresses: [String: [String]] = [:]
        /// Names that have no address now; they keep the addresses that they had before.
        var failures: [String] = []
        /// Whether any address came from a name, so that looking again can bring another answer.
        var usesNames = false
    }

    typealias Answer = Result<[String], NameResolutionError>

    private let overrides: [BackendAddress]
    private let lookUp: @Sendable (String) async -> Answer

    init(overrides: [BackendAddress], lookUp: @escaping @Sendable (String) async -> Answer = Self.askSystem) {
        self.overrides = overrides
        self.lookUp = lookUp
    }

    private static func askSystem(_ host: String) async -> Answer {
        do throws(NameResolutionError) {
            return .success(try await NameResolver().addresses(of: host))
        } catch {
            return .failure(error)
        }
    }

    /// Services that need no document, because it was said where they are.
    var knownServices: Set<String> { Set(overrides.map(\.serviceKey)) }

    /// Looks up every Service.
    ///
    /// - Parameter previous: the addresses of names, kept for one that cannot be resolved now.
    func resolve(_ services: [ReferencedService], previous: [String: [String]] = [:]) async -> Resolution {
        var resolution = Resolution()
        let targets = services.map { (service: $0.port, addresses: self.targets(of: $0)) }
        let hosts = Set(targets.flatMap(\.addresses).map(\.host))
        resolution.usesNames = hosts.contains { !Self.isNumeric($0) }
        for (host, answer) in await lookUp(hosts).sorted(by: { $0.key < $1.key }) {
            let before = previous[host] ?? []
            switch answer {
            // Name servers answer in changing order; the same addresses are no change.
            case .success(let found): resolution.addresses[host] = Set(found) == Set(before) ? before : found
            case .failure(let problem):
                resolution.addresses[host] = before
                resolution.failures.append(problem.description)
            }
        }
        for (service, addresses) in targets {
            var endpoints: [Endpoint] = []
            for target in addresses {
                for address in resolution.addresses[target.host] ?? [] {
                    let endpoint = Endpoint(address: address, port: target.port)
                    if !endpoints.contains(endpoint) { endpoints.append(endpoint) }
                }
            }
            resolution.endpoints[service] = endpoints
        }
        return resolution
    }

    /// All at once, so that names without an answer take their time together.
    private func lookUp(_ hosts: Set<String>) async -> [String: Answer] {
        await withTaskGroup { group in
            for host in hosts { group.addTask { (host, await lookUp(host)) } }
            var answers: [String: Answer] = [:]
            for await (host, answer) in group { answers[host] = answer }
            return answers
        }
    }

    private static func isNumeric(_ host: String) -> Bool {
        host.contains(":") || host.allSatisfy { $0.isNumber || $0 == "." }
    }

    /// Overrides for exactly this port, then those for the Service, then its name in the cluster. None for a Service that
    /// nobody declared, which the translation reports.
    private func targets(of service: ReferencedService) -> [HostPort] {
        let matching = overrides.filter { $0.serviceKey == service.serviceKey }
        let exact = matching.filter { $0.port == service.port.port }
        let chosen = exact.isEmpty ? matching.filter { $0.port == nil } : exact
        if !chosen.isEmpty { return chosen.flatMap(\.addresses) }
        guard service.isDeclared else { return [] }
        return [HostPort(host: "\(service.port.name).\(service.port.namespace).svc", port: service.connectPort)]
    }
}
