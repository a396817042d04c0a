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
        return routes.flatMap(\.rules).flatMap(\.backends).compactMap { reference in
            let port = ServicePort(
                namespace: reference.service.namespace, name: reference.service.name, port: reference.port)
            guard seen.insert(port).inserted else { return nil }
            let service = services.first { $0.metadata.key == reference.service.key }
            let declared = service?.ports.first { $0.port == reference.port }
            let isHeadless = service?.isHeadless ?? false
            return ReferencedService(
                port: port, isDeclared: service != nil,
                connectPort: isHeadless ? declared?.targetPort ?? reference.port : reference.port)
        }
    }
}
