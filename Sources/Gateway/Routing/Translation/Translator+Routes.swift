extension Translator {
    /// A way of requests to a route: a listener, and the host that both have in common.
    private struct Way {
        /// A place in `attachments`.
        let attachment: Int
        let hostname: Hostname
    }

    /// What of a route cannot be used, and why.
    private struct Faults {
        /// Nothing of it can.
        var whole: Diagnostic?
        /// By the rule's place.
        var rules: [Int: Diagnostic] = [:]
        /// By the rule's place: those of its matches that cannot be read, so that nobody knows which requests they mean.
        var matches: [Int: Set<Int>] = [:]

        init(_ route: RouteDocument, _ errors: [Diagnostic]) {
            for error in errors where !error.place.isWithin("spec.parentRefs") {
                let rule = route.rules.firstIndex { error.place.isWithin($0.place.field) }
                guard let rule else {
                    whole = whole ?? error
                    continue
                }
                let place = route.rules[rule].place.field
                let isReference = error.place.isWithin("\(place).backendRefs") && error.reason == .invalidKind
                if !isReference, rules[rule] == nil { rules[rule] = error }
                guard error.place.isWithin("\(place).matches") else { continue }
                let all = route.rules[rule].matches.indices
                let bad = all.filter { error.place.isWithin("\(place).matches[\($0)]") }
                matches[rule, default: []].formUnion(bad.isEmpty ? Array(all) : bad)
            }
        }

        /// The matches of a rule that can be read.
        func known(of rule: RouteDocument.Rule, _ number: Int) -> [RouteDocument.Match] {
            guard let unknown = matches[number] else { return rule.matches }
            return rule.matches.indices.filter { !unknown.contains($0) }.map { rule.matches[$0] }
        }
    }

    /// What is wrong with the references of a route; the first is told.
    struct References {
        var problem: (reason: ConditionReason, message: String)?

        mutating func fail(_ reason: ConditionReason, _ message: String) {
            if problem == nil { problem = (reason, message) }
        }
    }

    mutating func translate(_ route: RouteDocument, _ authentication: inout AuthenticationResolver) {
        let faults = Faults(route, documents.errors(of: route.object))
        var references = References()
        var byGateway: [(gateway: GatewayDocument, ways: [Way])] = []
        var refusals: [(reason: ConditionReason, message: String)?] = []
        for parent in route.parents {
            switch ways(from: parent, to: route) {
            case .failure(let refusal): refusals.append((refusal.reason, refusal.message))
            case .success(let ways):
                refusals.append(nil)
                for way in ways { Self.add(way, to: &byGateway, attachments) }
            }
        }
        for (gateway, ways) in byGateway {
            for (number, rule) in route.rules.enumerated() {
                let matches = faults.known(of: rule, number)
                if matches.isEmpty { continue }
                let isBroken = faults.whole != nil || faults.rules[number] != nil
                let index = compile(
                    rule, number, of: route, at: gateway, isBroken: isBroken, &references, &authentication)
                enter(matches, of: route, ways, rule: index)
            }
        }
        for attachment in Set(byGateway.flatMap(\.ways).map(\.attachment)) where faults.whole == nil {
            attachments[attachment].attachedRoutes += 1
        }
        report(route, faults, references, refusals)
    }

    private static func add(
        _ way: Way, to byGateway: inout [(gateway: GatewayDocument, ways: [Way])], _ attachments: [Attachment]
    ) {
        let gateway = attachments[way.attachment].gateway
        guard let place = byGateway.firstIndex(where: { $0.gateway.metadata.key == gateway.metadata.key }) else {
            byGateway.append((gateway, [way]))
            return
        }
        let isKnown = byGateway[place].ways.contains {
            $0.attachment == way.attachment && $0.hostname == way.hostname
        }
        if !isKnown { byGateway[place].ways.append(way) }
    }

    // MARK: - Attaching

    private struct Refusal: Error {
        let reason: ConditionReason
        let message: String
    }

    /// The listeners that a parent reference attaches the route to.
    private mutating func ways(
        from parent: RouteDocument.Parent, to route: RouteDocument
    ) -> Result<[Way], Refusal> {
        func refuse(
            _ reason: ConditionReason, at place: Place, _ message: String, _ severity: Diagnostic.Severity = .error
        ) -> Result<[Way], Refusal> {
            sink.report(severity, at: place, reason: reason, message)
            return severity == .error ? .failure(Refusal(reason: reason, message: message)) : .success([])
        }
        let key = parent.gateway.key
        let errors = documents.errors(of: route.object)
        // Half of a reference may mean more listeners than the whole.
        if let error = errors.first(where: { $0.place.isWithin(parent.place.field) }) {
            return .failure(Refusal(reason: .unsupportedValue, message: error.brief))
        }
        guard documents.gateways.contains(where: { $0.metadata.key == key }) else {
            return refuse(
                .noMatchingParent, at: parent.gateway.place, "there is no Gateway \(key)", settings.missingReference)
        }
        let named = attachments.indices.filter { place in
            let listener = attachments[place].listener
            return attachments[place].gateway.metadata.key == key
                && (parent.sectionName ?? listener.name) == listener.name
                && (parent.port ?? listener.port) == listener.port
        }
        if named.isEmpty {
            return refuse(.noMatchingParent, at: parent.place, "Gateway \(key) has no such listener")
        }
        let usable = named.filter { attachments[$0].refusal == nil && attachments[$0].conflict == nil }
        // What is wrong with the listeners themselves is told there.
        guard let first = usable.first, refusal(of: attachments[first].gateway) == nil else {
            return .failure(
                Refusal(reason: .noMatchingParent, message: "no such listener of Gateway \(key) is accepted"))
        }
        let allowed = usable.filter { allows(attachments[$0], route) }
        if allowed.isEmpty {
            let namespace = route.metadata.namespace
            let isKind = usable.contains { attachments[$0].listener.allowedKinds.contains(route.kind) }
            let whose = isKind ? "no routes of namespace \"\(namespace)\"" : "no \(route.kind.rawValue)"
            return refuse(.notAllowedByListeners, at: parent.place, "the listener allows \(whose)")
        }
        // A hostname that cannot be read must not become every host.
        let hostnames = route.hasHostnames ? route.hostnames.map(\.value) : [.any]
        let found = allowed.flatMap { attachment in
            hostnames.compactMap { hostname in
                attachments[attachment].listener.hostname.intersection(hostname).map {
                    Way(attachment: attachment, hostname: $0)
                }
            }
        }
        if found.isEmpty {
            return refuse(
                .noMatchingListenerHostname, at: parent.place,
                "the route's hostnames have none in common with the listener's")
        }
        let free = found.filter { isFree($0, for: route.kind) }
        if free.isEmpty {
            let other = route.kind == .http ? RouteKind.grpc : .http
            return refuse(
                .notAllowedByListeners, at: parent.place,
                "an older \(other.rawValue) has the same hostname at the listener; only one kind can have it")
        }
        if hasGRPC {
            for way in free { attachments[way.attachment].hostnames[route.kind, default: []].insert(way.hostname) }
        }
        return .success(free)
    }

    private func allows(_ attachment: Attachment, _ route: RouteDocument) -> Bool {
        let namespace = route.metadata.namespace
        let labels = documents.namespaces.first { $0.name == namespace }?.labels
        return attachment.listener.allowedKinds.contains(route.kind)
            && attachment.listener.allowedNamespaces.allows(
                namespace, labels: labels ?? [NamespaceDocument.nameLabel: namespace],
                gateway: attachment.gateway.metadata.namespace)
    }

    /// An HTTPRoute and a GRPCRoute cannot share a host at a listener (Gateway API, `GRPCRouteSpec.hostnames`).
    private func isFree(_ way: Way, for kind: RouteKind) -> Bool {
        guard hasGRPC else { return true }
        return !attachments[way.attachment].hostnames.contains { other, hostnames in
            other != kind && hostnames.contains { $0.intersection(way.hostname) != nil }
        }
    }

    // MARK: - Rules

    /// - Returns: the rule's place in the table.
    private mutating func compile(
        _ rule: RouteDocument.Rule, _ number: Int, of route: RouteDocument, at gateway: GatewayDocument,
        isBroken: Bool, _ references: inout References, _ authentication: inout AuthenticationResolver
    ) -> Int {
        let asked = authentication.rule(for: rule, of: route, at: gateway)
        let isClosed =
            authentication.isClosed(rule, of: route, at: gateway)
            || policies.isClosed(rule, of: route, at: gateway, authentication: asked)
        let resolved = resolve(rule, of: route, at: gateway, &references)
        // Fails closed: a rule of which something is not understood must neither open what it should have guarded nor
        // leave its requests to a rule that guards less.
        let isDead = isBroken || isClosed || resolved.isDead
        let traffic = resolved.backends.first?.backend.traffic
        let compiled = RouteRule(
            index: rules.count, kind: route.kind, routeName: route.metadata.key, ruleName: rule.name ?? String(number),
            backends: isDead ? [] : resolved.backends, unresolvedWeight: isDead ? 1 : resolved.unresolvedWeight,
            redirect: isDead ? nil : boundRedirect(rule.redirect), filters: isDead ? nil : resolved.filters,
            persistence: isDead ? nil : persistence(of: rule, number, route, at: gateway),
            requestTimeoutMilliseconds: rule.requestTimeoutMilliseconds,
            backendRequestTimeoutMilliseconds: rule.backendRequestTimeoutMilliseconds,
            retries: rule.retry.flatMap { retry in traffic.map { retry.settings(over: $0) } },
            authentication: isDead ? nil : asked,
            policies: isDead
                ? nil
                : policies.policies(
                    for: rule, of: route, at: gateway,
                    requests: self.traffic.requests(of: route, at: gateway)))
        rules.append(compiled)
        return compiled.index
    }

    private mutating func enter(
        _ matches: [RouteDocument.Match], of route: RouteDocument, _ ways: [Way], rule: Int
    ) {
        for match in matches {
            for way in ways {
                guard let listener = attachments[way.attachment].index else { continue }
                entries.append(
                    RouteEntry(
                        listener: listener, hostname: way.hostname, path: match.path, method: match.method,
                        headers: match.headers, queryParameters: match.queryParameters, rule: rule,
                        createdSeconds: route.metadata.createdSeconds))
            }
        }
    }

    private func persistence(
        of rule: RouteDocument.Rule, _ number: Int, _ route: RouteDocument, at gateway: GatewayDocument
    ) -> SessionPersistence? {
        guard let wanted = rule.persistence else { return nil }
        let made = "gatehouse-\(route.metadata.namespace)-\(route.metadata.name)-\(rule.name ?? String(number))"
        return SessionPersistence(
            name: wanted.name ?? made, absoluteTimeoutSeconds: wanted.absoluteTimeoutSeconds,
            isPermanent: wanted.isPermanent, key: sessionKey(of: gateway))
    }

    /// The first 16 bytes of `key` in the Secret that the Gateway names, so that its replicas understand each other's
    /// cookies; without one, a key that lives as long as the process.
    private func sessionKey(of gateway: GatewayDocument) -> SessionKey {
        guard let name = gateway.metadata.annotations[GatewayDocument.sessionKeyAnnotation] else {
            return settings.sessionKey
        }
        let secret = secrets["\(gateway.metadata.namespace)/\(name.value)"]
        guard let bytes = try? secret?.bytes("key"), bytes.count >= 16 else {
            sink.error(at: name.place, "must name a Secret of the Gateway's namespace whose key \"key\" has 16 bytes")
            return settings.sessionKey
        }
        func number(_ range: Range<Int>) -> UInt64 { range.reduce(0) { $0 << 8 | UInt64(bytes[$1]) } }
        return SessionKey(high: number(0..<8), low: number(8..<16))
    }

    /// A redirect to the declared port of a listener leads to the port that it is bound to.
    private func boundRedirect(_ declared: Redirect?) -> Redirect? {
        guard var redirect = declared, let port = redirect.port else { return declared }
        let names = listeners.filter { Int($0.port) == port }.map(\.name)
        if let bound = names.lazy.compactMap({ settings.boundPorts[$0] }).first { redirect.port = Int(bound) }
        return redirect
    }

    // MARK: - Status

    /// The specification asks for the words "Dropped Rule".
    private static func told(_ rule: Int, _ fault: Diagnostic, isKnown: Bool) -> String {
        "Dropped Rule \(rule)\(isKnown ? ", whose requests get 500" : ""): \(fault.brief)"
    }

    private mutating func report(
        _ route: RouteDocument, _ faults: Faults, _ references: References,
        _ refusals: [(reason: ConditionReason, message: String)?]
    ) {
        let isAllBroken = !route.rules.isEmpty && faults.rules.count == route.rules.count
        let fault = faults.whole ?? (isAllBroken ? faults.rules.min { $0.key < $1.key }?.value : nil)
        var own: [Condition] = []
        if let problem = references.problem {
            own.append(Condition(.resolvedRefs, problem.reason, problem.message, is: false))
        } else {
            own.append(Condition(.resolvedRefs, .resolvedRefs, is: true))
        }
        if fault == nil, !faults.rules.isEmpty {
            let told = faults.rules.sorted { $0.key < $1.key }
                .map { Self.told($0.key, $0.value, isKnown: !faults.known(of: route.rules[$0.key], $0.key).isEmpty) }
            own.append(Condition(.partiallyInvalid, .unsupportedValue, told.joined(separator: "; "), is: true))
        }
        if let error = documents.kept[route.object]?.first {
            own.append(Condition(.partiallyInvalid, .unsupportedValue, "Fall Back: \(error.brief)", is: true))
        }
        var object = ObjectStatus(kind: route.kind.rawValue, name: route.metadata.key)
        object.parents = zip(route.parents, refusals).map { parent, refusal in
            let reference = ObjectStatus.Reference(
                kind: "Gateway", name: parent.gateway.key, sectionName: parent.sectionName, port: parent.port)
            let reason = refusal?.reason ?? fault.map { $0.reason ?? .unsupportedValue }
            let message = refusal?.message ?? fault.map { $0.brief } ?? ""
            return ObjectStatus.Relation(
                to: reference,
                conditions: [Condition(.accepted, reason ?? .accepted, message, is: reason == nil)] + own)
        }
        status.append(object)
    }
}
