import Routing

/// Finds the addresses of the Services that routes name.
struct EndpointResolver: Sendable {
    struct Resolution: Sendable {
        var endpoints: [ServicePort: [Endpoint]] = [:]
        /// Names that have no address now; the Services behind them keep what they had before.
        var failures: [String] = []
        /// Whether any address came from a name, so that looking again can bring another answer.
        var usesNames = false
    }

    private let overrides: [BackendAddress]
    private let names = NameResolver()

    init(overrides: [BackendAddress]) {
        self.overrides = overrides
    }

    /// Services that need no document, because it was said where they are.
    var knownServices: Set<String> { Set(overrides.map(\.serviceKey)) }

    /// Looks up every Service.
    ///
    /// - Parameter previous: what is kept for a name that cannot be resolved now.
    func resolve(
        _ services: [ReferencedService], previous: [ServicePort: [Endpoint]] = [:]
    ) async -> Resolution {
        var resolution = Resolution()
        var known: [String: Result<[String], NameResolutionError>] = [:]
        for service in services {
            guard let target = target(of: service) else { continue }
            let isNumeric = target.host.contains(":") || target.host.allSatisfy { $0.isNumber || $0 == "." }
            if !isNumeric { resolution.usesNames = true }
            if known[target.host] == nil {
                known[target.host] = await lookUp(target.host)
            }
            switch known[target.host] {
            case .success(let addresses):
                let found = addresses.map { Endpoint(address: $0, port: target.port) }
                // Name servers answer in changing order; the same addresses are no change.
                let known = previous[service.port] ?? []
                resolution.endpoints[service.port] = Set(found) == Set(known) ? known : found
            case .failure(let problem):
                if !resolution.failures.contains(problem.description) {
                    resolution.failures.append(problem.description)
                }
                resolution.endpoints[service.port] = previous[service.port] ?? []
            case nil: break
            }
        }
        return resolution
    }

    private func lookUp(_ host: String) async -> Result<[String], NameResolutionError> {
        do {
            return .success(try await names.addresses(of: host))
        } catch {
            return .failure(error)
        }
    }

    /// An override for exactly this port, then one for the Service, then its name in the cluster. Nil for a Service that
    /// nobody declared, which the translation reports.
    private func target(of service: ReferencedService) -> HostPort? {
        let matching = overrides.filter { $0.serviceKey == service.serviceKey }
        let exact = matching.first { $0.port == service.port.port } ?? matching.first { $0.port == nil }
        if let exact { return exact.address }
        guard service.isDeclared else { return nil }
        return HostPort(host: "\(service.port.name).\(service.port.namespace).svc", port: service.connectPort)
    }
}
