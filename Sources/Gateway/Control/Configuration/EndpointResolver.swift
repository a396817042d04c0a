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

    private let overrides: [BackendAddress]
    private let names = NameResolver()

    init(overrides: [BackendAddress]) {
        self.overrides = overrides
    }

    /// Services that need no document, because it was said where they are.
    var knownServices: Set<String> { Set(overrides.map(\.serviceKey)) }

    /// Looks up every Service.
    ///
    /// - Parameter previous: the addresses of names, kept for one that cannot be resolved now.
    func resolve(_ services: [ReferencedService], previous: [String: [String]] = [:]) async -> Resolution {
        var resolution = Resolution()
        for service in services {
            var endpoints: [Endpoint] = []
            for target in targets(of: service) {
                for address in await addresses(of: target.host, previous, &resolution) {
                    let endpoint = Endpoint(address: address, port: target.port)
                    if !endpoints.contains(endpoint) { endpoints.append(endpoint) }
                }
            }
            resolution.endpoints[service.port] = endpoints
        }
        return resolution
    }

    private func addresses(
        of host: String, _ previous: [String: [String]], _ resolution: inout Resolution
    ) async -> [String] {
        if let known = resolution.addresses[host] { return known }
        let isNumeric = host.contains(":") || host.allSatisfy { $0.isNumber || $0 == "." }
        if !isNumeric { resolution.usesNames = true }
        let before = previous[host] ?? []
        var addresses = before
        do throws(NameResolutionError) {
            let found = try await names.addresses(of: host)
            // Name servers answer in changing order; the same addresses are no change.
            addresses = Set(found) == Set(before) ? before : found
        } catch {
            resolution.failures.append(error.description)
        }
        resolution.addresses[host] = addresses
        return addresses
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
