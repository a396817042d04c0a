import Reactor
import Routing
import Wire

/// A keep-alive connection to an endpoint (RFC 9112), which serves one exchange at a time.
final class HTTP1UpstreamConnection: TransportDelegate, TimerTarget, Upstream {
    private static let bodyBufferBytes = 131_072
    /// What is read of an unwanted answer to keep its connection, and how long that may take.
    private static let discardBytes: UInt64 = 16_384
    private static let discardMilliseconds = 1_000

    private let worker: Worker
    private let pool: EndpointPool
    private var transport: Transport?
    private var exchange: Exchange?
    private var parser = HTTP1ResponseParser(requestMethodIsHEAD: false)
    private var decoder: HTTP1BodyDecoder?
    private var trailers = HeaderBlock()
    private var input = ByteQueue()
    private var isConnected = false
    private var hasConnectTimedOut = false
    /// Requests that were begun on it.
    private var requests = 0
    /// The rest of an answer that nobody wants is being read.
    private var isDiscarding = false
    private var sawResponseBytes = false
    private var keepsAlive = true
    private var isChunked = false
    /// Of whatever it does without an exchange, and of connecting.
    private let timer = DeadlineTimer()

    init(pool: EndpointPool) throws(ReactorError) {
        self.pool = pool
        worker = pool.worker
        timer.attach(self)
        transport = try Transport(connectingTo: pool.address, loop: worker.loop, tls: pool.tls, delegate: self)
        worker.loop.schedule(timer, afterMilliseconds: pool.timeouts.connectMilliseconds)
    }

    deinit { timer.cancel() }

    var isUsable: Bool { transport?.isOpen == true && exchange == nil && !isDiscarding }
    /// It waited for a request before this one, and may have been closed meanwhile.
    private var hasIdled: Bool { requests > 1 || wasOpenedAhead }
    private var wasOpenedAhead = false

    // MARK: - An exchange

    func begin(_ exchange: Exchange) {
        if isConnected { timer.cancel() }
        let wasWritten = transport?.write { output in
            // Whatever it is, it is the client's.
            (try? HTTP1Encoder.requestHead(exchange.request, into: &output)) != nil
        }
        guard wasWritten != false else {
            exchange.refuse(.malformedRequest())
            return isConnected ? becomeFree() : close()
        }
        self.exchange = exchange
        pool.requestBegan()
        requests += 1
        sawResponseBytes = false
        keepsAlive =
            pool.settings.maximumRequestsPerConnection == 0
            || requests < pool.settings.maximumRequestsPerConnection
        isChunked = exchange.request.framing == .chunked
        parser.reset(requestMethodIsHEAD: exchange.request.methodIs("HEAD"))
        decoder = nil
        exchange.upstreamStarted(self, isConnected: isConnected)
    }

    var acceptsBody: Bool {
        guard let transport, isConnected else { return false }
        return transport.isWritable && transport.unsentBytes < Self.bodyBufferBytes
    }

    func sendBody(_ bytes: Span<UInt8>) {
        guard isChunked else {
            transport?.write(bytes)
            return
        }
        _ = transport?.write { output in
            HTTP1Encoder.chunk(bytes, into: &output)
            return true
        }
    }

    func sendEnd() {
        if exchange?.isTunnel == true {
            transport?.endOutput()
            return
        }
        guard isChunked, let exchange else { return }
        worker.scratch.removeAll(keepingCapacity: true)
        do throws(EncodingError) {
            try HTTP1Encoder.lastChunk(trailers: exchange.requestTrailers, into: &worker.scratch)
        } catch {
            // A field that cannot be written as HTTP/1.1 is left out, and with it the trailers: they are optional (§7.1.2).
            HTTP1Encoder.lastChunk(into: &worker.scratch)
        }
        transport?.write(worker.scratch)
    }

    func cancel() {
        keepsAlive = false
        detach()
        transport?.close()
    }

    /// It is closed anyway.
    func suspect() {}

    func discardResponse() {
        guard decoder == nil, case .length(let length) = exchange?.response.framing, length <= Self.discardBytes,
            exchange?.requestWasSent == true, keepsAlive
        else { return cancel() }
        decoder = HTTP1BodyDecoder(framing: .length(length))
        isDiscarding = true
        detach()
        worker.loop.schedule(timer, afterMilliseconds: Self.discardMilliseconds)
    }

    func endTunnel() {
        detach()
        decoder = nil
        transport?.closeAfterFlush(lingering: false)
        // An endpoint that does not read would keep it for ever.
        worker.loop.schedule(timer, afterMilliseconds: pool.timeouts.streamIdleMilliseconds)
    }

    func pauseResponse() { transport?.pauseReading() }
    func resumeResponse() { transport?.resumeReading() }

    func close() { transport?.close() }

    private func detach() {
        guard exchange != nil else { return }
        exchange = nil
        pool.requestEnded()
    }

    // MARK: - From the endpoint

    func transportOpened() {
        isConnected = true
        timer.cancel()
        let exchange = exchange
        pool.connected(self, isBusy: exchange != nil)
        if let exchange { return exchange.upstreamConnected() }
        wasOpenedAhead = true
        becomeFree()
    }

