import Synchronization

/// What one worker counts of one endpoint: written by the worker alone, read by anyone.
final class EndpointCounters: Sendable {
    typealias Counter = WorkerCounters.Counter

    let backend: String
    /// "address:port".
    let endpoint: String

    let requests = Counter()
    let requestsActive = Counter()
    let requestsPending = Counter()
    let pendingRejected = Counter()
    let pendingTimedOut = Counter()
    let retries = Counter()
    let connectionsOpened = Counter()
    let connectionsReused = Counter()
    let connectionsOpen = Counter()
    let connectionsIdle = Counter()
    let failuresConnect = Counter()
    let failuresTLS = Counter()
    let failuresTimeout = Counter()
    let failuresReset = Counter()
    let failuresMalformed = Counter()
    let failuresStatus = Counter()
    let ejections = Counter()
    let isEjected = Counter()
    let isUnhealthy = Counter()
    let healthChecks = Counter()
    let healthChecksFailed = Counter()
    /// Why the last TLS handshake failed; empty: none did. Rare enough for a lock.
    let lastTLSFailure = Mutex("")

    init(backend: String, endpoint: String) {
        self.backend = backend
        self.endpoint = endpoint
    }

    func add(to total: inout EndpointStatistics) {
        total.requests += requests.current
        total.requestsActive += requestsActive.current
        total.requestsPending += requestsPending.current
        total.pendingRejected += pendingRejected.current
        total.pendingTimedOut += pendingTimedOut.current
        total.retries += retries.current
        total.connectionsOpened += connectionsOpened.current
        total.connectionsReused += connectionsReused.current
        total.connectionsOpen += connectionsOpen.current
        total.connectionsIdle += connectionsIdle.current
        total.failuresConnect += failuresConnect.current
        total.failuresTLS += failuresTLS.current
        total.failuresTimeout += failuresTimeout.current
        total.failuresReset += failuresReset.current
        total.failuresMalformed += failuresMalformed.current
        total.failuresStatus += failuresStatus.current
        total.ejections += ejections.current
        total.workersEjecting += isEjected.current
        total.healthChecks += healthChecks.current
        total.healthChecksFailed += healthChecksFailed.current
        if isUnhealthy.current > 0 { total.isHealthy = false }
        let failure = lastTLSFailure.withLock { $0 }
        if !failure.isEmpty { total.lastTLSFailure = failure }
    }
}

/// What is known of one endpoint of one backend, summed over the workers at one moment.
public struct EndpointStatistics: Sendable, Equatable {
    /// "namespace/name:port".
    public var backend: String
    /// "address:port".
    public var endpoint: String
    /// Requests given to a connection, retries included.
    public var requests: UInt64 = 0
    public var requestsActive: UInt64 = 0
    /// Requests that wait for a connection.
    public var requestsPending: UInt64 = 0
    /// Requests refused because too many waited, and because they waited too long.
    public var pendingRejected: UInt64 = 0
    public var pendingTimedOut: UInt64 = 0
    /// Attempts that failed here and were followed by another, here or elsewhere.
    public var retries: UInt64 = 0
    public var connectionsOpened: UInt64 = 0
    public var connectionsReused: UInt64 = 0
    public var connectionsOpen: UInt64 = 0
    public var connectionsIdle: UInt64 = 0
    public var failuresConnect: UInt64 = 0
    public var failuresTLS: UInt64 = 0
    /// No connection, or no response head, in time.
    public var failuresTimeout: UInt64 = 0
    /// The endpoint closed or reset before or within its response.
    public var failuresReset: UInt64 = 0
    public var failuresMalformed: UInt64 = 0
    /// Statuses that count as a failure: 502, 503, 504.
    public var failuresStatus: UInt64 = 0
    public var ejections: UInt64 = 0
    /// How many workers leave the endpoint alone at present.
    public var workersEjecting: UInt64 = 0
    public var isHealthy = true
    public var healthChecks: UInt64 = 0
    public var healthChecksFailed: UInt64 = 0
    /// Why the last TLS handshake failed; nil: none did.
    public var lastTLSFailure: String?

    public init(backend: String, endpoint: String) {
        self.backend = backend
        self.endpoint = endpoint
    }
}

/// The endpoints that one worker knows, for those who read its counters.
final class EndpointDirectory: Sendable {
    private let known = Mutex<[EndpointCounters]>([])

    func add(_ counters: EndpointCounters) { known.withLock { $0.append(counters) } }
    func remove(_ counters: EndpointCounters) { known.withLock { $0.removeAll { $0 === counters } } }
    var all: [EndpointCounters] { known.withLock { $0 } }
}
