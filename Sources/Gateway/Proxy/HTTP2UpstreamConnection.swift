import Reactor
import Routing
import Wire

/// An HTTP/2 connection to an endpoint, shared by many exchanges: in cleartext with prior knowledge (RFC 9113 §3.3), or over
/// TLS (§3.2).
final class HTTP2UpstreamConnection: TransportDelegate, HTTP2SessionDelegate, TimerTarget {
    private static let produceBytes = 65_536
    /// How long a connection that is on its way out may take for what streams that nobody waits for have still to send.
    private static let lastWordsMilliseconds = 1_000

    let worker: Worker
    private let pool: EndpointPool
    private var transport: Transport?
    private var session: HTTP2Session?
    /// Streams that wait for the connection.
    private var connecting: [HTTP2UpstreamStream] = []
    /// Requests for a tunnel that wait for the endpoint's SETTINGS.
    private var awaitingSettings = WaitingLine<Exchange>()
    private var closesWhenDone = false
    /// Requests that were begun on it, and those of them that somebody waits for.
    private var requests = 0
    private var exchanges = 0
    /// Of connecting, and of idling.
    private let idleTimer = DeadlineTimer()
    fileprivate private(set) var isConnected = false
    /// It has answered a request before.
    fileprivate var hasServed = false
    /// What a request meets that was given to it before it was connected, when it never is.
    fileprivate private(set) var connectFailure = UpstreamFailure.connectFailed
    /// The endpoint broke the rules of HTTP/2: what it did not answer is a bad answer.
    fileprivate private(set) var isBroken = false

    init(pool: EndpointPool) throws {
        self.pool = pool
        worker = pool.worker
        idleTimer.attach(self)
        var settings = HTTP2SessionSettings()
        settings.streamWindow = UInt32(clamping: pool.limits.bodyBufferBytes * 2)
        settings.connectionWindow = 8 << 20
        settings.headerBytes = pool.limits.headerBytes
        settings.isSecure = pool.tls != nil
        let session = HTTP2Session(role: .client, settings: settings, delegate: self, buffers: worker.buffers)
        self.session = session
        do {
            transport = try Transport(connectingTo: pool.address, loop: worker.loop, tls: pool.tls, delegate: self)
        } catch {
            session.terminate()
            throw error
        }
        transport?.markDirty()
        worker.loop.schedule(idleTimer, afterMilliseconds: pool.timeouts.connectMilliseconds)
    }

    deinit { idleTimer.cancel() }

    var canTake: Bool {
        guard !closesWhenDone, transport != nil, let session, session.canOpenStream else { return false }
        // A burst on a new connection must not be sent only to be refused.
        return session.hasPeerSettings || session.streamCount < pool.streamLimit
    }

    /// Little is left of the streams that the endpoint takes on it.
    var isNearlyFull: Bool { (session?.streamCount ?? 0) * 5 >= pool.streamLimit * 4 }

    /// Whether the endpoint has told how many streams it takes.
    var isSettled: Bool { session?.hasPeerSettings == true }

    func begin(_ exchange: Exchange) {
        guard let session else { return exchange.upstreamFailed(.connectFailed) }
        if exchange.isTunnelRequest && !isSettled { return awaitSettings(exchange) }
        guard !exchange.isTunnelRequest || session.peerTakesExtendedConnect else {
            return exchange.refuse(.tunnelRefused)
        }
        if isConnected { idleTimer.cancel() }
        let stream = worker.makeUpstreamStream(self)
        let endStream = exchange.requestHasEnded && exchange.requestBody.isEmpty && exchange.requestTrailers.isEmpty
        if endStream { exchange.requestWasSent = true }
        guard session.submitRequest(exchange.request, on: stream, endStream: endStream) else {
            return exchange.upstreamFailed(.connectFailed)
        }
        pool.requestBegan()
        exchanges += 1
        requests += 1
        if requests == pool.settings.maximumRequestsPerConnection { sessionIsGoingAway() }
        if !isConnected { connecting.append(stream) }
        stream.begin(exchange, isConnected: isConnected, endStream: endStream)
    }

    /// Only its SETTINGS tell whether the endpoint takes extended CONNECT. An endpoint that sends none, though they must be
    /// the first it sends (RFC 9113 §3.4), has as long as for the head of a response.
    private func awaitSettings(_ exchange: Exchange) {
        let ticket = awaitingSettings.append(exchange)
        exchange.upstreamAwaitsSettings(AwaitedSettings(self, ticket: ticket))
    }

    fileprivate func forget(ticket: Int) { awaitingSettings.remove(ticket: ticket) }

    private func takeAwaiting(_ take: (Exchange) -> Void) {
        // Those that come meanwhile wait for themselves.
        for _ in 0..<awaitingSettings.count {
            guard let exchange = awaitingSettings.popFirst() else { return }
            exchange.upstream = nil
            take(exchange)
        }
    }

