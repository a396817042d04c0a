import Routing
import Wire

/// Copies of requests for other backends (Gateway API `HTTPRequestMirrorFilter`).
///
/// A copy is an exchange of its own whose client takes everything and keeps nothing. It is made only of a request whose
/// body is all here and small: what streams would have to be kept for a mirror that is slower; and only while the worker
/// holds less than half of what it may, so that a mirror that hangs takes no memory from real requests. It is not retried,
/// has no line in the access log, and the real request never waits for it nor fails with it.
extension Exchange {
    /// The most that the body of a mirrored request may have.
    static let mirroredBodyBytes = 65_536
    /// When a mirror's answer is given up.
    private static let mirrorNanoseconds: UInt64 = 30_000_000_000

    func mirror(to mirrors: [RequestMirror]) {
        for mirror in mirrors {
            let ticket = worker.random.next() % UInt64(mirror.denominator)
            guard ticket < UInt64(mirror.numerator) else { continue }
            guard let connection = downstream?.connection, requestHasEnded, !isTunnelRequest,
                worker.hasRoomForMirrors, requestBody.count <= Self.mirroredBodyBytes
            else {
                worker.counters.mirrorsSkipped.add()
                continue
            }
            worker.counters.mirrorsSent.add()
            let client = MirrorClient(connection)
            let copy = worker.makeExchange(client)
            client.exchange = copy
            copy.become(copyOf: self)
            copy.beginMirror(to: mirror)
        }
    }

    private func become(copyOf original: Exchange) {
        isMirror = true
        configuration = original.configuration
        rule = original.rule
        requestID.append(contentsOf: original.requestID)
        trace = original.trace
        forwardedClient = original.forwardedClient
        original.request.copy(into: &request)
        original.requestBody.withFront { requestBody.append($0) }
        requestBytes = original.requestBytes
        heldBytes = Self.fixedBytes + request.headers.byteCount
        worker.heldBytes += heldBytes + requestBody.count
        requestHasEnded = true
        requestDeadline = startedAt &+ Self.mirrorNanoseconds
    }

    private func beginMirror(to mirror: RequestMirror) {
        let state = configuration.backends[mirror.backend.index]
        backend = state
        state.requestBegan()
        selectEndpoint()
    }
}

/// The client of a mirrored request: nobody.
final class MirrorClient: Downstream {
    let connection: ClientConnection
    /// Until the exchange is over.
    var exchange: Exchange?

    init(_ connection: ClientConnection) {
        self.connection = connection
    }

    var unsentBytes: Int { 0 }

    func sendContinue() {}
    func sendHead(endStream: Bool) { if endStream { end() } }
    func sendBody(_ bytes: Span<UInt8>) {}
    func sendEnd() { end() }
    func abort() { exchange = nil }
    func endTunnelOutput() {}
    func refuseStream() { exchange = nil }
    func requestBodyConsumed(_ count: Int) {}

    private func end() {
        guard let exchange else { return }
        self.exchange = nil
        exchange.finish(exchange.outcome)
    }
}
