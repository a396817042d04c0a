extension Translator {
    /// Tells backends apart: requests of a route, or of a Gateway, with policies of its own have a backend of their own.
    struct BackendKey: Hashable {
        let service: ServicePort
        /// "namespace/name" of an HTTPRoute with a TrafficPolicy.
        let route: String?
        /// "namespace/name" of a Gateway with a TrafficPolicy or a client certificate, where there are several Gateways.
        let gateway: String?

        /// "namespace/name:port", and what makes it special: "default/warehouse:80@route:default/imports".
        var name: String {
            service.description + (route.map { "@route:\($0)" } ?? "") + (gateway.map { "@gateway:\($0)" } ?? "")
        }
    }

    /// How a Service's port is spoken to, by its `appProtocol` (GEP-1911).
    private static let protocols: [String: (wire: Backend.WireProtocol, isTLS: Bool)] = [
        "http": (.http1, false), "kubernetes.io/h2c": (.h2c, false), "kubernetes.io/ws": (.http1, false),
        "https": (.http1, true), "kubernetes.io/wss": (.http1, true),
    ]

    mutating func backend(
        for reference: RouteDocument.BackendReference, of route: RouteDocument, at gateway: GatewayDocument
    ) -> Backend? {
        let service = ServicePort(
            namespace: reference.service.namespace, name: reference.service.name, port: reference.port)
        let isGatewaySpecial = traffic.isSpecial(gateway) || tls.isSpecial(gateway)
        let key = BackendKey(
            service: service, route: traffic.isSpecial(route) ? route.metadata.key : nil,
            gateway: isGatewaySpecial ? gateway.metadata.key : nil)
        if let index = backendIndexes[key] { return backends[index] }
        guard let spoken = spoken(by: service, reference) else { return nil }
        let backend = Backend(
            index: backends.count, name: key.name, wireProtocol: spoken.wire,
            endpoints: settings.endpoints[service] ?? [],
            traffic: traffic.settings(for: service, of: route, at: gateway),
            tls: tls.settings(for: service, isAsked: spoken.isTLS, at: gateway))
        backendIndexes[key] = backend.index
        backends.append(backend)
        return backend
    }

    private func spoken(
        by service: ServicePort, _ reference: RouteDocument.BackendReference
    ) -> (wire: Backend.WireProtocol, isTLS: Bool)? {
        guard let document = documents.services.first(where: { $0.metadata.key == reference.service.key }) else {
            if settings.knownServices.contains(reference.service.key) { return (.http1, false) }
            sink.report(
                settings.missingReference, at: reference.service.place,
                "there is no Service \(reference.service.key); add its document, or say where it is with --backend")
            return settings.missingReference == .error ? nil : (.http1, false)
        }
        guard let port = document.ports.first(where: { $0.port == service.port }) else {
            let known = document.ports.map { String($0.port) }.joined(separator: ", ")
            sink.error(
                at: reference.service.place,
                "Service \(reference.service.key) has no port \(service.port), only \(known)")
            return nil
        }
        guard let name = port.appProtocol else { return (.http1, false) }
        if let known = Self.protocols[name.value] { return known }
        let known = Self.protocols.keys.sorted().joined(separator: ", ")
        sink.error(at: name.place, "\"\(name.value)\" is not supported by this version; supported: \(known)")
        return nil
    }
}