    /// Nobody waits for one of its streams any more. The stream may still be there: an endpoint that opens no window, or
    /// reads nothing, keeps it from its end, and must not keep the connection for ever.
    fileprivate func exchangeEnded() {
        pool.requestEnded()
        exchanges -= 1
        guard session != nil, exchanges == 0, isConnected else { return }
        let isLeaving = closesWhenDone || worker.closesIdle
        let delay = isLeaving ? Self.lastWordsMilliseconds : pool.settings.idleTimeoutMilliseconds
        worker.loop.schedule(idleTimer, afterMilliseconds: delay)
    }

    fileprivate func streamEnded() {
        guard let session else { return }
        if session.streamCount == 0 && isConnected && (closesWhenDone || worker.closesIdle) {
            transport?.closeAfterFlush(lingering: false)
        }
        pool.hasRoom(self)
    }

    fileprivate var hasEnded: Bool { transport == nil }
    fileprivate var bytesReceived: UInt64 { transport?.bytesReceived ?? 0 }

    /// A request was not answered in time. If nothing at all came meanwhile, the endpoint may be gone without a word (a
    /// cable, a firewall), and new requests must not follow the lost one until TCP finds out.
    fileprivate func suspect(silentSince bytes: UInt64) {
        guard isConnected, bytesReceived == bytes else { return }
        sessionIsGoingAway()
    }

    func closeWhenDone() {
        closesWhenDone = true
        if session?.streamCount == 0 {
            transport?.closeAfterFlush(lingering: false)
        } else if exchanges == 0 && isConnected {
            worker.loop.schedule(idleTimer, afterMilliseconds: Self.lastWordsMilliseconds)
        }
    }

    func makeStream() -> HTTP2Stream { HTTP2Stream() }
    func sessionHasOutput() { transport?.markDirty() }

    func sessionReceivedSettings() {
        if let session { pool.streamLimit = max(1, session.peerStreamLimit) }
        takeAwaiting(begin)
        pool.hasRoom(self)
    }

    func sessionIsGoingAway() {
        pool.stopUsing(self)
        closesWhenDone = true
    }

    func timerFired() {
        guard isConnected else {
            connectFailure = .connectTimeout
            transport?.close()
            return
        }
        guard exchanges == 0, let transport else { return }
        // Another timer of this turn may look for a connection.
        sessionIsGoingAway()
        if session?.streamCount == 0 && transport.isWritable {
            transport.closeAfterFlush(lingering: false)
        } else {
            transport.close()
        }
    }

    // MARK: - Transport

    func transportOpened() {
        guard pool.tls == nil || transport?.negotiatedHTTP2 == true else {
            refuseTLS("the endpoint does not offer HTTP/2")
            transport?.close()
            return
        }
        isConnected = true
        idleTimer.cancel()
        transport?.markDirty()
        var streams: [HTTP2UpstreamStream] = []
        swap(&streams, &connecting)
        for stream in streams { stream.connected() }
        // It was opened ahead, or nobody has waited for it.
        if exchanges == 0 {
            worker.loop.schedule(idleTimer, afterMilliseconds: pool.settings.idleTimeoutMilliseconds)
        }
    }

    private func refuseTLS(_ reason: String?) {
        connectFailure = .tlsFailed
        isConnected = false
        pool.tlsFailed(reason)
    }

    func transportReceived(_ bytes: Span<UInt8>) {
        do throws(HTTP2SessionError) {
            try session?.receive(bytes)
        } catch {
            isBroken = true
            transport?.close()
        }
        closeIfFinished()
    }

    /// A session finishes with streams open only when the endpoint broke the protocol.
    private func closeIfFinished() {
        guard let session, session.isFinished else { return }
        if session.streamCount > 0 { isBroken = true }
        transport?.close()
    }

    func transportReceivedEnd() { transport?.close() }

    func transportWillFlush() {
        guard let session, let transport else { return }
        var mayHaveMore = true
        while mayHaveMore && transport.isWritable && transport.isOpen {
            mayHaveMore = worker.withFrames { frames in
                let mayHaveMore = session.produce(into: &frames, limit: Self.produceBytes)
                if !frames.isEmpty { transport.send(frames) }
                return mayHaveMore
            }
        }
        closeIfFinished()
    }

    func transportDrained() { transport?.markDirty() }

    func transportEnded(_ end: TransportEnd) {
        idleTimer.cancel()
        if end == .handshakeFailed { refuseTLS(transport?.tlsFailure) }
        transport = nil
        connecting = []
        takeAwaiting { $0.upstreamFailed(connectFailure) }
        pool.stopUsing(self)
        let ended = session
        session = nil
        ended?.terminate()
        pool.ended(self)
    }
}

/// What a request has in place of a stream while the endpoint's SETTINGS are awaited.
private final class AwaitedSettings: Upstream {
    private let endpoint: HTTP2UpstreamConnection
    private let ticket: Int

    init(_ endpoint: HTTP2UpstreamConnection, ticket: Int) {
        self.endpoint = endpoint
        self.ticket = ticket
    }

    func cancel() { endpoint.forget(ticket: ticket) }
    /// No request goes there any more.
    func suspect() {
        endpoint.sessionIsGoingAway()
        endpoint.closeWhenDone()
    }

