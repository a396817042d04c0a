/// One rule of an `HTTPRoute` or a `GRPCRoute`, compiled: what happens to a request that the rule matches.
///
/// Either `redirect` is set, or requests go to `backends`, or they are answered with 500: the share `unresolvedWeight` of
/// them, and all when there is no weight at all.
public final class RouteRule: Sendable {
    /// Its place in `RouteTable.rules`.
    public let index: Int
    /// What kind of document it comes from.
    public let kind: RouteKind
    /// "namespace/name" of the route.
    public let routeName: String
    /// The rule's name, or its place in the document as text ("0") when it has none.
    public let ruleName: String
    /// Where its requests go. Only entries with a weight above zero are kept.
    public let backends: [WeightedBackend]
    /// The weight of backends that the documents name but that cannot be resolved: their share is answered with 500.
    public let unresolvedWeight: Int
    /// The sum of all weights, `unresolvedWeight` included.
    public let totalWeight: Int
    public let redirect: Redirect?
    /// What is done to requests and responses on the way. Nil: nothing.
    public let filters: FilterChain?
    /// Keeps a client at one endpoint. Nil: every request is balanced by itself.
    public let persistence: SessionPersistence?
    /// From the request's arrival to the last byte of its answer. Nil: no such bound.
    public let requestTimeoutMilliseconds: Int?
    /// For one attempt at a backend. Nil: no such bound.
    public let backendRequestTimeoutMilliseconds: Int?
    /// HTTPRoute `retry`. Nil: what `Backend.traffic` says.
    public let retries: RetrySettings?
    public let authentication: AuthenticationRule?
    /// Nil when no policy says anything of the kind.
    public let policies: RulePolicies?

    public init(
        index: Int, kind: RouteKind = .http, routeName: String, ruleName: String, backends: [WeightedBackend] = [],
        unresolvedWeight: Int = 0, redirect: Redirect? = nil, filters: FilterChain? = nil,
        persistence: SessionPersistence? = nil,
        requestTimeoutMilliseconds: Int? = nil, backendRequestTimeoutMilliseconds: Int? = nil,
        retries: RetrySettings? = nil, authentication: AuthenticationRule? = nil,
        policies: RulePolicies? = nil
    ) {
        self.index = index
        self.kind = kind
        self.routeName = routeName
        self.ruleName = ruleName
        self.backends = backends.filter { $0.weight > 0 }
        self.unresolvedWeight = unresolvedWeight
        totalWeight = self.backends.reduce(unresolvedWeight) { $0 + $1.weight }
        self.redirect = redirect
        self.filters = filters
        self.persistence = persistence
        self.requestTimeoutMilliseconds = requestTimeoutMilliseconds
        self.backendRequestTimeoutMilliseconds = backendRequestTimeoutMilliseconds
        self.retries = retries
        self.authentication = authentication
        self.policies = policies
    }
}

/// A backend and its share of a rule's requests: `weight` out of the rule's `totalWeight`.
public struct WeightedBackend: Sendable {
    public var backend: Backend
    /// 0…1,000,000.
    public var weight: Int
    /// What is done only to what goes to this backend, after the rule's own filters. Nil: nothing.
    public var filters: FilterChain?

    public init(backend: Backend, weight: Int = 1, filters: FilterChain? = nil) {
        self.backend = backend
        self.weight = weight
        self.filters = filters
    }
}

/// The kinds of documents that have rules.
public enum RouteKind: String, Sendable, Hashable, CaseIterable {
    case http = "HTTPRoute"
    case grpc = "GRPCRoute"
}

/// An answer that sends the client elsewhere (Gateway API `HTTPRequestRedirectFilter`). The query stays as it is.
public struct Redirect: Sendable, Hashable {
    /// Nil: the scheme of the request.
    public var scheme: String?
    /// Nil: the host of the request.
    public var hostname: String?
    /// The port to write. Nil with a scheme: the scheme's own, which is not written. Nil without one: the port that the
    /// client used.
    public var port: Int?
    /// Nil: the path of the request.
    public var path: PathChange?
    /// 301, 302, 303, 307 or 308.
    public var statusCode: Int

    public init(
        scheme: String? = nil, hostname: String? = nil, port: Int? = nil, path: PathChange? = nil, statusCode: Int = 302
    ) {
        self.scheme = scheme
        self.hostname = hostname
        self.port = port
        self.path = path
        self.statusCode = statusCode
    }
}
