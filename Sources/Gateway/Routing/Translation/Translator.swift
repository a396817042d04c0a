/// Turns documents into a route table, one kind at a time, and collects everything that does not fit together.
struct Translator {
    let documents: Documents
    let settings: TranslationSettings
    let sink = DiagnosticSink()

    var listeners: [ListenerDescription] = []
    var attachments: [Attachment] = []
    var backends: [Backend] = []
    var rules: [RouteRule] = []
    var entries: [RouteEntry] = []
    private var backendIndexes: [ServicePort: Int] = [:]

    /// A listener of the documents and its place in the table.
    struct Attachment {
        let gateway: GatewayDocument
        let listener: GatewayDocument.Listener
        let index: Int
    }

    init(documents: Documents, settings: TranslationSettings) {
        self.documents = documents
        self.settings = settings
    }

    mutating func table() -> RouteTable {
        translateGateways()
        var authentication = AuthenticationResolver(documents: documents, settings: settings, sink: sink)
        for route in documents.routes { translate(route, &authentication) }
        return RouteTable(
            listeners: listeners, tokenProviders: authentication.providers, backends: backends, rules: rules,
            entries: entries)
    }

    // MARK: - Listeners

    private mutating func translateGateways() {
        if documents.gateways.isEmpty {
            sink.report(settings.missingReference, at: Place(file: ""), "there is no Gateway among the documents")
        }
        for gateway in documents.gateways {
            let name = gateway.className
            if !documents.gatewayClasses.contains(where: { $0.metadata.name == name.value }) {
                sink.report(
                    settings.missingReference, at: name.place, "there is no GatewayClass \"\(name.value)\"")
            }
            for listener in gateway.listeners { translate(listener, of: gateway) }
        }
    }

    private mutating func translate(_ listener: GatewayDocument.Listener, of gateway: GatewayDocument) {
        for other in attachments {
            if other.listener.name == listener.name {
                sink.error(at: listener.place.field("name"), "another listener has the name \"\(listener.name)\"")
            }
            if other.listener.port == listener.port {
                sink.error(
                    at: listener.place.field("port"),
                    "listener \"\(other.listener.name)\" has port \(listener.port); one listener for a port is supported"
                )
            }
        }
        for certificate in listener.certificates { check(certificate) }
        attachments.append(Attachment(gateway: gateway, listener: listener, index: listeners.count))
        listeners.append(
            ListenerDescription(
                gateway: gateway.metadata.key, name: listener.name, port: listener.port, transport: listener.transport,
                hostname: listener.hostname, certificates: listener.certificates.map(\.key)))
    }

    private func check(_ certificate: ObjectReference) {
        guard let secret = documents.secrets.first(where: { $0.metadata.key == certificate.key }) else {
            sink.report(settings.missingReference, at: certificate.place, "there is no Secret \(certificate.key)")
            return
        }
        if secret.type != SecretDocument.tlsType {
            sink.error(
                at: certificate.place,
                "Secret \(certificate.key) must be of type \(SecretDocument.tlsType), not \(secret.type)")
        }
        for key in ["tls.crt", "tls.key"] where secret.data[key] == nil && secret.stringData[key] == nil {
            sink.error(at: certificate.place, "Secret \(certificate.key) has no \(key)")
        }
    }

    // MARK: - Routes

    private mutating func translate(_ route: HTTPRouteDocument, _ authentication: inout AuthenticationResolver) {
        var byGateway: [(gateway: GatewayDocument, ways: [(listener: Int, hostname: Hostname)])] = []
        for parent in route.parents {
            for way in ways(from: parent, to: route) {
                let place = byGateway.firstIndex { $0.gateway.metadata.key == way.gateway.metadata.key }
                if let place {
                    let isKnown = byGateway[place].ways.contains { $0 == (way.listener, way.hostname) }
                    if !isKnown { byGateway[place].ways.append((way.listener, way.hostname)) }
                } else {
                    byGateway.append((way.gateway, [(way.listener, way.hostname)]))
                }
            }
        }
        for (gateway, ways) in byGateway {
            for (number, rule) in route.rules.enumerated() {
                let authentication = authentication.rule(for: rule, of: route, at: gateway)
                let compiled = compile(rule, number, of: route, ways: ways.map(\.listener), authentication)
                rules.append(compiled)
                for match in rule.matches {
                    for way in ways {
                        entries.append(
                            RouteEntry(
                                listener: way.listener, hostname: way.hostname, path: match.path, method: match.method,
                                headers: match.headers, rule: compiled.index,
                                createdSeconds: route.metadata.createdSeconds))
                    }
                }
            }
        }
    }

