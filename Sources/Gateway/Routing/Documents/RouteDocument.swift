/// An `HTTPRoute` or a `GRPCRoute`: which requests go where.
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
        public let queryParameters: [QueryCondition]

        /// Holds for every request.
        static let every = Match(path: .prefix("/"), method: nil, headers: [], queryParameters: [])
    }

    public struct BackendReference: Sendable {
        /// Nil: it names no Service.
        public let service: ObjectReference?
        /// Nil: it names no port.
        public let port: UInt16?
        public let weight: Int
        public let filters: [Filter]
        public let place: Place
    }

    public enum Filter: Sendable {
        case requestHeaders(HeaderChanges)
        case responseHeaders(HeaderChanges)
        case redirect(Redirect)
        case rewrite(URLRewrite)
        case mirror(BackendReference, numerator: Int, denominator: Int)
        case crossOrigin(CrossOriginRules)
        /// The kind and name of the object, and where they stand.
        case custom(Located<String>)
    }

    public struct Rule: Sendable {
        public let name: String?
        /// At least one; the default match (every path) stands for none.
        public let matches: [Match]
        public let backends: [BackendReference]
        public let filters: [Filter]
        public let requestTimeoutMilliseconds: Int?
        public let backendRequestTimeoutMilliseconds: Int?
        public let retry: Retry?
        public let persistence: Persistence?
        public let place: Place

        var redirect: Redirect? {
            for case .redirect(let redirect) in filters { return redirect }
            return nil
        }
    }

    /// When a request is tried again (GEP-1731). Nil: what the backend's TrafficPolicy says.
    public struct Retry: Sendable {
        public let statuses: [UInt16]?
        /// After the first.
        public let attempts: Int?
        /// The least pause before each.
        public let backoffMilliseconds: Int?
    }

    /// A client stays at one endpoint (GEP-1619).
    public struct Persistence: Sendable {
        /// Nil: one is made of the route's and the rule's name.
        public let name: String?
        public let absoluteTimeoutSeconds: Int?
        public let isPermanent: Bool
    }

    public let kind: RouteKind
    public let metadata: Metadata
    public let parents: [Parent]
    public let hostnames: [Located<Hostname>]
    /// Whether the document names hostnames, readable or not.
    public let hasHostnames: Bool
    public let rules: [Rule]

    /// Which object this is.
    public var object: ObjectKey { ObjectKey(kind: kind.rawValue, key: metadata.key) }

    init?(_ document: inout ObjectReader, _ kind: RouteKind) {
        let metadata = Metadata(&document)
        self.kind = kind
        self.metadata = metadata
        guard var spec = document.object("spec", required: true) else { return nil }
        parents = (spec.objects("parentRefs", required: true) ?? []).compactMap {
            Parent($0, namespace: metadata.namespace)
        }
        let reader = spec
        let names = spec.list("hostnames")
        hasHostnames = spec.hasField { $0 == "hostnames" } && names?.isEmpty != true
        hostnames = (names ?? []).compactMap { reader.string($0) }.compactMap { reader.hostname($0) }
        rules = (spec.objects("rules", required: true) ?? []).map { Rule($0, kind, namespace: metadata.namespace) }
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

extension RouteDocument.BackendReference {
    init(_ object: ObjectReader, _ route: RouteKind, namespace: String) {
        var object = object
        place = object.place
        let kind = object.choice("kind", of: ["Service"], reason: .invalidKind)
        let isService = kind != nil || !object.hasField { $0 == "kind" }
        // Of an unknown kind the group cannot be judged.
        if !isService { object.ignore("group", "name", "namespace", "port") }
        service = isService ? object.reference(group: "", namespace: namespace, of: "Service") : nil
        port = isService ? object.port("port", required: true)?.value : nil
        weight = object.integer("weight", in: 0...1_000_000)?.value ?? 1
        filters = RouteDocument.Filter.read(&object, route, of: .backend, namespace: namespace)
        object.finish()
    }
}

extension RouteDocument.Rule {
    init(_ object: ObjectReader, _ kind: RouteKind, namespace: String) {
        var object = object
        name = object.objectName("name")?.value
        let matches = (object.objects("matches") ?? []).map { reader in
            kind == .http ? RouteDocument.Match(http: reader) : RouteDocument.Match(grpc: reader)
        }
        self.matches = matches.isEmpty ? [.every] : matches
        let references = object.objects("backendRefs") ?? []
        backends = references.map { .init($0, kind, namespace: namespace) }
        filters = RouteDocument.Filter.read(&object, kind, of: .rule(self.matches), namespace: namespace)
        if kind == .http {
            (requestTimeoutMilliseconds, backendRequestTimeoutMilliseconds) = Self.timeouts(&object)
            retry = Self.retry(&object)
        } else {
            (requestTimeoutMilliseconds, backendRequestTimeoutMilliseconds, retry) = (nil, nil, nil)
        }
        persistence = object.object("sessionPersistence").flatMap { .init($0) }
        object.finish()
        place = object.place
        let answers = filters.contains {
            if case .redirect = $0 { true } else if case .custom = $0 { true } else { false }
        }
        if references.isEmpty, !answers {
            object.sink.error(at: place, "needs backendRefs or a RequestRedirect filter")
        } else if !references.isEmpty, redirect != nil {
            object.sink.error(at: place, "a rule that redirects has no backendRefs")
        }
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

extension RouteDocument.Persistence {
    init?(_ object: ObjectReader) {
        var object = object
        defer { object.finish() }
        _ = object.choice("type", of: ["Cookie"], unsupported: ["Header"])
        let name = object.string("sessionName")
        if let name, !Syntax.isToken(name.value) || name.value.utf8.count > 128 {
            object.sink.error(at: name.place, "must be the name of a cookie (RFC 6265 §4.1.1), at most 128 characters")
        }
        self.name = name?.value
        let timeout = object.duration("absoluteTimeout", in: 1_000...31_536_000_000)
        absoluteTimeoutSeconds = timeout.map { $0.value / 1_000 }
        object.unsupported("idleTimeout")
        var lifetime: Located<String>?
        if var cookie = object.object("cookieConfig") {
            lifetime = cookie.choice("lifetimeType", of: ["Session", "Permanent"])
            cookie.finish()
        }
        isPermanent = lifetime?.value == "Permanent"
        if let lifetime, isPermanent, timeout == nil {
            object.sink.error(at: lifetime.place, "a permanent cookie needs absoluteTimeout")
        }
    }
}
