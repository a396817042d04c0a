public import Wire

/// One end of an HTTP/2 connection, without a connection: what goes out is taken by `output`, what came is put into
/// `receive`. Its streams remember all that happens to them.
public final class HTTP2Peer {
    private let events = Events()
    public let session: HTTP2Session

    public init(role: HTTP2Session.Role, settings: HTTP2SessionSettings = HTTP2SessionSettings()) throws {
        session = HTTP2Session(role: role, settings: settings, delegate: events)
    }

    /// A session holds its delegate and its streams until it is over.
    deinit { session.terminate() }

    /// Server: the streams that the client opened, in their order.
    public var accepted: [RecordingStream] { events.accepted }
    public var isGoingAway: Bool { events.isGoingAway }
    /// Whether the session asked for `output` since it was last called.
    public var hasOutput: Bool { events.hasOutput }
    /// Server: made for each stream that the client opens.
    public var configure: (RecordingStream) -> Void {
        get { events.configure }
        set { events.configure = newValue }
    }

    /// All frames there are, or about `limit` bytes of them.
    public func output(limit: Int = .max) throws -> [UInt8] {
        events.hasOutput = false
        var bytes: [UInt8] = []
        _ = session.produce(into: &bytes, limit: limit)
        return bytes
    }

    public func receive(_ bytes: [UInt8]) throws { try session.receive(bytes.span) }

    /// Client: opens a stream with a request; a body follows by `write` and `finish` when `endStream` is false.
    public func request(
        _ method: StaticString = "GET", _ target: String, authority: String = "localhost",
        fields: [(String, String)] = [], connectProtocol: String? = nil, endStream: Bool = true, consumes: Bool = true
    ) -> RecordingStream? {
        var head = RequestHead()
        head.setMethod(method)
        head.setTarget(Array(target.utf8).span)
        head.setAuthority(Array(authority.utf8).span)
        for (name, value) in fields { head.headers.append(name: Array(name.utf8).span, value: Array(value.utf8).span) }
        if let connectProtocol { head.setProtocol(Array(connectProtocol.utf8).span) }
        head.framing = endStream ? .none : .chunked
        let stream = RecordingStream()
        stream.consumes = consumes
        return session.submitRequest(head, on: stream, endStream: endStream) ? stream : nil
    }

    /// Server: answers with a head, and with a body unless it is nil.
    public func respond(_ status: UInt16, on stream: HTTP2Stream, fields: [(String, String)] = [], body: [UInt8]?) {
        var head = ResponseHead()
        head.status = status
        for (name, value) in fields { head.headers.append(name: Array(name.utf8).span, value: Array(value.utf8).span) }
        session.submitResponse(head, on: stream, endStream: body == nil)
        guard let body else { return }
        stream.write(body.span)
        stream.finish()
    }
}

private final class Events: HTTP2SessionDelegate {
    private(set) var accepted: [RecordingStream] = []
    private(set) var isGoingAway = false
    var hasOutput = false
    var configure: (RecordingStream) -> Void = { _ in }

    func makeStream() -> HTTP2Stream {
        let stream = RecordingStream()
        configure(stream)
        accepted.append(stream)
        return stream
    }

    func sessionHasOutput() { hasOutput = true }
    func sessionIsGoingAway() { isGoingAway = true }
}

/// A stream that remembers all that happens to it.
public final class RecordingStream: HTTP2Stream {
    /// Whether bytes of the body are given back to the window when they arrive.
    public var consumes = true
    public private(set) var hasHead = false
    public private(set) var body: [UInt8] = []
    public private(set) var hasEnded = false
    /// RFC 9113 §7; nil: not closed yet.
    public private(set) var closeCode: UInt32?
    public private(set) var closeCount = 0
    public private(set) var bytesSent = 0
    /// Called when the head is in, with whether the stream ended with it, and when the end is in.
    public var received: (RecordingStream) -> Void = { _ in }

    public override func headReceived(endStream: Bool) {
        hasHead = true
        if endStream { hasEnded = true }
        received(self)
    }

    public override func bodyReceived(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBufferPointer { body.append(contentsOf: $0) }
        if consumes { consumed(bytes.count) }
    }

    public override func endReceived() {
        hasEnded = true
        received(self)
    }

    public override func bodySent(_ count: Int) { bytesSent += count }

    public override func closed(errorCode: UInt32) {
        closeCode = errorCode
        closeCount += 1
    }
}
