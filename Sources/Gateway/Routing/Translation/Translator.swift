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
    var backendIndexes: [BackendKey: Int] = [:]
    var policies: RulePolicyResolver
    let traffic: TrafficResolver
    let tls: BackendTLSResolver

    var clients: ClientSettings { traffic.clients }

    /// A listener of the documents and its place in the table.
    struct Attachment {
        let gateway: GatewayDocument
        let listener: GatewayDocument.Listener
        let index: Int
    }

    init(documents: Documents, settings: TranslationSettings) {
        self.documents = documents
        self.settings = settings
        traffic = TrafficResolver(documents: documents, settings: settings, sink: sink)
        policies = RulePolicyResolver(documents: documents, settings: settings, sink: sink)
        tls = BackendTLSResolver(documents: documents, settings: settings, sink: sink)
    }

    mutating func table() -> RouteTable {
        translateGateways()
        var authentication = AuthenticationResolver(documents: documents, settings: settings, sink: sink)
        for route in documents.routes { translate(route, &authentication) }
        return RouteTable(
            listeners: listeners, tokenProviders: authentication.providers, apiKeySets: authentication.apiKeySets,
            rateLimits: policies.rateLimits, backends: backends, rules: rules, entries: entries)
    }

    // MARK: - Routes

    private mutating func translate(_ route: RouteDocument, _ authentication: inout AuthenticationResolver) {
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
                let compiled = compile(rule, number, of: route, at: gateway, authentication)
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
        from parent: RouteDocument.Parent, to route: RouteDocument
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
        _ rule: RouteDocument.Rule, _ number: Int, of route: RouteDocument, at gateway: GatewayDocument,
        _ authentication: AuthenticationRule?
    ) -> RouteRule {
        var weighted: [WeightedBackend] = []
        for reference in rule.backends {
            guard let backend = backend(for: reference, of: route, at: gateway) else { continue }
            weighted.append(WeightedBackend(backend: backend, weight: reference.weight))
        }
        return RouteRule(
            index: rules.count, routeName: route.metadata.key, ruleName: rule.name ?? String(number),
            backends: weighted, redirect: boundRedirect(rule.redirect),
            requestTimeoutMilliseconds: rule.requestTimeoutMilliseconds,
            backendRequestTimeoutMilliseconds: rule.backendRequestTimeoutMilliseconds,
            retries: rule.retry.flatMap { retry in weighted.first.map { retry.settings(over: $0.backend.traffic) } },
            authentication: authentication,
            policies: policies.policies(
                for: rule, of: route, at: gateway, authentication: authentication,
                requests: traffic.requests(of: route, at: gateway)))
    }

    /// A redirect to the declared port of a listener leads to the port that it is bound to.
    private func boundRedirect(_ declared: Redirect?) -> Redirect? {
        guard var redirect = declared, let port = redirect.port else { return declared }
        let names = listeners.filter { Int($0.port) == port }.map(\.name)
        if let bound = names.lazy.compactMap({ settings.boundPorts[$0] }).first { redirect.port = Int(bound) }
        return redirect
    }
}
