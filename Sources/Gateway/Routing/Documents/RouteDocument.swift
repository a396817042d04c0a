/// An `HTTPRoute`: which requests go where.
public struct RouteDocument: Sendable {
    public struct Parent: Sendable {
        public let gateway: ObjectReference
        public let sectionName: String?
        public let port: UInt16?
        public let place: Place
    }

    public struct Match: Sendable {
        public let path: PathCondition
        public let method: String?
        public let headers: [HeaderCondition]
    }

    public struct BackendReference: Sendable {
        public let service: ObjectReference
        public let port: UInt16
        public let weight: Int
    }

    public struct Rule: Sendable {
        public let name: String?
        /// At least one; the default match (every path) stands for none.
        public let matches: [Match]
        public let backends: [BackendReference]
        public let redirect: Redirect?
        public let requestTimeoutMilliseconds: Int?
        public let backendRequestTimeoutMilliseconds: Int?
        public let retry: Retry?
        public let place: Place
    }

    /// When a request is tried again (GEP-1731). Nil: what the backend's TrafficPolicy says.
    public struct Retry: Sendable {
        public let statuses: [UInt16]?
        /// After the first.
        public let attempts: Int?
        /// The least pause before each.
        public let backoffMilliseconds: Int?
    }

    public let metadata: Metadata
    public let parents: [Parent]
    public let hostnames: [Located<Hostname>]
    public let rules: [Rule]

    init?(_ document: inout ObjectReader) {
        let metadata = Metadata(&document)
        self.metadata = metadata
        guard var spec = document.object("spec", required: true) else { return nil }
        parents = (spec.objects("parentRefs", required: true) ?? []).compactMap {
            Parent($0, namespace: metadata.namespace)
        }
        let reader = spec
        hostnames = (spec.strings("hostnames") ?? []).compactMap { reader.hostname($0) }
        rules = (spec.objects("rules", required: true) ?? []).map { Rule($0, namespace: metadata.namespace) }
        for (index, rule) in rules.enumerated() where rule.name != nil {
            if rules[..<index].contains(where: { $0.name == rule.name }) {
                spec.sink.error(at: rule.place.field("name"), "another rule of this route has the same name")
            }
        }
        spec.unsupported("useDefaultGateways")
        spec.finish()
    }
}

extension RouteDocument.Parent {
    init?(_ object: ObjectReader, namespace: String) {
        var object = object
        let gateway = object.reference(group: "gateway.networking.k8s.io", kind: "Gateway", namespace: namespace)
        sectionName = object.objectName("sectionName")?.value
        port = object.port("port")?.value
        object.finish()
        place = object.place
        guard let gateway else { return nil }
        self.gateway = gateway
    }
}

extension RouteDocument.Match {
    private static let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"]

    init(_ object: ObjectReader) {
        var object = object
        path = Self.path(&object)
        method = object.choice("method", of: Self.methods, unsupported: ["CONNECT"])?.value
        headers = Self.headers(&object)
        object.unsupported("queryParams")
        object.finish()
    }

    private static func path(_ match: inout ObjectReader) -> PathCondition {
        guard var path = match.object("path") else { return .prefix("/") }
        defer { path.finish() }
        let type = path.choice("type", of: ["Exact", "PathPrefix"], unsupported: ["RegularExpression"])
        guard let text = path.string("value") else { return .prefix("/") }
        switch Syntax.path(text.value) {
        case .success(let canonical):
            return type?.value == "Exact" ? .exact(canonical) : .prefix(canonical)
        case .failure(let problem):
            match.sink.error(at: text.place, problem.message)
            return .prefix("/")
        }
    }

    private static func headers(_ match: inout ObjectReader) -> [HeaderCondition] {
        var conditions: [HeaderCondition] = []
        for var header in match.objects("headers") ?? [] {
            _ = header.choice("type", of: ["Exact"], unsupported: ["RegularExpression"])
            let name = header.string("name", required: true)
            let value = header.string("value", required: true)
            header.finish()
            guard let name, let value else { continue }
            if !Syntax.isToken(name.value) { match.sink.error(at: name.place, "must be the name of a field") }
            let condition = HeaderCondition(name: name.value, value: value.value)
            if conditions.contains(where: { $0.name == condition.name }) {
                match.sink.error(at: name.place, "the field has a condition already")
            }
            conditions.append(condition)
        }
        return conditions
    }
}

