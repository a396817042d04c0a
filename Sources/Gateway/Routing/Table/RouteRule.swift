/// One rule of an `HTTPRoute`, compiled: what happens to a request that the rule matches.
///
/// Either `redirect` is set, or `backends` has at least one entry.
public final class RouteRule: Sendable {
    /// Its place in `RouteTable.rules`.
    public let index: Int
    /// "namespace/name" of the `HTTPRoute`.
    public let routeName: String
    /// The rule's name, or its place in the document as text ("0") when it has none.
    public let ruleName: String
    /// Where its requests go. Only entries with a weight above zero are kept.
    public let backends: [WeightedBackend]
    /// The sum of all weights; above zero when there are backends.
    public let totalWeight: Int
    public let redirect: Redirect?
    /// From the request's arrival to the last byte of its answer. Nil: no such bound.
    public let requestTimeoutMilliseconds: Int?
    /// For one attempt at a backend. Nil: no such bound.
    public let backendRequestTimeoutMilliseconds: Int?
    /// HTTPRoute `retry`. Nil: what `Backend.traffic` says.
    public let retries: RetrySettings?
    public let authentication: AuthenticationRule?

    public init(
        index: Int, routeName: String, ruleName: String, backends: [WeightedBackend] = [], redirect: Redirect? = nil,
        requestTimeoutMilliseconds: Int? = nil, backendRequestTimeoutMilliseconds: Int? = nil,
        retries: RetrySettings? = nil, authentication: AuthenticationRule? = nil
    ) {
        self.index = index
        self.routeName = routeName
        self.ruleName = ruleName
        self.backends = backends.filter { $0.weight > 0 }
        totalWeight = self.backends.reduce(0) { $0 + $1.weight }
        self.redirect = redirect
        self.requestTimeoutMilliseconds = requestTimeoutMilliseconds
        self.backendRequestTimeoutMilliseconds = backendRequestTimeoutMilliseconds
        self.retries = retries
        self.authentication = authentication
    }
}

/// A backend and its share of a rule's requests: `weight` out of the rule's `totalWeight`.
public struct WeightedBackend: Sendable {
    public var backend: Backend
    /// 0…1,000,000.
    public var weight: Int

    public init(backend: Backend, weight: Int = 1) {
        self.backend = backend
        self.weight = weight
    }
}

/// An answer that sends the client elsewhere (Gateway API `HTTPRequestRedirectFilter`). Path and query stay as they are.
public struct Redirect: Sendable, Hashable {
    /// Nil: the scheme of the request.
    public var scheme: String?
    /// Nil: the host of the request.
    public var hostname: String?
    /// The port to write. Nil with a scheme: the scheme's own, which is not written. Nil without one: the port that the
    /// client used.
    public var port: Int?
    /// 301, 302, 303, 307 or 308.
    public var statusCode: Int

    public init(scheme: String? = nil, hostname: String? = nil, port: Int? = nil, statusCode: Int = 302) {
        self.scheme = scheme
        self.hostname = hostname
        self.port = port
        self.statusCode = statusCode
    }
}

/// What a rule asks of the caller's token. With `anonymousAllowed`, or without any such rule, no token is asked for.
public struct AuthenticationRule: Sendable, Hashable {
    /// A place in `RouteTable.tokenProviders`; meaningless when `anonymousAllowed`.
    public var provider: Int
    /// The token's `scope` must hold all of these.
    public var requiredScopes: [String]
    public var anonymousAllowed: Bool

    public init(provider: Int, requiredScopes: [String] = [], anonymousAllowed: Bool = false) {
        self.provider = provider
        self.requiredScopes = requiredScopes
        self.anonymousAllowed = anonymousAllowed
    }
}
