/// A Service port that routes send requests to, and how a cluster would reach it.
public struct ReferencedService: Sendable, Hashable {
    public let port: ServicePort
    /// Whether there is a document of the Service among those read.
    public let isDeclared: Bool
    /// The port to connect to once the Service's name is resolved: the Service's own, or for a headless Service, whose
    /// name stands for its Pods, the Pods'.
    public let connectPort: UInt16

    /// "namespace/name".
    public var serviceKey: String { "\(port.namespace)/\(port.name)" }
}

extension Documents {
    /// Every Service port that a route names, once each, in the order of the documents.
    public var referencedServices: [ReferencedService] {
        var seen: Set<ServicePort> = []
        let known = Dictionary(services.map { ($0.metadata.key, $0) }) { first, _ in first }
        return routes.flatMap(\.rules).flatMap(\.references).compactMap { reference in
            guard let named = reference.service, let number = reference.port else { return nil }
            let port = ServicePort(namespace: named.namespace, name: named.name, port: number)
            guard seen.insert(port).inserted else { return nil }
            let service = known[named.key]
            let declared = service?.ports.first { $0.port == number }
            let isHeadless = service?.isHeadless ?? false
            return ReferencedService(
                port: port, isDeclared: service != nil,
                connectPort: isHeadless ? declared?.targetPort ?? number : number)
        }
    }
}

extension RouteDocument.Rule {
    /// Its backends, and those of its mirrors.
    var references: [RouteDocument.BackendReference] {
        backends
            + filters.compactMap { if case .mirror(let reference, _, _) = $0 { reference } else { nil } }
    }
}
