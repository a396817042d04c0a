import Synchronization

/// Counters of the whole gateway since its start, summed over its workers at one moment.
public struct GatewayStatistics: Sendable, Equatable {
    public var connectionsAccepted: UInt64 = 0
    public var connectionsOpen: UInt64 = 0
    /// TLS handshakes that succeeded, and those of them that resumed an earlier session.
    public var handshakes: UInt64 = 0
    public var handshakesResumed: UInt64 = 0
    public var handshakesFailed: UInt64 = 0
    /// Closed at once, because their client had as many as it may have.
    public var connectionsRefused: UInt64 = 0
    /// Idle ones that were closed to make room for others.
    public var connectionsEvicted: UInt64 = 0
    /// Sent away, because they flooded us with control frames or resets (GOAWAY ENHANCE_YOUR_CALM).
    public var connectionsAbusive: UInt64 = 0
    /// Connections that were given up, by why.
    public var connectionsGivenUp: [ConnectionOutcome: UInt64] = [:]
    public var requestsOpen: UInt64 = 0
    /// Finished requests by how they ended.
    public var requests: [Outcome: UInt64] = [:]
    /// Finished requests by the first digit of their status, 1 to 5; 0: the client was gone before there was one.
    public var responses: [UInt64] = Array(repeating: 0, count: 6)
    public var upstreamConnectionsOpened: UInt64 = 0
    public var upstreamConnectionsReused: UInt64 = 0
    public var retries: UInt64 = 0
    /// Failed attempts that were not repeated because the backend's retries had used up their budget.
    public var retriesOverBudget: UInt64 = 0
    public var tokenCacheHits: UInt64 = 0
    /// Copies of requests: begun, over, and left out because their body streamed or was too large.
    public var mirrorsSent: UInt64 = 0
    public var mirrorsEnded: UInt64 = 0
    public var mirrorsSkipped: UInt64 = 0
    public var tokenCacheMisses: UInt64 = 0
    public var accessLogLinesDropped: UInt64 = 0
    /// Of rules and of backends that had a request since the start, also of those that no configuration has any more.
    public var traffic: [TrafficSubject: TrafficStatistics] = [:]
    /// By the listener's name.
    public var listeners: [String: ListenerStatistics] = [:]
    public var loops = LoopStatistics()

    public init() {}
}

/// One worker's counters: written by the worker alone, read by anyone.
final class WorkerCounters: Sendable {
    /// A counter with a single writer: a relaxed load and store, no locked instruction.
    struct Counter: ~Copyable {
        private let value = Atomic<UInt64>(0)
        init() {}
        func add(_ amount: UInt64 = 1) { value.store(value.load(ordering: .relaxed) &+ amount, ordering: .relaxed) }
        func subtract() { value.store(value.load(ordering: .relaxed) &- 1, ordering: .relaxed) }
        func set(_ amount: UInt64) { value.store(amount, ordering: .relaxed) }
        var current: UInt64 { value.load(ordering: .relaxed) }
    }

    /// The most rules and backends that are counted for themselves.
    static let subjectLimit = 1_000

    let connectionsAccepted = Counter()
    let connectionsOpen = Counter()
    let handshakes = Counter()
    let handshakesResumed = Counter()
    let handshakesFailed = Counter()
    let connectionsRefused = Counter()
    let connectionsEvicted = Counter()
    let connectionsAbusive = Counter()
    let requestsOpen = Counter()
    let upstreamConnectionsOpened = Counter()
    let upstreamConnectionsReused = Counter()
    let retries = Counter()
    let retriesOverBudget = Counter()
    let endpoints = EndpointDirectory()
    let tokenCacheHits = Counter()
    let mirrorsSent = Counter()
    let mirrorsEnded = Counter()
    let mirrorsSkipped = Counter()
    let tokenCacheMisses = Counter()
    private let connectionOutcomes = InlineArray<9, Counter> { _ in Counter() }
    private let outcomes = InlineArray<64, Counter> { _ in Counter() }
    private let statuses = InlineArray<6, Counter> { _ in Counter() }
    let loop = LoopCounters()
    private let listeners = Mutex<[String: ListenerCounters]>([:])
    private let traffic = Mutex<[TrafficSubject: TrafficCounters]>([:])

    func finished(_ outcome: Outcome, status: UInt16) {
        outcomes[outcome.index].add()
        statuses[min(5, Int(status / 100))].add()
    }

    func connectionEnded(_ outcome: ConnectionOutcome) { connectionOutcomes[outcome.index].add() }

    /// The counters of a rule or a backend; the same ones for the same name, whatever the configuration. Takes a lock: to
    /// be asked once for each configuration, not for each request.
    func counters(of subject: TrafficSubject) -> TrafficCounters {
        traffic.withLock { known in
            let subject = known[subject] == nil && known.count >= Self.subjectLimit ? .others : subject
            if let found = known[subject] { return found }
            let made = TrafficCounters(subject)
            known[subject] = made
            return made
        }
    }

    /// The counters of a listener; the same ones for the same name. Takes a lock: to be asked when it is opened.
    func counters(ofListener name: String) -> ListenerCounters {
        listeners.withLock { known in
            if let found = known[name] { return found }
            let made = ListenerCounters(name)
            known[name] = made
            return made
        }
    }

    func add(to total: inout GatewayStatistics) {
        total.connectionsAccepted += connectionsAccepted.current
        total.connectionsOpen += connectionsOpen.current
        total.handshakes += handshakes.current
        total.handshakesResumed += handshakesResumed.current
        total.handshakesFailed += handshakesFailed.current
        total.connectionsRefused += connectionsRefused.current
        total.connectionsEvicted += connectionsEvicted.current
        total.connectionsAbusive += connectionsAbusive.current
        total.requestsOpen += requestsOpen.current
        total.upstreamConnectionsOpened += upstreamConnectionsOpened.current
        total.upstreamConnectionsReused += upstreamConnectionsReused.current
        total.retries += retries.current
        total.retriesOverBudget += retriesOverBudget.current
        total.tokenCacheHits += tokenCacheHits.current
        total.mirrorsSent += mirrorsSent.current
        total.mirrorsEnded += mirrorsEnded.current
        total.mirrorsSkipped += mirrorsSkipped.current
        total.tokenCacheMisses += tokenCacheMisses.current
        for outcome in ConnectionOutcome.allCases {
            total.connectionsGivenUp[outcome, default: 0] += connectionOutcomes[outcome.index].current
        }
        for outcome in Outcome.allCases { total.requests[outcome, default: 0] += outcomes[outcome.index].current }
        for index in 0..<6 { total.responses[index] += statuses[index].current }
        for (subject, counters) in traffic.withLock({ $0 }) {
            counters.add(to: &total.traffic[subject, default: TrafficStatistics()])
        }
        for (name, counters) in listeners.withLock({ $0 }) {
            counters.add(to: &total.listeners[name, default: ListenerStatistics()])
        }
        loop.add(to: &total.loops)
    }
}
