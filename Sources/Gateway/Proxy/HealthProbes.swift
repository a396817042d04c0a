import Reactor
import Routing
import Wire

/// `GET` by HTTP/1.1 on a connection of its own.
final class HTTP1HealthProbe: HealthProbe, TransportDelegate {
    private let worker: Worker
    private var check: HealthCheck?
    private var transport: Transport?
    private var parser = HTTP1ResponseParser(requestMethodIsHEAD: false)
    private var head = ResponseHead()
    private var input = ByteQueue()

    init(_ check: HealthCheck, pool: EndpointPool) throws {
        worker = pool.worker
        self.check = check
        var request: [UInt8] = []
        request.append(literal: "GET ")
        request.append(contentsOf: check.settings.path.utf8)
        request.append(literal: " HTTP/1.1\r\nhost: ")
        request.append(contentsOf: check.settings.host.map { Array($0.utf8) } ?? pool.endpointText)
        request.append(literal: "\r\nuser-agent: gatehouse-health-check\r\nconnection: close\r\n\r\n")
        transport = try Transport(connectingTo: pool.address, loop: worker.loop, tls: pool.tls, delegate: self)
        transport?.write(request)
    }

    func cancel() {
        check = nil
        transport?.close()
        transport = nil
    }

    func transportReceived(_ bytes: Span<UInt8>) {
        guard check != nil else { return }
        input.append(bytes)
        var taken = ByteQueue()
        swap(&taken, &input)
        let consumed = taken.withFront { read($0) }
        taken.removeFirst(consumed)
        swap(&taken, &input)
    }

    private func read(_ bytes: Span<UInt8>) -> Int {
        var offset = 0
        do throws(HTTP1Error) {
            while let check {
                let rest = bytes.extracting(offset..<bytes.count)
                guard let count = try parser.parse(rest, into: &head, limits: worker.configuration.http1Limits) else {
                    break
                }
                offset += count
                if head.status >= 200 { check.answered(self, status: head.status) }
            }
        } catch {
            check?.failed(self)
        }
        return offset
    }

    func transportOpened() {}
    func transportReceivedEnd() { check?.failed(self) }
    func transportWillFlush() {}
    func transportDrained() {}
    func transportEnded(_ end: TransportEnd) { check?.failed(self) }
}

/// `GET` by HTTP/2 on a connection of its own.
final class HTTP2HealthProbe: HealthProbe, TransportDelegate, HTTP2SessionDelegate {
    private static let produceBytes = 16_384

    private let worker: Worker
    private let isSecure: Bool
    private var check: HealthCheck?
    private var transport: Transport?
    private var session: HTTP2Session?

    init(_ check: HealthCheck, pool: EndpointPool) throws {
        worker = pool.worker
        isSecure = pool.tls != nil
        self.check = check
        var settings = HTTP2SessionSettings()
        settings.isSecure = isSecure
        let session = HTTP2Session(role: .client, settings: settings, delegate: self, buffers: worker.buffers)
        self.session = session
        var request = RequestHead()
        request.setMethod("GET")
        let path = Array(check.settings.path.utf8)
        let host = check.settings.host.map { Array($0.utf8) } ?? pool.endpointText
        request.setTarget(path.span)
        request.setAuthority(host.span)
        request.headers.append("user-agent", "gatehouse-health-check")
        let stream = HTTP2ProbeStream { [unowned self] in answered(status: $0) }
        _ = session.submitRequest(request, on: stream, endStream: true)  // the first of a session is always taken
        do {
            transport = try Transport(connectingTo: pool.address, loop: worker.loop, tls: pool.tls, delegate: self)
        } catch {
            session.terminate()
            throw error
        }
        transport?.markDirty()
    }

    private func answered(status: UInt16?) {
        guard let check else { return }
        if let status { check.answered(self, status: status) } else { check.failed(self) }
    }

    /// The session is kept until the connection has ended: it may be what is calling.
    func cancel() {
        check = nil
        transport?.close()
        transport = nil
    }

    func makeStream() -> HTTP2Stream { HTTP2Stream() }
    func sessionHasOutput() { transport?.markDirty() }
    func sessionIsGoingAway() {}

    func transportOpened() {
        guard !isSecure || transport?.negotiatedHTTP2 == true else { return answered(status: nil) }
        transport?.markDirty()
    }

    func transportReceived(_ bytes: Span<UInt8>) {
        do throws(HTTP2SessionError) {
            try session?.receive(bytes)
        } catch {
            answered(status: nil)
        }
    }

    func transportReceivedEnd() { answered(status: nil) }

    func transportWillFlush() {
        guard let session, let transport else { return }
        worker.withFrames { frames in
            _ = session.produce(into: &frames, limit: Self.produceBytes)
            if !frames.isEmpty { transport.send(frames) }
        }
    }

    func transportDrained() {}

    func transportEnded(_ end: TransportEnd) {
        answered(status: nil)
        let ended = session
        session = nil
        ended?.terminate()
    }
}

private final class HTTP2ProbeStream: HTTP2Stream {
    private let ended: (UInt16?) -> Void

    /// - Parameter ended: gets the status, or nil when there was none.
    init(ended: @escaping (UInt16?) -> Void) { self.ended = ended }

    override func headReceived(endStream: Bool) { ended(response.status) }
    override func bodyReceived(_ bytes: Span<UInt8>) { consumed(bytes.count) }
    override func closed(errorCode: UInt32) { ended(nil) }
}
