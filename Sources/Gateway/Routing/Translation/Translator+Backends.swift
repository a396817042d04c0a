extension Translator {
    /// Tells backends apart: requests of a route, or of a Gateway, with policies of its own have a backend of their own.
    struct BackendKey: Hashable {
        let service: ServicePort
        /// "namespace/name" of a route with a TrafficPolicy, with "GRPCRoute " before it if it is one.
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

    /// The backend of a reference, or nil when it does not resolve; that is reported.
    mutating func backend(
        for reference: RouteDocument.BackendReference, of route: RouteDocument, at gateway: GatewayDocument,
        _ references: inout References
    ) -> Backend? {
        guard let named = reference.service, let port = reference.port else {
            // Its document's reader has told why.
            references.fail(.invalidKind, "\(reference.place.field) names no port of a Service")
            return nil
        }
        if !documents.permits(route.kind.rawValue, of: route.metadata.namespace, to: named) {
            let message = "Service \(named.key) is in another namespace, and no ReferenceGrant there allows it"
            references.fail(.refNotPermitted, message)
            sink.error(at: named.place, reason: .refNotPermitted, message)
            return nil
        }
        let service = ServicePort(namespace: named.namespace, name: named.name, port: port)
        let isGatewaySpecial = traffic.isSpecial(gateway) || tls.isSpecial(gateway)
        let isRouteSpecial = traffic.isSpecial(route)
        let key = BackendKey(
            service: service, route: isRouteSpecial ? Self.name(of: route) : nil,
            gateway: isGatewaySpecial ? gateway.metadata.key : nil)
        if let index = backendIndexes[key] { return backends[index] }
        guard let spoken = spoken(by: service, named, &references) else { return nil }
        if let problem = tls.problem(with: service) {
            references.fail(.unsupportedProtocol, problem)
            return nil
        }
        let backend = Backend(
            index: backends.count, name: key.name, wireProtocol: spoken.wire,
            endpoints: settings.endpoints[service] ?? [],
            traffic: traffic.settings(for: service, of: route, at: gateway),
            tls: tls.settings(for: service, isAsked: spoken.isTLS, at: gateway))
        backendIndexes[key] = backend.index
        backends.append(backend)
        return backend
    }

    private static func name(of route: RouteDocument) -> String {
        route.kind == .http ? route.metadata.key : "\(route.kind.rawValue) \(route.metadata.key)"
    }

    private func spoken(
        by service: ServicePort, _ reference: ObjectReference, _ references: inout References
    ) -> (wire: Backend.WireProtocol, isTLS: Bool)? {
        func fail(_ reason: ConditionReason, at place: Place, _ message: String) {
            references.fail(reason, message)
            sink.error(at: place, reason: reason, message)
        }
        guard let document = services[reference.key] else {
            if settings.knownServices.contains(reference.key) { return (.http1, false) }
            let message = "there is no Service \(reference.key); add its document, or say where it is with --backend"
            guard settings.missingReference == .error else {
                sink.report(settings.missingReference, at: reference.place, message)
                return (.http1, false)
            }
            fail(.backendNotFound, at: reference.place, message)
            return nil
        }
        guard documents.errors(of: ObjectKey(kind: "Service", key: reference.key)).isEmpty else {
            references.fail(.backendNotFound, "the document of Service \(reference.key) is not valid")
            return nil
        }
        guard let port = document.ports.first(where: { $0.port == service.port }) else {
            let known = document.ports.map { String($0.port) }.joined(separator: ", ")
            fail(
                .backendNotFound, at: reference.place,
                "Service \(reference.key) has no port \(service.port), only \(known)")
            return nil
        }
        guard let name = port.appProtocol else { return (.http1, false) }
        if let known = Self.protocols[name.value] { return known }
        let known = Self.protocols.keys.sorted().joined(separator: ", ")
        fail(
            .unsupportedProtocol, at: name.place,
            "\"\(name.value)\" is not supported by this version; supported: \(known)")
        return nil
    }
}
