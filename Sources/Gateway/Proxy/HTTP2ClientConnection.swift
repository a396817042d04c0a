import Reactor
import Wire

/// A client that speaks HTTP/2 (RFC 9113): each stream is an exchange.
final class HTTP2ClientConnection: ClientConnection, HTTP2SessionDelegate {
    private static let produceBytes = 65_536
    /// What a client may still send on a stream that was answered early, until the stream is reset.
    fileprivate static let earlyBytes = 16_384
    private static let earlyNanoseconds: UInt64 = 1_000_000_000

    private var session: HTTP2Session?
    /// Streams whose response ended before their request. They are reset (RFC 9113 §8.1) when the client goes on sending
    /// for a while, and not at once: most clients end them by themselves, and until then what they do wrong is answered
    /// with its own error.
    private var early: [HTTP2Downstream] = []
    fileprivate var exchangesUnderWay = 0
    private var abuse = AbuseMeter()
    /// There may be streams in `early`.
    private var watchesEarly = false
    /// Bytes of bodies that were queued since the last flush.
    private var queuedBytes = 0

    override var isWatched: Bool { watchesEarly }
    override var isBusy: Bool { exchangesUnderWay > 0 }
    override var isReadingHead: Bool { (session?.streamCount ?? 0) > 0 }

    func start() {
        let limits = worker.configuration.snapshot.limits
        var settings = HTTP2SessionSettings()
        settings.concurrentStreams = limits.concurrentStreams
        settings.streamWindow = UInt32(clamping: limits.bodyBufferBytes)
        settings.headerBytes = limits.headerBytes
        settings.headerFields = limits.headerFields
        session = HTTP2Session(role: .server, settings: settings, delegate: self, buffers: worker.buffers)
        transport.markDirty()
    }

    // MARK: - From the client

    override func transportReceived(_ bytes: Span<UInt8>) {
        guard let session else { return }
        do throws(HTTP2SessionError) {
            try session.receive(bytes)
        } catch {
            guard error.isFlood else { return transport.close() }
            worker.counters.connectionsAbusive.add()
            return giveUp(.abusive)
        }
        if abuse.isExceeded(by: session, now: worker.loop.now) { calmDown(session) }
        if session.isFinished { transport.markDirty() }
    }

    /// GOAWAY with ENHANCE_YOUR_CALM (RFC 9113 §10.5); then the connection ends, and its requests with it.
    private func calmDown(_ session: HTTP2Session) {
        worker.counters.connectionsAbusive.add()
        recordEnd(.abusive)
        session.goAway(errorCode: 11)
        transport.markDirty()
    }

    override func transportReceivedEnd() { transport.close() }

    override func transportEnded(_ end: TransportEnd) {
        session?.terminate()
        session = nil
        early = []
        super.transportEnded(end)
    }

    func makeStream() -> HTTP2Stream {
        // The time of its head counts from here, not from when the connection fell idle.
        if !isBusy { beginWaiting(isHeadComing: true) }
        return worker.makeDownstream(self)
    }

    func sessionHasOutput() { transport.markDirty() }
    func sessionIsGoingAway() {}

    // MARK: - To the client

    override func transportWillFlush() {
        queuedBytes = 0
        guard let session else { return }
        produce(session)
        if !early.isEmpty {
            resetEarlyStreams()
            produce(session)
        }
        // Callbacks of streams may have us reset others, and the client may send nothing more that would have us look.
        if abuse.isExceeded(by: session, now: worker.loop.now) {
            calmDown(session)
            produce(session)
        }
        if session.isFinished && transport.isWritable {
            transport.closeAfterFlush(lingering: !worker.isDraining)
        }
    }

    /// Much of a large response gathers in a turn: it leaves piece by piece.
    fileprivate func bodyQueued(_ count: Int) {
        queuedBytes += count
        if queuedBytes >= Self.produceBytes { transport.flushSoon() }
    }

    private func produce(_ session: HTTP2Session) {
        var mayHaveMore = true
        while mayHaveMore && transport.isWritable && transport.isOpen {
            mayHaveMore = worker.withFrames { frames in
                let mayHaveMore = session.produce(into: &frames, limit: Self.produceBytes)
                if !frames.isEmpty { transport.send(frames) }
                return mayHaveMore
            }
        }
    }

    fileprivate func resetWhenSent(_ stream: HTTP2Downstream) {
        early.append(stream)
        watchesEarly = true
    }

    fileprivate func forgetEarly(_ stream: HTTP2Downstream) {
        if !early.isEmpty { early.removeAll { $0 === stream } }
    }

    private func resetEarlyStreams() {
        let now = worker.loop.now
        early.removeAll { stream in
            guard stream.hasProducedBody else { return false }
            stream.finishEarly()
            let isOver = now &- stream.earlySince > Self.earlyNanoseconds || worker.isDraining
            guard isOver || stream.discardedBytes > Self.earlyBytes else { return false }
            stream.reset(errorCode: 0)
            return true
        }
        watchesEarly = !early.isEmpty
    }

