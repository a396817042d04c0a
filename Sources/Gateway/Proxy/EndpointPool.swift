import Reactor
import Routing
import Wire

/// One worker's connections to one endpoint.
///
/// HTTP/1.1: idle connections are used last in, first out, so that the rest can age; above the limit requests wait in
/// order, each with the deadline of its exchange. h2c: streams share a connection; another is opened when the endpoint
/// allows no more streams.
final class EndpointPool {
    private static let multiplexedConnections = 8

    let worker: Worker
    let address: SocketAddress
    let backendName: String
    let endpointText: [UInt8]
    private let wireProtocol: Backend.WireProtocol
    private var idle: [HTTP1UpstreamConnection] = []
    private var multiplexed: [HTTP2UpstreamConnection] = []
    private var open = 0
    private var waiting: [Exchange] = []
    private var isRetired = false

    /// Requests that were given to a connection and have no complete answer.
    var requestsUnderWay = 0
    /// h2c: the streams that the endpoint takes on a connection, as it said last. Before it said anything, the least that
    /// RFC 9113 §6.5.2 recommends.
    var streamLimit = 100

    init(worker: Worker, backend: Backend, endpoint: Endpoint) throws(ReactorError) {
        self.worker = worker
        address = try SocketAddress(numeric: endpoint.address, port: endpoint.port)
        backendName = backend.name
        wireProtocol = backend.wireProtocol
        let host = address.isIPv6 ? "[\(endpoint.address)]" : endpoint.address
        endpointText = Array("\(host):\(endpoint.port)".utf8)
    }

    var limits: Limits { worker.configuration.snapshot.limits }

    /// Gives `exchange` an upstream, now or when one is free; or fails it.
    func take(_ exchange: Exchange) {
        switch wireProtocol {
        case .http1: takeHTTP1(exchange)
        case .h2c: takeMultiplexed(exchange)
        }
    }

    /// The exchange does not wait any more.
    func forget(_ exchange: Exchange) {
        if let index = waiting.firstIndex(where: { $0 === exchange }) { waiting.remove(at: index) }
    }

    private func takeHTTP1(_ exchange: Exchange) {
        while let connection = idle.popLast() {
            guard connection.isUsable else { continue }
            worker.counters.upstreamConnectionsReused.add()
            return connection.begin(exchange)
        }
        guard open < limits.connectionsPerEndpoint else { return wait(exchange) }
        do throws(ReactorError) {
            let connection = try HTTP1UpstreamConnection(pool: self)
            opened()
            connection.begin(exchange)
        } catch {
            exchange.upstreamFailed(.connectFailed)
        }
    }

    private func takeMultiplexed(_ exchange: Exchange) {
        // What an endpoint has refused once goes where its limit of streams is known, or it is refused again.
        let mustBeSettled = exchange.attempts > 1
        for connection in multiplexed where connection.canTake && (connection.isSettled || !mustBeSettled) {
            worker.counters.upstreamConnectionsReused.add()
            return connection.begin(exchange)
        }
        let isOneComing = mustBeSettled && multiplexed.contains { $0.canTake }
        guard multiplexed.count < Self.multiplexedConnections, !isOneComing else { return wait(exchange) }
        do {
            let connection = try HTTP2UpstreamConnection(pool: self)
            multiplexed.append(connection)
            opened()
            connection.begin(exchange)
        } catch {
            exchange.upstreamFailed(.connectFailed)
        }
    }

    private func opened() {
        open += 1
        worker.counters.upstreamConnectionsOpened.add()
    }

    private func wait(_ exchange: Exchange) {
        guard waiting.count < limits.pendingRequestsPerEndpoint else { return exchange.refuse(.poolExhausted) }
        waiting.append(exchange)
    }

    // MARK: - From the connections

    /// A connection's exchange is over and the connection can serve another.
    func isFree(_ connection: HTTP1UpstreamConnection) {
        if let next = nextWaiting() {
            connection.begin(next)
        } else if isRetired || worker.isDraining {
            connection.close()
        } else {
            idle.append(connection)
        }
    }

    func hasRoom(_ connection: HTTP2UpstreamConnection) {
        while connection.canTake, let next = nextWaiting() { connection.begin(next) }
    }

    func ended(_ connection: HTTP1UpstreamConnection) {
        open -= 1
        if let index = idle.firstIndex(where: { $0 === connection }) { idle.remove(at: index) }
        serveWaiting()
    }

    func ended(_ connection: HTTP2UpstreamConnection) {
        open -= 1
        stopUsing(connection)
        serveWaiting()
    }

    /// No new stream goes to this connection.
    func stopUsing(_ connection: HTTP2UpstreamConnection) {
        if let index = multiplexed.firstIndex(where: { $0 === connection }) { multiplexed.remove(at: index) }
    }

    private func nextWaiting() -> Exchange? { waiting.isEmpty ? nil : waiting.removeFirst() }

    private func serveWaiting() {
        if let next = nextWaiting() { take(next) }
    }

    /// The configuration does not name this endpoint any more: what is idle closes now, the rest when it is done.
    func retire() {
        isRetired = true
        for connection in idle { connection.close() }
        idle = []
        for connection in multiplexed { connection.closeWhenDone() }
    }
}
