/// How a backend's endpoints are used: balancing, pools, deadlines, retries, and when an endpoint is left alone.
///
/// Times are milliseconds, shares are percent. The defaults hold for every backend that no policy says otherwise of.
public struct TrafficSettings: Sendable, Hashable {
    public var loadBalancing = LoadBalancing()
    public var pool = PoolSettings()
    public var timeouts = UpstreamTimeouts()
    public var retries = RetrySettings()
    public var outliers = OutlierSettings()
    /// Nil: endpoints are not asked for their health.
    public var healthCheck: HealthCheckSettings?

    public init() {}
}

/// Which endpoint a request goes to.
public struct LoadBalancing: Sendable, Hashable {
    public enum Algorithm: Sendable, Hashable {
        /// The less busy of two endpoints taken at random.
        case leastRequests
        case roundRobin
        /// The same key goes to the same endpoint while the endpoints stay the same; few keys move when one goes.
        case consistentHash(HashKey)
    }

    /// What of a request the consistent hash is taken of. A request without it goes where `leastRequests` says.
    public enum HashKey: Sendable, Hashable {
        /// A field's value; the name is lower case.
        case header(String)
        case cookie(String)
        case sourceAddress
    }

    public var algorithm = Algorithm.leastRequests
    /// How long a new or recovered endpoint gets less than its share, growing evenly. 0: its full share at once.
    /// With a consistent hash a key's endpoint is its endpoint from the start.
    public var slowStartMilliseconds = 0

    public init() {}
}

extension LoadBalancing.Algorithm: CustomStringConvertible {
    public var description: String {
        switch self {
        case .leastRequests: "LeastRequests"
        case .roundRobin: "RoundRobin"
        case .consistentHash(.header(let name)): "ConsistentHash of header \(name)"
        case .consistentHash(.cookie(let name)): "ConsistentHash of cookie \(name)"
        case .consistentHash(.sourceAddress): "ConsistentHash of the source address"
        }
    }
}

/// Bounds of one worker's connections to one endpoint.
public struct PoolSettings: Sendable, Hashable {
    /// HTTP/1.1: the most connections. HTTP/2: see `maximumMultiplexedConnections`.
    public var maximumConnections = 512
    public var maximumMultiplexedConnections = 8
    /// Requests that wait for a connection; more: 503 with `Retry-After`.
    public var maximumPendingRequests = 1_024
    /// How long a request waits for a connection; longer: 503 with `Retry-After`.
    public var pendingTimeoutMilliseconds = 5_000
    /// After so many requests a connection is replaced. 0: never.
    public var maximumRequestsPerConnection = 0
    /// How long an idle connection is kept. Less than what servers behind usually keep (60 s and more).
    public var idleTimeoutMilliseconds = 45_000

    public init() {}
}

/// Deadlines towards an endpoint.
public struct UpstreamTimeouts: Sendable, Hashable {
    /// TCP and TLS handshake together.
    public var connectMilliseconds = 2_000
    /// From the request's last byte to the response's head. HTTPRoute `timeouts.backendRequest` takes its place.
    public var responseHeadMilliseconds = 30_000
    /// The longest pause between two pieces of a response's body, and of an upgraded connection in both directions.
    public var streamIdleMilliseconds = 60_000

    public init() {}
}

/// When a request is tried again. Never after a byte of the response was forwarded, and never when the request may have
/// taken effect and is not idempotent (RFC 9110 §9.2.2).
public struct RetrySettings: Sendable, Hashable {
    /// Attempts after the first. 0: no retries.
    public var maximumRetries = 2
    /// Statuses of an endpoint that count as a failure worth another attempt, for idempotent requests only.
    public var statuses: [UInt16] = []
    /// The first pause; each further one is twice as long, with full jitter. The first retry on another endpoint
    /// after a connection failure does not pause.
    public var backoffMilliseconds = 25
    public var maximumBackoffMilliseconds = 250
    /// The share of requests, over the last ten seconds, that may be retries. What no endpoint began to process (no
    /// connection, REFUSED_STREAM, GOAWAY) costs none of them work, and is not counted.
    public var budgetPercent = 20
    /// Retries a second that are allowed however few requests there are.
    public var budgetMinimumPerSecond = 3

    public init() {}
}

/// When an endpoint that answers badly is left alone for a while.
public struct OutlierSettings: Sendable, Hashable {
    /// Failures in a row (no connection, no answer, or a status of 502, 503, 504). 0: never ejected for that.
    public var consecutiveFailures = 5
    /// The share of failures within `intervalMilliseconds`. 0: never ejected for that.
    public var failurePercent = 50
    /// The least requests in an interval for `failurePercent` to mean something.
    public var failurePercentMinimumRequests = 20
    public var intervalMilliseconds = 10_000
    /// The first ejection's length; each further one is longer by as much again.
    public var baseEjectionMilliseconds = 10_000
    public var maximumEjectionMilliseconds = 300_000
    /// The most endpoints of a backend that are ejected at a time; one always may be when there are two or more.
    public var maximumEjectedPercent = 50
    /// When fewer of a backend's endpoints than this are available, all are used as if they were: a wrong health check
    /// must not take down what works. 0: never.
    public var panicThresholdPercent = 50

    public init() {}
}

/// Asking each endpoint whether it is well: GET by the backend's own protocol and TLS, any 2xx is well. One worker asks for
/// all, so an endpoint is asked once an interval by each gateway.
public struct HealthCheckSettings: Sendable, Hashable {
    /// Origin form, for example "/healthz".
    public var path: String
    /// The `Host` field; nil: the endpoint's own address.
    public var host: String?
    public var intervalMilliseconds = 5_000
    public var timeoutMilliseconds = 1_000
    /// Good answers in a row until an unwell endpoint is used again.
    public var healthyThreshold = 2
    /// Bad answers in a row until an endpoint is not used.
    public var unhealthyThreshold = 3

    public init(path: String) { self.path = path }
}

/// TLS towards a backend (Gateway API `BackendTLSPolicy`). The endpoint's certificate is always verified.
public struct BackendTLS: Sendable, Hashable {
    /// Sent as SNI, and what the certificate must be valid for unless `subjectAltNames` says otherwise.
    public var hostname: String
    /// DNS names of which the certificate must carry one. Empty: `hostname`.
    public var subjectAltNames: [String] = []
    /// PEM of the authorities that are trusted. Nil: the system's.
    public var authorities: [UInt8]?
    /// PEM of our own certificate chain and its key, for endpoints that ask for one.
    public var clientCertificate: [UInt8]?
    public var clientKey: [UInt8]?

    public init(hostname: String) { self.hostname = hostname }
}
