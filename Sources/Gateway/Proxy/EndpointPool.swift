import Policy
import Reactor
import Routing
import Synchronization
import Wire

/// One worker's connections to one endpoint, and what the worker thinks of it.
///
/// HTTP/1.1: idle connections are used last in, first out, so that the rest can age; when all are busy the next one is
/// opened ahead (`EarlyConnection`); above the limit requests wait in order, each with a deadline. HTTP/2: streams share a
/// connection; another is opened when one is nearly full.
final class EndpointPool {
    let worker: Worker
    let endpoint: Endpoint
    let address: SocketAddress
    let backendName: String
    let endpointText: [UInt8]
    /// What the access log says of the endpoint.
    let logText: [UInt8]
    private let backendCounters: TrafficCounters
    /// What cookies of session persistence stand for: the backend and the endpoint.
    let sessionText: [UInt8]
    /// For consistent hashing: the same in every worker and gateway.
    let nameHash: UInt64
    let counters: EndpointCounters
    /// Nil: cleartext.
    let tls: TLSClientSessions?
    let wireProtocol: Backend.WireProtocol
    private let tlsSettings: BackendTLS?
    /// Nil once the pool is retired.
    private var state: BackendState?
    private(set) var settings = PoolSettings()
    private(set) var timeouts = UpstreamTimeouts()

    private var idle: [HTTP1UpstreamConnection] = []
    /// HTTP/1.1: being opened for no request yet; the next one that finds none idle gets it.
    private var ahead: HTTP1UpstreamConnection?
    /// HTTP/1.1: connections that are being opened.
    private var opening = 0
    private var multiplexed: [HTTP2UpstreamConnection] = []
    private var open = 0
    private var waiting = WaitingLine<Exchange>()
    private var requestsUnderWay = 0
    /// HTTP/2: the streams that the endpoint takes on a connection, as it said last. Before it said anything, the least
    /// that RFC 9113 §6.5.2 recommends.
    var streamLimit = 100

    private var detector = OutlierDetector()
    private var health = HealthState()
    private var healthCheck: HealthCheck?
    var slowStart: SlowStart?

    init(state: BackendState, worker: Worker, backend: Backend, endpoint: Endpoint, tls: TLSClientContext?)
        throws(ReactorError)
    {
        self.state = state
        self.worker = worker
        self.endpoint = endpoint
        address = try SocketAddress(numeric: endpoint.address, port: endpoint.port)
        backendName = backend.name
        wireProtocol = backend.wireProtocol
        tlsSettings = backend.tls
        self.tls = tls.map { TLSClientSessions(context: $0) }
        let host = address.isIPv6 ? "[\(endpoint.address)]" : endpoint.address
        let text = Array("\(host):\(endpoint.port)".utf8)
        endpointText = text
        sessionText = Array(backend.name.utf8) + [UInt8(ascii: " ")] + text
        nameHash = ConsistentHash.hash(text.span)
        let version = backend.wireProtocol == .h2c ? "2" : "1.1"
        logText = Array(
            ",\"backend\":\"\(backend.name)\",\"endpoint\":\"\(host):\(endpoint.port)\",\"upstream_http\":\"\(version)\""
                .utf8)
        backendCounters = worker.counters.counters(of: .backend(backend.name))
        counters = EndpointCounters(backend: backend.name, endpoint: "\(host):\(endpoint.port)")
    }

    /// Whether the pool's connections are what `backend` asks for.
    func fits(_ backend: Backend) -> Bool { wireProtocol == backend.wireProtocol && tlsSettings == backend.tls }

    func apply(_ traffic: TrafficSettings) {
        settings = traffic.pool
        timeouts = traffic.timeouts
        if traffic.healthCheck == nil && health.set(true) { counters.isUnhealthy.subtract() }
        guard worker.checksHealth, healthCheck?.settings != traffic.healthCheck else { return }
        healthCheck?.stop()
        healthCheck = traffic.healthCheck.map { HealthCheck($0, pool: self) }
    }

    /// Requests share connections, each a stream (HTTP/2).
    var isMultiplexed: Bool { wireProtocol == .h2c }

    var limits: Limits { worker.configuration.snapshot.limits }

    /// How busy the endpoint is with this worker's requests.
    var load: Int { requestsUnderWay + waiting.count }

    // MARK: - Giving out

    /// Gives `exchange` an upstream, now or when one is free; or fails it.
    func take(_ exchange: Exchange) {
        switch wireProtocol {
        case .http1: takeHTTP1(exchange)
        case .h2c: takeMultiplexed(exchange)
        }
    }

    /// The exchange does not wait any more.
    func forget(_ exchange: Exchange) {
        guard let ticket = exchange.ticket.take() else { return }
        waiting.remove(ticket: ticket)
        counters.requestsPending.subtract()
    }