    /// The listeners that a parent reference attaches the route to, with the hosts that both have in common.
    private func ways(
        from parent: HTTPRouteDocument.Parent, to route: HTTPRouteDocument
    ) -> [(gateway: GatewayDocument, listener: Int, hostname: Hostname)] {
        guard documents.gateways.contains(where: { $0.metadata.key == parent.gateway.key }) else {
            sink.report(
                settings.missingReference, at: parent.gateway.place, "there is no Gateway \(parent.gateway.key)")
            return []
        }
        let named = attachments.filter {
            $0.gateway.metadata.key == parent.gateway.key
                && (parent.sectionName ?? $0.listener.name) == $0.listener.name
                && (parent.port ?? $0.listener.port) == $0.listener.port
        }
        if named.isEmpty {
            sink.error(at: parent.place, "Gateway \(parent.gateway.key) has no such listener")
            return []
        }
        let allowed = named.filter {
            $0.listener.allowsAllNamespaces || $0.gateway.metadata.namespace == route.metadata.namespace
        }
        if allowed.isEmpty {
            sink.error(
                at: parent.place, "the listener allows no routes of namespace \"\(route.metadata.namespace)\"")
            return []
        }
        let hostnames = route.hostnames.isEmpty ? [.any] : route.hostnames.map(\.value)
        let ways = allowed.flatMap { attachment in
            hostnames.compactMap { hostname in
                attachment.listener.hostname.intersection(hostname).map {
                    (gateway: attachment.gateway, listener: attachment.index, hostname: $0)
                }
            }
        }
        if ways.isEmpty {
            sink.error(at: parent.place, "the route's hostnames have none in common with the listener's")
        }
        return ways
    }

    private mutating func compile(
        _ rule: HTTPRouteDocument.Rule, _ number: Int, of route: HTTPRouteDocument, ways: [Int],
        _ authentication: AuthenticationRule?
    ) -> RouteRule {
        if authentication == nil, !rule.backends.isEmpty {
            sink.report(
                .warning, at: rule.place,
                "reaches a backend without an AuthenticationPolicy; if that is meant, say anonymous")
        }
        var redirect = rule.redirect
        if let port = redirect?.port,
            let listener = listeners.first(where: { Int($0.port) == port }),
            let bound = settings.boundPorts[listener.name]
        {
            redirect?.port = Int(bound)
        }
        return RouteRule(
            index: rules.count, routeName: route.metadata.key, ruleName: rule.name ?? String(number),
            backends: rule.backends.compactMap { reference in
                backend(for: reference).map { WeightedBackend(backend: $0, weight: reference.weight) }
            },
            redirect: redirect, requestTimeoutMilliseconds: rule.requestTimeoutMilliseconds,
            backendRequestTimeoutMilliseconds: rule.backendRequestTimeoutMilliseconds, authentication: authentication)
    }

    // MARK: - Backends

    private mutating func backend(for reference: HTTPRouteDocument.BackendReference) -> Backend? {
        let key = ServicePort(
            namespace: reference.service.namespace, name: reference.service.name, port: reference.port)
        if let index = backendIndexes[key] { return backends[index] }
        guard let wireProtocol = wireProtocol(of: key, reference) else { return nil }
        let backend = Backend(
            index: backends.count, name: key.description, wireProtocol: wireProtocol,
            endpoints: settings.endpoints[key] ?? [])
        backendIndexes[key] = backend.index
        backends.append(backend)
        return backend
    }

    private func wireProtocol(
        of key: ServicePort, _ reference: HTTPRouteDocument.BackendReference
    ) -> Backend.WireProtocol? {
        guard let service = documents.services.first(where: { $0.metadata.key == reference.service.key }) else {
            if settings.knownServices.contains(reference.service.key) { return .http1 }
            sink.report(
                settings.missingReference, at: reference.service.place,
                "there is no Service \(reference.service.key); add its document, or say where it is with --backend")
            return settings.missingReference == .error ? nil : .http1
        }
        guard let port = service.ports.first(where: { $0.port == key.port }) else {
            let known = service.ports.map { String($0.port) }.joined(separator: ", ")
            sink.error(
                at: reference.service.place, "Service \(reference.service.key) has no port \(key.port), only \(known)")
            return nil
        }
        switch port.appProtocol?.value {
        case nil, "http": return .http1
        case "kubernetes.io/h2c": return .h2c
        case .some(let other):
            sink.error(
                at: port.appProtocol?.place ?? port.place,
                "\"\(other)\" is not supported by this version; supported: http, kubernetes.io/h2c")
            return nil
        }
    }
}
