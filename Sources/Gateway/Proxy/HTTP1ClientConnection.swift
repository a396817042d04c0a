import Reactor
import Wire

/// A client that speaks HTTP/1.1 (RFC 9112): one exchange at a time; what is pipelined behind it waits unread.
final class HTTP1ClientConnection: ClientConnection, Downstream {
    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private var parser = HTTP1RequestParser()
    private var decoder: HTTP1BodyDecoder?
    /// The body of the request under way is not all in.
    private var bodyIsComing = false
    private var head = RequestHead()
    private var trailers = HeaderBlock()
    private var input = ByteQueue()
    private var exchange: Exchange?
    /// Bytes of the request's body handed to the exchange that have not moved on.
    private var unconsumed = 0
    private var keepsAlive = true
    private var isChunked = false
    /// The response ends with the connection (HTTP/1.0).
    private var endsByClosing = false
    private var clientHasEnded = false
    /// What of `Worker.heldBytes` is this connection's: unread input, and output that the client does not take.
    private var held = 0

    var connection: ClientConnection { self }
    var unsentBytes: Int { transport.unsentBytes }
    override var isBusy: Bool { exchange != nil }
    override var isReadingHead: Bool { parser.hasStarted || exchange == nil && !input.isEmpty }

    // MARK: - From the client

    override func transportReceived(_ bytes: Span<UInt8>) {
        guard transport.isOpen else { return }
        if mayBeHTTP2 && switchesToHTTP2(bytes) { return }
        if input.isEmpty {
            let consumed = consume(bytes)
            if consumed < bytes.count { input.append(bytes.extracting(consumed..<bytes.count)) }
        } else {
            input.append(bytes)
            consumeInput()
        }
        pace()
    }

    /// Cleartext, and nothing but a part of HTTP/2's preface came so far.
    private lazy var mayBeHTTP2 = !isTLS

    /// Prior knowledge (RFC 9113 §3.3): the first bytes are the preface. What may become it waits for the rest.
    private func switchesToHTTP2(_ bytes: Span<UInt8>) -> Bool {
        let before = input.count
        for index in 0..<min(bytes.count, Self.preface.count - before) {
            guard bytes[index] == Self.preface[before + index] else {
                mayBeHTTP2 = false
                return false
            }
        }
        input.append(bytes)
        guard input.count >= Self.preface.count else {
            beginWaiting(isHeadComing: true)
            account()
            return true
        }
        var taken = ByteQueue()
        swap(&taken, &input)
        account()
        taken.withFront { worker.switchToHTTP2(self, $0) }
        return true
    }

    /// What a finished exchange left unread.
    override func transportWillFlush() {
        guard exchange == nil, keepsAlive, transport.isOpen else { return }
        if !input.isEmpty {
            consumeInput()
            pace()
        }
        if clientHasEnded { closeWhenAnswered() }
    }

    /// A half-closed client still gets the answers to the requests that it sent whole.
    override func transportReceivedEnd() {
        clientHasEnded = true
        if let exchange, exchange.isTunnel { return endTunnelInput(exchange) }
        if bodyIsComing, let exchange { return loseExchange(exchange) }
        // What is pipelined and was not looked at yet (its predecessor may have ended in this very turn) comes first.
        if exchange == nil && !input.isEmpty { return transport.markDirty() }
        closeWhenAnswered()
    }

    private func closeWhenAnswered() {
        let isHeldBack = !input.isEmpty && !hasRoomForResponse
        guard exchange == nil, !isHeldBack else { return }
        keepsAlive = false
        transport.closeAfterFlush()
    }

    override func transportDrained() {
        account()
        exchange?.downstreamDrained()
        if exchange == nil && !input.isEmpty { transport.markDirty() }
    }

    /// A client that pipelines and does not read is not answered faster than it reads.
    private var hasRoomForResponse: Bool { transport.unsentBytes <= worker.bodyBound }

    private func account() {
        let now = max(0, transport.unsentBytes) + input.count
        worker.heldBytes += now - held
        held = now
    }

    override func transportEnded(_ end: TransportEnd) {
        if let exchange { loseExchange(exchange) }
        input.removeAll()
        account()
        super.transportEnded(end)
    }