    private func takeHTTP1(_ exchange: Exchange) {
        while let connection = idle.popLast() {
            counters.connectionsIdle.subtract()
            guard connection.isUsable else { continue }
            reused()
            connection.begin(exchange)
            return openAheadIfWanted()
        }
        if let connection = ahead.take() { return connection.begin(exchange) }
        guard open < settings.maximumConnections else { return wait(exchange) }
        do throws(ReactorError) {
            try openHTTP1().begin(exchange)
        } catch {
            exchange.upstreamFailed(error.isOurs ? .noResources : .connectFailed)
        }
    }

    private func openHTTP1() throws(ReactorError) -> HTTP1UpstreamConnection {
        let connection = try HTTP1UpstreamConnection(pool: self)
        opening += 1
        opened()
        return connection
    }

    /// Only once a connection has shown that the endpoint takes some.
    private func openAheadIfWanted() {
        guard state != nil, !worker.closesIdle,
            EarlyConnection.isWanted(
                requests: requestsUnderWay, idle: idle.count, opening: opening, open: open,
                maximum: settings.maximumConnections)
        else { return }
        // Not needed yet: whoever needs it will see what is wrong.
        ahead = try? openHTTP1()
    }

    private func takeMultiplexed(_ exchange: Exchange) {
        // What an endpoint has refused once goes where its limit of streams is known, or it is refused again.
        let mustBeSettled = exchange.attempts > 1
        for connection in multiplexed where connection.canTake && (connection.isSettled || !mustBeSettled) {
            reused()
            connection.begin(exchange)
            if connection.isNearlyFull { openAhead() }
            return
        }
        let isOneComing = mustBeSettled && multiplexed.contains { $0.canTake }
        guard multiplexed.count < settings.maximumMultiplexedConnections, !isOneComing else { return wait(exchange) }
        do {
            try openMultiplexed().begin(exchange)
        } catch {
            let isOurs = (error as? ReactorError)?.isOurs ?? true
            exchange.upstreamFailed(isOurs ? .noResources : .connectFailed)
        }
    }

    /// The next connection is open by the time it is needed.
    private func openAhead() {
        guard multiplexed.count < settings.maximumMultiplexedConnections,
            multiplexed.allSatisfy({ $0.isSettled && $0.isNearlyFull })
        else { return }
        // Not needed yet: whoever needs it will see what is wrong.
        _ = try? openMultiplexed()
    }

    private func openMultiplexed() throws -> HTTP2UpstreamConnection {
        let connection = try HTTP2UpstreamConnection(pool: self)
        multiplexed.append(connection)
        opened()
        return connection
    }

    private func opened() {
        open += 1
        counters.connectionsOpened.add()
        counters.connectionsOpen.add()
        worker.counters.upstreamConnectionsOpened.add()
    }

    private func reused() {
        counters.connectionsReused.add()
        worker.counters.upstreamConnectionsReused.add()
    }

    private func wait(_ exchange: Exchange) {
        let maximum = settings.maximumPendingRequests
        // Places of those that gave up stay in the line until it moves.
        guard waiting.count < maximum, waiting.length < 8 * maximum else {
            counters.pendingRejected.add()
            return exchange.refuse(.poolExhausted)
        }
        exchange.ticket = waiting.append(exchange)
        counters.requestsPending.add()
        exchange.upstreamIsAwaited()
    }

    // MARK: - From the connections

    func requestBegan() {
        requestsUnderWay += 1
        counters.requests.add()
        counters.requestsActive.add()
    }

    func finished(_ outcome: Outcome, status: UInt16, microseconds: UInt64) {
        backendCounters.finished(outcome, status: status, microseconds: microseconds)
    }

    func requestEnded() {
        requestsUnderWay -= 1
        counters.requestsActive.subtract()
    }

    /// A connection is open now.
    ///
    /// - Parameter isBusy: it has a request.
    func connected(_ connection: HTTP1UpstreamConnection, isBusy: Bool) {
        opening -= 1
        if ahead === connection { ahead = nil }
        if isBusy { openAheadIfWanted() }
    }

    /// A connection's exchange is over, or it was opened ahead, and it can serve another.
    func isFree(_ connection: HTTP1UpstreamConnection) {
        if let next = nextWaiting() {
            reused()
            connection.begin(next)
        } else if state == nil || worker.closesIdle {
            connection.close()
        } else {
            idle.append(connection)
            counters.connectionsIdle.add()
        }
    }

    func hasRoom(_ connection: HTTP2UpstreamConnection) {
        while connection.canTake, let next = nextWaiting() { connection.begin(next) }
    }

    /// - Parameter wasConnected: it had been open.
    func ended(_ connection: HTTP1UpstreamConnection, wasConnected: Bool) {
        closed()
        if !wasConnected { opening -= 1 }
        if ahead === connection { ahead = nil }
        if let index = idle.firstIndex(where: { $0 === connection }) {
            idle.remove(at: index)
            counters.connectionsIdle.subtract()
        }
        serveWaiting()
    }