    override func timerFired() {
        super.timerFired()
        if !early.isEmpty { transport.markDirty() }
    }

    override func transportDrained() { transport.markDirty() }

    override func announceDrain() { session?.announceDrain() }

    override func drain() {
        guard let session else { return transport.close() }
        session.drain()
    }
}

/// One stream of a client, as an exchange sees it.
final class HTTP2Downstream: HTTP2Stream, Downstream {
    /// Codes of RFC 9113 §7.
    private static let internalError: UInt32 = 2
    private static let refusedStream: UInt32 = 7

    private var client: HTTP2ClientConnection
    private var exchange: Exchange?
    /// When the response ended before the request, in monotonic nanoseconds; 0: it did not.
    fileprivate private(set) var earlySince: UInt64 = 0
    /// Bytes of the body that came after that.
    fileprivate private(set) var discardedBytes = 0

    var connection: ClientConnection { client }

    init(_ client: HTTP2ClientConnection) { self.client = client }

    /// A closed stream serves another client.
    func begin(on client: HTTP2ClientConnection) {
        recycle()
        self.client = client
        earlySince = 0
        discardedBytes = 0
    }

    // MARK: - From the client

    override func headReceived(endStream: Bool) {
        let exchange = client.worker.makeExchange(self)
        self.exchange = exchange
        if !client.isBusy { client.beginWork() }
        client.exchangesUnderWay += 1
        swap(&exchange.request, &request)
        exchange.requestHasEnded = endStream
        if isHeadTooLarge { return exchange.beginRefused(.headTooLarge) }
        if isHeadMalformed { return exchange.beginRefused(.malformedRequest()) }
        if hasUnknownExpectation { return exchange.beginRefused(.malformedRequest(status: 417)) }
        if exchange.request.methodIs("CONNECT") {
            guard exchange.request.withProtocol({ !$0.isEmpty }), !endStream else {
                return exchange.beginRefused(.malformedRequest(status: 501))
            }
            // For routes, conditions and logs it is what it is in HTTP/1.1.
            exchange.request.setMethod("GET")
            exchange.request.framing = .none
            exchange.tunnelRequest = .extendedConnect
        }
        exchange.begin()
    }

    override func bodyReceived(_ bytes: Span<UInt8>) {
        if earlySince > 0 {
            discardedBytes += bytes.count
            if discardedBytes > HTTP2ClientConnection.earlyBytes { client.transport.markDirty() }
        }
        guard let exchange else { return consumed(bytes.count) }
        exchange.receiveRequestBody(bytes)
    }

    override func endReceived() {
        guard let exchange else { return }
        swap(&exchange.requestTrailers, &trailers)
        exchange.receiveRequestEnd()
    }

    override func bodySent(_ count: Int) {
        client.worker.heldBytes -= count
        exchange?.downstreamDrained()
    }

    override func closed(errorCode: UInt32) {
        client.forgetEarly(self)
        client.worker.heldBytes -= droppedBytes
        client.worker.recycle(self)
        guard let exchange else { return }
        release()
        if exchange.responseHasEnded && errorCode == 0 {
            exchange.finish(exchange.outcome)
        } else {
            exchange.clientGone()
        }
    }

    private func release() {
        exchange = nil
        client.exchangesUnderWay -= 1
        client.hasServed = true
        if client.exchangesUnderWay == 0 { client.beginWaiting() }
    }

    // MARK: - To the client

    func sendContinue() { session?.submitInformational(100, on: self) }

    func sendHead(endStream: Bool) {
        guard let exchange else { return }
        session?.submitResponse(exchange.response, on: self, endStream: endStream)
        if endStream { endEarlyIfNeeded(exchange) }
    }

    func sendBody(_ bytes: Span<UInt8>) {
        guard session != nil else { return }
        client.worker.heldBytes += bytes.count
        write(bytes)
        client.bodyQueued(bytes.count)
    }

    func sendEnd() {
        guard let exchange else { return }
        finish(trailers: &exchange.responseTrailers)
        endEarlyIfNeeded(exchange)
    }

    private func endEarlyIfNeeded(_ exchange: Exchange) {
        guard !exchange.requestHasEnded else { return }
        earlySince = client.worker.loop.now
        client.resetWhenSent(self)
    }

    /// The response has left; what the client does with the rest of its request is of no interest to the exchange.
    fileprivate func finishEarly() {
        guard let exchange else { return }
        release()
        exchange.finish(exchange.outcome)
    }

    func abort() {
        if exchange != nil { release() }
        reset(errorCode: Self.internalError)
    }

    func endTunnelOutput() { finish() }

    func refuseStream() {
        if exchange != nil { release() }
        reset(errorCode: Self.refusedStream)
    }

    func requestBodyConsumed(_ count: Int) { consumed(count) }
}