    private func loseExchange(_ exchange: Exchange) {
        self.exchange = nil
        exchange.clientGone()
        transport.close()
    }

    private func consumeInput() {
        var taken = ByteQueue()
        swap(&taken, &input)
        let count = taken.count
        let consumed = taken.withFront { consume($0) }
        guard consumed < count else { return }
        taken.removeFirst(consumed)
        swap(&taken, &input)
    }

    /// - Returns: how many bytes were used; the rest is to be presented again, longer.
    private func consume(_ bytes: Span<UInt8>) -> Int {
        var offset = 0
        while offset < bytes.count && transport.isOpen {
            let rest = bytes.extracting(offset..<bytes.count)
            let consumed: Int?
            if decoder != nil {
                consumed = consumeBody(rest)
            } else if exchange == nil && keepsAlive && hasRoomForResponse {
                consumed = consumeHead(rest)
            } else {
                break
            }
            guard let consumed else { break }
            offset += consumed
        }
        return offset
    }

    private func consumeHead(_ bytes: Span<UInt8>) -> Int? {
        if !parser.hasStarted { beginWaiting(isHeadComing: true) }
        let limits = worker.configuration.http1Limits
        do throws(HTTP1Error) {
            guard let count = try parser.parse(bytes, into: &head, limits: limits) else { return nil }
            begin()
            return count
        } catch {
            keepsAlive = false
            let exchange = makeExchange()
            exchange.beginRefused(.malformedRequest(status: error.status))
            return nil
        }
    }

    private func begin() {
        keepsAlive = head.keepAlive && !worker.isDraining
        bodyIsComing = head.framing != .none && head.framing != .length(0)
        if bodyIsComing { decoder = HTTP1BodyDecoder(framing: head.framing) }
        let exchange = makeExchange()
        if exchange.request.wantsUpgrade && Exchange.asksForUpgrade(exchange.request) {
            exchange.tunnelRequest = .upgrade
        }
        exchange.requestHasEnded = !bodyIsComing && !exchange.isTunnelRequest
        beginWork()
        exchange.begin()
    }

    private func makeExchange() -> Exchange {
        let exchange = worker.makeExchange(self)
        swap(&exchange.request, &head)
        self.exchange = exchange
        unconsumed = 0
        return exchange
    }

    private func consumeBody(_ bytes: Span<UInt8>) -> Int? {
        guard var decoder = decoder.take() else { return nil }
        do throws(HTTP1Error) {
            let count = try decoder.decode(bytes, trailers: &trailers) { body in
                unconsumed += body.count
                exchange?.receiveRequestBody(body)
            }
            // Without an exchange it was answered meanwhile (413), and the connection ends.
            guard let exchange else { return nil }
            guard decoder.isFinished else {
                self.decoder = decoder
                return count > 0 ? count : nil
            }
            bodyIsComing = false
            swap(&exchange.requestTrailers, &trailers)
            trailers.removeAll()
            exchange.receiveRequestEnd()
            return count
        } catch {
            keepsAlive = false
            exchange?.refuse(.malformedRequest(status: error.status))
            return nil
        }
    }

    /// Reads no more from the client while much of what it sent waits, or while it pipelines.
    private func pace() {
        account()
        guard transport.isOpen, !clientHasEnded else { return }
        let bound = worker.bodyBound
        if unconsumed > bound || input.count > bound {
            transport.pauseReading()
        } else if unconsumed <= bound / 2 {
            transport.resumeReading()
        }
    }

    // MARK: - To the client

    func requestBodyConsumed(_ count: Int) {
        unconsumed -= count
        if unconsumed <= worker.bodyBound / 2 { pace() }
    }

    func sendContinue() {
        guard let exchange, exchange.request.version == .http11 else { return }
        worker.scratch.removeAll(keepingCapacity: true)
        // 100 is always a valid status.
        try? HTTP1Encoder.informational(100, into: &worker.scratch)
        transport.write(worker.scratch)
    }

