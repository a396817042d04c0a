import Synchronization

/// Counters of the whole gateway since its start, summed over its workers at one moment.
public struct GatewayStatistics: Sendable, Equatable {
    public var connectionsAccepted: UInt64 = 0
    public var connectionsOpen: UInt64 = 0
    public var handshakesFailed: UInt64 = 0
    /// Closed at once, because their client had as many as it may have.
    public var connectionsRefused: UInt64 = 0
    /// Idle ones that were closed to make room for others.
    public var connectionsEvicted: UInt64 = 0
    /// Sent away, because they flooded us with control frames or resets (GOAWAY ENHANCE_YOUR_CALM).
    public var connectionsAbusive: UInt64 = 0
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
    public var tokenCacheMisses: UInt64 = 0
    public var accessLogLinesDropped: UInt64 = 0

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
        var current: UInt64 { value.load(ordering: .relaxed) }
    }

    private final class Cell: Sendable { let counter = Counter() }

    let connectionsAccepted = Counter()
    let connectionsOpen = Counter()
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
    let tokenCacheMisses = Counter()
    private let outcomes: [Outcome: Cell]
    private let statuses: [Cell]

    init() {
        outcomes = Dictionary(uniqueKeysWithValues: Outcome.allCases.map { ($0, Cell()) })
        statuses = (0..<6).map { _ in Cell() }
    }

    func finished(_ outcome: Outcome, status: UInt16) {
        outcomes[outcome]?.counter.add()
        statuses[min(5, Int(status / 100))].counter.add()
    }

    func add(to total: inout GatewayStatistics) {
        total.connectionsAccepted += connectionsAccepted.current
        total.connectionsOpen += connectionsOpen.current
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
        total.tokenCacheMisses += tokenCacheMisses.current
        for (outcome, cell) in outcomes { total.requests[outcome, default: 0] += cell.counter.current }
        for (index, cell) in statuses.enumerated() { total.responses[index] += cell.counter.current }
    }
}