    // Nothing is sent or received yet.
    var acceptsBody: Bool { false }
    func sendBody(_ bytes: Span<UInt8>) {}
    func sendEnd() {}
    func discardResponse() { cancel() }
    func pauseResponse() {}
    func resumeResponse() {}
    func endTunnel() { cancel() }
}

/// One exchange's stream on a connection to an endpoint.
final class HTTP2UpstreamStream: HTTP2Stream, Upstream {
    /// Codes of RFC 9113 §7.
    private static let refusedStream: UInt32 = 7
    private static let cancelled: UInt32 = 8
    private static let protocolError: UInt32 = 1
    private static let bodyBufferBytes = 65_536

    private var endpoint: HTTP2UpstreamConnection
    private var exchange: Exchange?
    private var isPaused = false
    private var withheld = 0
    private var headIsIn = false
    /// The request was all in its head, or its end was given to the stream.
    private var endedWithHead = false
    private var hasFinished = false
    /// What the connection had received when the request was given to it.
    private var bytesReceivedBefore: UInt64 = 0

    init(_ endpoint: HTTP2UpstreamConnection) { self.endpoint = endpoint }

    /// A closed stream serves another request.
    func begin(on endpoint: HTTP2UpstreamConnection) {
        recycle()
        self.endpoint = endpoint
        isPaused = false
        withheld = 0
        headIsIn = false
        hasFinished = false
    }

    func begin(_ exchange: Exchange, isConnected: Bool, endStream: Bool) {
        self.exchange = exchange
        endedWithHead = endStream
        bytesReceivedBefore = endpoint.bytesReceived
        exchange.upstreamStarted(self, isConnected: isConnected)
    }

    func connected() { exchange?.upstreamConnected() }

    // MARK: - To the endpoint

    var acceptsBody: Bool { endpoint.isConnected && unsentBytes < Self.bodyBufferBytes }

    func sendBody(_ bytes: Span<UInt8>) { write(bytes) }

    func sendEnd() {
        hasFinished = true
        guard let exchange else { return finish() }
        finish(trailers: &exchange.requestTrailers)
    }

    func cancel() {
        letGo()
        reset(errorCode: Self.cancelled)
    }

    func discardResponse() { cancel() }

    func suspect() { endpoint.suspect(silentSince: bytesReceivedBefore) }

    func endTunnel() {
        letGo()
        finish()
    }

    /// Nobody waits for it any more.
    private func letGo() {
        guard exchange != nil else { return }
        exchange = nil
        endpoint.exchangeEnded()
    }

    func pauseResponse() { isPaused = true }

    func resumeResponse() {
        isPaused = false
        consumed(withheld)
        withheld = 0
    }

    // MARK: - From the endpoint

    override func headReceived(endStream: Bool) {
        headIsIn = true
        endpoint.hasServed = true
        guard let exchange else { return }
        guard !isHeadTooLarge else {
            letGo()
            reset(errorCode: Self.cancelled)
            return exchange.upstreamFailed(.malformed)
        }
        swap(&exchange.response, &response)
        if exchange.isTunnelAwaited && !endStream && (200..<300).contains(exchange.response.status) {
            _ = exchange.receiveTunnel(overHTTP2: true)
            return
        }
        if endStream {
            release()
            exchange.upstream = nil
        }
        exchange.receiveResponseHead(endStream: endStream)
    }

    override func bodyReceived(_ bytes: Span<UInt8>) {
        exchange?.receiveResponseBody(bytes)
        if isPaused && exchange != nil { withheld += bytes.count } else { consumed(bytes.count) }
    }

    override func endReceived() {
        guard let exchange else { return }
        if exchange.isTunnel { return exchange.tunnelResponseEnded() }
        swap(&exchange.responseTrailers, &trailers)
        release()
        exchange.receiveResponseEnd()
    }

    override func bodySent(_ count: Int) { exchange?.upstreamDrained() }

    /// The response is complete. What has not left of the request, its end included, is of no more use (RFC 9113 §8.1);
    /// waiting for a window that may never open would cost the stream.
    private func release() {
        if !endedWithHead && !(hasFinished && hasProducedBody) { reset(errorCode: 0) }
        letGo()
    }

    override func closed(errorCode: UInt32) {
        let exchange = exchange
        letGo()
        endpoint.streamEnded()
        // Before it is connected the connection keeps a list of its streams.
        if endpoint.isConnected { endpoint.worker.recycle(self) }
        guard let exchange else { return }
        if headIsIn {
            exchange.upstreamFailed(.truncated)
        } else if errorCode == Self.refusedStream {
            exchange.upstreamFailed(.refused)
        } else if errorCode == Self.protocolError || endpoint.isBroken {
            exchange.upstreamFailed(.malformed)
        } else {
            // A connection that was reset as a whole may have been on its way out; a single stream was not.
            let wasStale = endpoint.hasEnded && endpoint.hasServed
            exchange.upstreamFailed(endpoint.isConnected ? .closed(wasReused: wasStale) : endpoint.connectFailure)
        }
    }
}