    func ended(_ connection: HTTP2UpstreamConnection) {
        closed()
        stopUsing(connection)
        serveWaiting()
    }

    private func closed() {
        open -= 1
        counters.connectionsOpen.subtract()
    }

    /// No new stream goes to this connection.
    func stopUsing(_ connection: HTTP2UpstreamConnection) {
        if let index = multiplexed.firstIndex(where: { $0 === connection }) { multiplexed.remove(at: index) }
    }

    private func nextWaiting() -> Exchange? {
        guard let exchange = waiting.popFirst() else { return nil }
        exchange.ticket = nil
        counters.requestsPending.subtract()
        return exchange
    }

    private func serveWaiting() {
        if let next = nextWaiting() { take(next) }
    }

    /// Another endpoint is to be used: whoever waits for this one goes there.
    func sendAwayWaiting() {
        for _ in 0..<waiting.count {
            guard let exchange = nextWaiting() else { return }
            exchange.goElsewhere()
        }
    }

    /// The configuration does not name this endpoint any more: what is idle closes now, the rest when it is done.
    func retire() {
        state = nil
        healthCheck?.stop()
        healthCheck = nil
        for connection in idle {
            counters.connectionsIdle.subtract()
            connection.close()
        }
        idle = []
        ahead.take()?.close()
        for connection in multiplexed { connection.closeWhenDone() }
    }
}

extension ReactorError {
    /// No descriptor, no port, no memory: it says nothing about the endpoint.
    fileprivate var isOurs: Bool {
        guard case .system(_, let code) = self else { return true }
        return !Self.endpointErrors.contains(code)
    }

    /// ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT, EHOSTDOWN, ENETDOWN, ECONNRESET on Linux: what connect(2) says of
    /// the other side.
    private static let endpointErrors: [Int32] = [111, 113, 101, 110, 112, 100, 104]
}

// MARK: - What the worker thinks of the endpoint

extension EndpointPool {
    var isHealthy: Bool { health.isHealthy }
    var ejectedUntil: UInt64? { detector.ejectedUntil }
    var isEjected: Bool { detector.ejectedUntil != nil }
    var isAvailable: Bool { health.isHealthy && detector.ejectedUntil == nil }

    /// A response head came. 502, 503 and 504 are what a gateway or an overloaded service says of itself.
    func answered(_ status: UInt16) {
        guard let state else { return }
        guard (502...504).contains(status) else {
            return detector.succeeded(at: worker.loop.now, state.outlierSettings)
        }
        counters.failuresStatus.add()
        failed(state)
    }

    func failed(_ failure: UpstreamFailure) {
        switch failure {
        case .connectFailed: counters.failuresConnect.add()
        case .tlsFailed: counters.failuresTLS.add()
        case .connectTimeout, .timedOut, .attemptTimedOut: counters.failuresTimeout.add()
        case .malformed: counters.failuresMalformed.add()
        case .truncated, .closed: counters.failuresReset.add()
        case .refused, .noResources: return
        }
        // An idle connection that is closed is housekeeping.
        if case .closed(wasReused: true) = failure { return }
        if let state { failed(state) }
    }

    private func failed(_ state: BackendState) {
        if detector.failed(at: worker.loop.now, state.outlierSettings) { state.wantsEjection(self) }
    }

    /// The endpoint was asked for its health: what this worker has found, the others are told. What is bad is said again
    /// and again, for those that came to know the endpoint later.
    func checked(good: Bool, _ settings: HealthCheckSettings) {
        counters.healthChecks.add()
        if !good { counters.healthChecksFailed.add() }
        let changed = health.record(
            good: good, healthyThreshold: settings.healthyThreshold, unhealthyThreshold: settings.unhealthyThreshold)
        if changed { healthChanged() }
        if changed || !health.isHealthy {
            worker.tellOthers(.health(backend: backendName, endpoint: endpoint, isHealthy: health.isHealthy))
        }
    }

    /// Another worker has asked.
    func learned(isHealthy: Bool) {
        if health.set(isHealthy) { healthChanged() }
    }

    private func healthChanged() {
        if health.isHealthy { counters.isUnhealthy.subtract() } else { counters.isUnhealthy.add() }
        state?.healthChanged(self)
    }

    /// Counted apart from `failed`: nobody may wait for the connection any more.
    func tlsFailed(_ reason: String?) {
        counters.lastTLSFailure.withLock { $0 = reason ?? "unknown reason" }
    }

    func eject(_ settings: OutlierDetector.Settings) {
        _ = detector.eject(at: worker.loop.now, settings)
        counters.ejections.add()
        counters.isEjected.add()
    }

    func readmit(_ settings: OutlierDetector.Settings) {
        detector.readmit(at: worker.loop.now, settings)
        counters.isEjected.subtract()
    }
}