extension RouteDocument.BackendReference {
    init?(_ object: ObjectReader, namespace: String) {
        var object = object
        let service = object.reference(group: "", kind: "Service", namespace: namespace)
        let port = object.port("port", required: true)
        weight = object.integer("weight", in: 0...1_000_000)?.value ?? 1
        object.unsupported("filters")
        object.finish()
        guard let service, let port else { return nil }
        if service.namespace != namespace {
            object.sink.error(
                at: service.place, "a Service of another namespace needs a ReferenceGrant, which is not supported")
        }
        self.service = service
        self.port = port.value
    }
}

extension RouteDocument.Rule {
    init(_ object: ObjectReader, namespace: String) {
        var object = object
        name = object.objectName("name")?.value
        let matches = (object.objects("matches") ?? []).map { RouteDocument.Match($0) }
        self.matches = matches.isEmpty ? [.init(path: .prefix("/"), method: nil, headers: [])] : matches
        let references = object.objects("backendRefs") ?? []
        backends = references.compactMap { .init($0, namespace: namespace) }
        redirect = Self.redirect(&object)
        (requestTimeoutMilliseconds, backendRequestTimeoutMilliseconds) = Self.timeouts(&object)
        retry = Self.retry(&object)
        object.unsupported("sessionPersistence")
        object.finish()
        place = object.place
        switch (references.isEmpty, redirect == nil) {
        case (true, true): object.sink.error(at: place, "needs backendRefs or a RequestRedirect filter")
        case (false, false): object.sink.error(at: place, "a rule that redirects has no backendRefs")
        case (false, true) where backends.count == references.count && backends.allSatisfy { $0.weight == 0 }:
            object.sink.error(at: place.field("backendRefs"), "at least one needs a weight above 0")
        default: break
        }
    }

    private static func redirect(_ rule: inout ObjectReader) -> Redirect? {
        var redirect: Redirect?
        for var filter in rule.objects("filters") ?? [] {
            let type = filter.choice(
                "type", of: ["RequestRedirect"],
                unsupported: [
                    "RequestHeaderModifier", "ResponseHeaderModifier", "URLRewrite", "RequestMirror", "CORS",
                    "ExternalAuth", "ExtensionRef",
                ], required: true)
            if let type {
                if redirect != nil { filter.sink.error(at: type.place, "the rule has such a filter already") }
                redirect = filter.object("requestRedirect", required: true).map { Self.redirect($0) }
                filter.finish()
            }
        }
        return redirect
    }

    private static func redirect(_ object: ObjectReader) -> Redirect {
        var object = object
        defer { object.finish() }
        object.unsupported("path")
        let hostname = object.hostname("hostname")
        if let hostname, case .wildcard = hostname.value {
            object.sink.error(at: hostname.place, "must be one host, without \"*\"")
        }
        return Redirect(
            scheme: object.choice("scheme", of: ["http", "https"])?.value,
            hostname: hostname?.value.description,
            port: object.port("port").map { Int($0.value) },
            statusCode: statusCode(&object))
    }

    private static func statusCode(_ redirect: inout ObjectReader) -> Int {
        guard let code = redirect.integer("statusCode", in: 300...399) else { return 302 }
        if ![301, 302, 303, 307, 308].contains(code.value) {
            redirect.sink.error(at: code.place, "must be 301, 302, 303, 307 or 308")
        }
        return code.value
    }

    private static func timeouts(_ rule: inout ObjectReader) -> (request: Int?, backendRequest: Int?) {
        guard var timeouts = rule.object("timeouts") else { return (nil, nil) }
        defer { timeouts.finish() }
        let request = timeouts.duration("request")
        let backendRequest = timeouts.duration("backendRequest")
        if let request, let backendRequest, request.value > 0, backendRequest.value > request.value {
            timeouts.sink.error(at: backendRequest.place, "must not be longer than timeouts.request")
        }
        // Zero switches a timeout off (GEP-1742).
        return (
            request.flatMap { $0.value == 0 ? nil : $0.value },
            backendRequest.flatMap { $0.value == 0 ? nil : $0.value }
        )
    }

    private static func retry(_ rule: inout ObjectReader) -> RouteDocument.Retry? {
        guard var retry = rule.object("retry") else { return nil }
        defer { retry.finish() }
        return RouteDocument.Retry(
            statuses: retry.statuses("codes")?.value,
            attempts: retry.integer("attempts", in: 0...10)?.value,
            backoffMilliseconds: retry.duration("backoff", in: 0...60_000)?.value)
    }
}