    func sendHead(endStream: Bool) {
        guard let exchange else { return }
        if exchange.isTunnel { return beginTunnel(exchange) }
        let client: HTTPVersion = exchange.request.version == .http10 ? .http10 : .http11
        exchange.response.framing = framing(of: exchange, client: client, endStream: endStream)
        isChunked = exchange.response.framing == .chunked
        endsByClosing = exchange.response.framing == .untilClose
        // A response that begins before its request has ended is mostly a refusal: the rest is not worth reading, and the
        // client must hear now that the connection ends with it (RFC 9112 §9.6).
        if endsByClosing || bodyIsComing { keepsAlive = false }
        exchange.response.keepAlive = keepsAlive && !worker.isDraining
        keepsAlive = exchange.response.keepAlive
        let wasWritten = transport.write { output in
            // Whatever it is, it is the endpoint's.
            (try? HTTP1Encoder.responseHead(exchange.response, to: client, into: &output)) != nil
        }
        if wasWritten == false { return exchange.failResponse(.upstreamMalformed) }
        if endStream { end(exchange) }
    }

    /// How the response is framed for this client: one from HTTP/2 says it otherwise, or not at all.
    private func framing(of exchange: Exchange, client: HTTPVersion, endStream: Bool) -> BodyFraming {
        let status = exchange.response.status
        if status == 204 || status == 304 || exchange.request.methodIs("HEAD") { return .none }
        switch exchange.response.framing {
        case .none: return endStream ? .length(0) : .none
        case .length(let length): return .length(length)
        case .chunked, .untilClose: return client == .http11 ? .chunked : .untilClose
        }
    }

    func sendBody(_ bytes: Span<UInt8>) {
        if isChunked {
            _ = transport.write { output in
                HTTP1Encoder.chunk(bytes, into: &output)
                return true
            }
        } else {
            transport.write(bytes)
        }
        account()
    }

    func sendEnd() {
        guard let exchange else { return }
        if isChunked {
            worker.scratch.removeAll(keepingCapacity: true)
            do throws(EncodingError) {
                try HTTP1Encoder.lastChunk(trailers: exchange.responseTrailers, into: &worker.scratch)
            } catch {
                return exchange.failResponse(.upstreamMalformed)
            }
            transport.write(worker.scratch)
        }
        end(exchange)
    }

    func abort() {
        exchange = nil
        // For HTTP/1.0 a regular close would be the end of the response.
        if endsByClosing { transport.closeWithReset() } else { transport.close() }
    }

    func refuseStream() { abort() }

    // MARK: - Tunnels

    /// Sends the 101; from here on everything is the other protocol's.
    private func beginTunnel(_ exchange: Exchange) {
        keepsAlive = false
        isChunked = false
        worker.scratch.removeAll(keepingCapacity: true)
        do throws(EncodingError) {
            try HTTP1Encoder.responseHead(exchange.response, into: &worker.scratch)
        } catch {
            return exchange.failResponse(.upstreamMalformed)
        }
        transport.write(worker.scratch)
        decoder = HTTP1BodyDecoder(framing: .untilClose)
        bodyIsComing = true
        if !input.isEmpty { consumeInput() }
        if clientHasEnded { endTunnelInput(exchange) } else { pace() }
    }

    private func endTunnelInput(_ exchange: Exchange) {
        decoder = nil
        bodyIsComing = false
        exchange.receiveRequestEnd()
    }

    func endTunnelOutput() { transport.endOutput() }

    private func end(_ exchange: Exchange) {
        self.exchange = nil
        let isStillSending = bodyIsComing || !input.isEmpty || !keepsAlive
        // A body that is still coming is not worth reading: the connection ends with this response.
        if bodyIsComing { keepsAlive = false }
        bodyIsComing = false
        decoder = nil
        exchange.finish(exchange.outcome)
        guard keepsAlive, !worker.closesIdle else { return transport.closeAfterFlush(lingering: isStillSending) }
        unconsumed = 0
        hasServed = true
        beginWaiting()
        transport.markDirty()
        if !clientHasEnded { transport.resumeReading() }
    }

    override func drain() {
        keepsAlive = false
        if exchange == nil { transport.closeAfterFlush(lingering: parser.hasStarted) }
    }

    override func headTimedOut() {
        keepsAlive = false
        guard parser.hasStarted else {
            recordEnd(.requestHeadTimeout)
            return transport.closeAfterFlush()
        }
        makeExchange().beginRefused(.requestHeadTimeout)
    }
}