    func transportReceived(_ bytes: Span<UInt8>) {
        // An endpoint that speaks unasked is not to be trusted with the next request.
        guard exchange != nil || isDiscarding else { return close() }
        sawResponseBytes = true
        if input.isEmpty {
            let consumed = consume(bytes)
            if consumed < bytes.count { input.append(bytes.extracting(consumed..<bytes.count)) }
        } else {
            input.append(bytes)
            var taken = ByteQueue()
            swap(&taken, &input)
            let consumed = taken.withFront { consume($0) }
            taken.removeFirst(consumed)
            swap(&taken, &input)
        }
        if !input.isEmpty && exchange == nil && !isDiscarding { close() }
    }

    private func consume(_ bytes: Span<UInt8>) -> Int {
        var offset = 0
        do throws(HTTP1Error) {
            while offset < bytes.count, exchange != nil || isDiscarding {
                let rest = bytes.extracting(offset..<bytes.count)
                let consumed = try decoder == nil ? consumeHead(rest) : consumeBody(rest)
                guard consumed > 0 else { break }
                offset += consumed
            }
        } catch {
            isDiscarding = false
            keepsAlive = false
            fail(sawHead: decoder != nil, .malformed)
        }
        guard !isDiscarding else { return offset }
        let left = bytes.count - offset
        if exchange == nil && keepsAlive && left == 0 { becomeFree() } else if exchange == nil { close() }
        return offset
    }

    private func consumeHead(_ bytes: Span<UInt8>) throws(HTTP1Error) -> Int {
        guard let exchange else { return 0 }
        guard let count = try parser.parse(bytes, into: &exchange.response, limits: worker.configuration.http1Limits)
        else { return 0 }
        let status = exchange.response.status
        if status == 101 {
            guard exchange.receiveTunnel(overHTTP2: false) else { throw .invalidStatus }
            keepsAlive = false
            if self.exchange != nil { decoder = HTTP1BodyDecoder(framing: .untilClose) }
            return count
        }
        // Interim responses stay here (RFC 9110 §15.2).
        if status < 200 { return count }
        keepsAlive = keepsAlive && exchange.response.keepAlive
        let framing = exchange.response.framing
        if framing == .none || framing == .length(0) {
            detachFinished(exchange)
            exchange.upstream = nil
            exchange.receiveResponseHead(endStream: true)
        } else {
            exchange.receiveResponseHead(endStream: false)
            if self.exchange != nil { decoder = HTTP1BodyDecoder(framing: framing) }
        }
        return count
    }

    private func consumeBody(_ bytes: Span<UInt8>) throws(HTTP1Error) -> Int {
        if let count = decoder?.takeContent(available: bytes.count) {
            let isFinished = decoder?.isFinished == true
            if isFinished { decoder = nil }
            exchange?.receiveResponseBody(bytes.extracting(..<count))
            if isFinished { bodyEnded() }
            return count
        }
        guard var decoder = decoder.take() else { return 0 }
        let count = try decoder.decode(bytes, trailers: &trailers) { exchange?.receiveResponseBody($0) }
        guard decoder.isFinished else {
            self.decoder = decoder
            return count
        }
        bodyEnded()
        return count
    }

    private func bodyEnded() {
        isDiscarding = false
        if let exchange { finish(exchange) }
    }

    private func finish(_ exchange: Exchange) {
        swap(&exchange.responseTrailers, &trailers)
        trailers.removeAll()
        detachFinished(exchange)
        exchange.receiveResponseEnd()
    }

    /// A response that came before the whole request was sent leaves the connection out of step.
    private func detachFinished(_ exchange: Exchange) {
        if !exchange.requestWasSent { keepsAlive = false }
        detach()
    }

    private func becomeFree() {
        guard transport?.isOpen == true else { return }
        decoder = nil
        transport?.resumeReading()
        worker.loop.schedule(timer, afterMilliseconds: pool.settings.idleTimeoutMilliseconds)
        pool.isFree(self)
    }

    func timerFired() {
        hasConnectTimedOut = !isConnected
        close()
    }

    func transportWillFlush() {}
    func transportDrained() { exchange?.upstreamDrained() }

    func transportReceivedEnd() {
        if let exchange, exchange.isTunnel { return exchange.tunnelResponseEnded() }
        defer { transport?.close() }
        guard let exchange, var decoder = decoder.take() else { return }
        do throws(HTTP1Error) {
            try decoder.endOfInput()
            keepsAlive = false
            finish(exchange)
        } catch {
            fail(sawHead: true, .truncated)
        }
    }

    func transportEnded(_ end: TransportEnd) {
        timer.cancel()
        let tlsFailure = transport?.tlsFailure
        transport = nil
        isDiscarding = false
        if end == .handshakeFailed {
            pool.tlsFailed(tlsFailure)
            fail(sawHead: false, .tlsFailed)
        } else if !isConnected {
            fail(sawHead: false, hasConnectTimedOut ? .connectTimeout : .connectFailed)
        } else if decoder != nil {
            fail(sawHead: true, .truncated)
        } else {
            fail(sawHead: false, sawResponseBytes ? .malformed : .closed(wasReused: hasIdled))
        }
        pool.ended(self, wasConnected: isConnected)
    }

    private func fail(sawHead: Bool, _ failure: UpstreamFailure) {
        guard let exchange else { return }
        decoder = nil
        keepsAlive = false
        detach()
        exchange.upstreamFailed(sawHead ? .truncated : failure)
    }
}
