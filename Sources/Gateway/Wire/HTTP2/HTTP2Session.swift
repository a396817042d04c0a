import CNghttp2

/// What a session asks of the connection it belongs to.
public protocol HTTP2SessionDelegate: AnyObject {
    /// Server: the object for a stream that a client just opened.
    func makeStream() -> HTTP2Stream
    /// There is something to send: call `produce` soon.
    func sessionHasOutput()
    /// The other side takes no new streams (GOAWAY, RFC 9113 §6.8).
    func sessionIsGoingAway()
    /// The other side's limits are known, or changed (SETTINGS, RFC 9113 §6.5). Nothing needs to be done.
    func sessionReceivedSettings()
}

extension HTTP2SessionDelegate {
    public func sessionReceivedSettings() {}
}

/// The other side broke the protocol beyond repair, or flooded us; the connection is to be closed.
public struct HTTP2SessionError: Error, Sendable, CustomStringConvertible {
    /// nghttp2's error code.
    public let code: Int32
    /// More answers to PING or SETTINGS are wanted than can be sent, or the like.
    public var isFlood: Bool { code == Int32(NGHTTP2_ERR_FLOODED.rawValue) }
    public var description: String { String(cString: nghttp2_strerror(code)) }
}

public struct HTTP2SessionSettings: Sendable {
    public var concurrentStreams: UInt32 = 128
    /// Bytes of one stream's body that may be under way unread.
    public var streamWindow: UInt32 = 65_535
    /// The same for the whole connection.
    public var connectionWindow: Int32 = 1 << 20
    public var headerBytes = 32_768
    public var headerFields = 100
    /// Client: requests say `:scheme` https instead of http.
    public var isSecure = false

    public init() {}
}

/// One HTTP/2 connection: frames, HPACK, flow control, by nghttp2; either end.
///
/// Bytes in by `receive`, bytes out by `produce`; no sockets. Confined to one thread. nghttp2 checks RFC 9113's rules for
/// messages (§8) and bounds floods of SETTINGS, PING, CONTINUATION and RST_STREAM. It tells nothing of the streams that are
/// open when a session is deleted, hence our own list.
public final class HTTP2Session {
    public enum Role: Sendable { case server, client }

    private let role: Role
    private let settings: HTTP2SessionSettings
    private unowned let delegate: any HTTP2SessionDelegate
    private var session: OpaquePointer?
    private var streams: [HTTP2Stream?] = []
    private var freeSlots: [Int] = []
    private var output: [UInt8] = []
    private var outputLimit = 0
    private var fields: [nghttp2_nv] = []
    private var acceptsNewStreams = true
    let buffers: BufferPool
    /// Server: finds what nghttp2 lets pass.
    private var scanner: FrameScanner?
    /// The scanner found something: what comes from now on is ignored.
    private var hasFailed = false

    public private(set) var streamCount = 0
    /// Server: streams that the client reset, or that we reset for what it did. Never less than before.
    public internal(set) var wastedStreams = 0
    /// Frames that came and carry no part of a message: PING, SETTINGS, PRIORITY, DATA without content. Never less.
    public internal(set) var controlFrames = 0
    /// Whether the other side's first SETTINGS are in; until then its limits are not known (RFC 9113 §3.4).
    public private(set) var hasPeerSettings = false

    /// - Parameter buffers: memory for outgoing bodies, shared by the sessions of a thread.
    public init(
        role: Role, settings: HTTP2SessionSettings, delegate: any HTTP2SessionDelegate,
        buffers: BufferPool = BufferPool()
    ) throws(HTTP2SessionError) {
        self.role = role
        self.buffers = buffers
        self.settings = settings
        self.delegate = delegate
        scanner = role == .server ? FrameScanner() : nil
        let context = Unmanaged.passUnretained(self).toOpaque()
        let result = HTTP2Callbacks.makeSession(&session, role: role, context: context)
        guard result == 0 else { throw HTTP2SessionError(code: result) }
        try check(submitSettings())
        try check(nghttp2_session_set_local_window_size(session, 0, 0, settings.connectionWindow))
    }

    deinit { nghttp2_session_del(session) }

    /// Ends every stream that is still open, as the connection has ended. Not from within a callback.
    public func terminate() {
        for stream in streams {
            guard let stream else { continue }
            remove(stream, errorCode: UInt32(NGHTTP2_CONNECT_ERROR.rawValue))
        }
    }

    // MARK: - Bytes

    /// Takes bytes of the connection; the streams' methods are called meanwhile.
    public func receive(_ bytes: Span<UInt8>) throws(HTTP2SessionError) {
        guard !hasFailed else { return }
        let error = scanner?.firstError(in: bytes)
        let taken = bytes.extracting(..<(error?.offset ?? bytes.count))
        let result = taken.withUnsafeBufferPointer { nghttp2_session_mem_recv(session, $0.baseAddress, $0.count) }
        guard result >= 0 else { throw HTTP2SessionError(code: Int32(result)) }
        if let error {
            hasFailed = true
            try check(nghttp2_session_terminate_session(session, error.code))
        }
        if nghttp2_session_want_write(session) != 0 { delegate.sessionHasOutput() }
    }

    /// Appends frames to `buffer` until there are none or it holds about `limit` bytes.
    ///
    /// - Returns: whether there may be more.
    public func produce(into buffer: inout [UInt8], limit: Int) throws(HTTP2SessionError) -> Bool {
        swap(&output, &buffer)
        outputLimit = limit
        defer { swap(&output, &buffer) }
        while output.count < limit {
            var bytes: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(session, &bytes)
            guard count >= 0 else { throw HTTP2SessionError(code: Int32(count)) }
            if count == 0 { break }
            output.append(contentsOf: UnsafeBufferPointer(start: bytes, count: count))
        }
        return output.count >= limit
    }

    /// Nothing more is to be read or written: the connection can be closed.
    public var isFinished: Bool {
        nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
    }

    // MARK: - Server

    /// Sends a response's head. Without `endStream` its body follows by `write` and `finish`.
    public func submitResponse(_ head: borrowing ResponseHead, on stream: HTTP2Stream, endStream: Bool) {
        guard !stream.isClosed else { return }
        var status = (UInt8(48 + head.status / 100), UInt8(48 + head.status / 10 % 10), UInt8(48 + head.status % 10))
        withUnsafeBytes(of: &status) { digits in
            head.headers.withUnsafeBytes { arena in
                fields.removeAll(keepingCapacity: true)
                fields.append(.named(":status", digits))
                appendFields(head.headers, arena)
                submit(stream, endStream: endStream) { provider in
                    nghttp2_submit_response(session, stream.id, fields, fields.count, provider)
                }
            }
        }
    }

    /// An interim response (RFC 9110 §15.2), before the final one.
    public func submitInformational(_ status: UInt16, on stream: HTTP2Stream) {
        guard !stream.isClosed else { return }
        var digits = (UInt8(48 + status / 100), UInt8(48 + status / 10 % 10), UInt8(48 + status % 10))
        withUnsafeBytes(of: &digits) { digits in
            var field = nghttp2_nv.named(":status", digits)
            _ = nghttp2_submit_headers(session, 0, stream.id, nil, &field, 1, nil)
        }
        delegate.sessionHasOutput()
    }

    /// Takes no new streams and tells the client so; those that are open go on (RFC 9113 §6.8).
    public func drain() {
        guard acceptsNewStreams else { return }
        acceptsNewStreams = false
        _ = nghttp2_submit_shutdown_notice(session)
        let last = nghttp2_session_get_last_proc_stream_id(session)
        _ = nghttp2_submit_goaway(session, 0, last, UInt32(NGHTTP2_NO_ERROR.rawValue), nil, 0)
        delegate.sessionHasOutput()
    }

    /// Ends the connection, and every stream on it, for a reason of RFC 9113 §7: GOAWAY, then nothing more.
    public func goAway(errorCode: UInt32) {
        acceptsNewStreams = false
        _ = nghttp2_session_terminate_session(session, errorCode)
        delegate.sessionHasOutput()
    }

    // MARK: - Client

    /// Whether the server's SETTINGS_MAX_CONCURRENT_STREAMS leaves room, and it did not go away.
    public var canOpenStream: Bool {
        acceptsNewStreams && streamCount < peerStreamLimit && nghttp2_session_check_request_allowed(session) != 0
    }

    /// How many streams the server lets us have open (SETTINGS_MAX_CONCURRENT_STREAMS); at most 1,000.
    public var peerStreamLimit: Int {
        Int(min(nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS), 1000))
    }

    /// Whether the server understands extended CONNECT (RFC 8441 §3).
    public var peerTakesExtendedConnect: Bool {
        nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1
    }

    /// Opens `stream` with a request's head.
    ///
    /// - Returns: false when the session takes no more streams; nothing was sent then.
    public func submitRequest(_ head: borrowing RequestHead, on stream: HTTP2Stream, endStream: Bool) -> Bool {
        guard acceptsNewStreams, nghttp2_session_check_request_allowed(session) != 0 else { return false }
        fields.removeAll(keepingCapacity: true)
        let id = head.withMethod { method in
            head.withTarget { path in
                head.withAuthority { authority in
                    head.headers.withUnsafeBytes { arena in
                        method.withUnsafeBytes { fields.append(.named(":method", $0)) }
                        fields.append(.named(":scheme", scheme))
                        // HTTP/1.0 may come without one, and an empty one is malformed (RFC 9113 §8.3.1).
                        if !authority.isEmpty { authority.withUnsafeBytes { fields.append(.named(":authority", $0)) } }
                        path.withUnsafeBytes { fields.append(.named(":path", $0)) }
                        head.withProtocol { name in
                            // The arena outlives the call: the pointer may.
                            if !name.isEmpty { name.withUnsafeBytes { fields.append(.named(":protocol", $0)) } }
                        }
                        appendFields(head.headers, arena)
                        return open(stream, endStream: endStream)
                    }
                }
            }
        }
        guard id > 0 else { return false }
        stream.id = id
        add(stream)
        delegate.sessionHasOutput()
        return true
    }

    private static let schemeText: StaticString = "https"
    private var scheme: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: Self.schemeText.utf8Start, count: settings.isSecure ? 5 : 4)
    }

    private func open(_ stream: HTTP2Stream, endStream: Bool) -> Int32 {
        let context = Unmanaged.passUnretained(stream).toOpaque()
        guard !endStream else {
            return nghttp2_submit_request(session, nil, fields, fields.count, nil, context)
        }
        var provider = HTTP2Callbacks.bodyProvider(stream)
        return nghttp2_submit_request(session, nil, fields, fields.count, &provider, context)
    }

    // MARK: - For the streams

    func resume(_ stream: HTTP2Stream) {
        _ = nghttp2_session_resume_data(session, stream.id)
        delegate.sessionHasOutput()
    }

    func reset(_ stream: HTTP2Stream, errorCode: UInt32) {
        stream.isResetByUs = true
        _ = nghttp2_submit_rst_stream(session, 0, stream.id, errorCode)
        delegate.sessionHasOutput()
    }

    func consumed(_ stream: HTTP2Stream, _ count: Int) {
        _ = nghttp2_session_consume(session, stream.id, count)
        if nghttp2_session_want_write(session) != 0 { delegate.sessionHasOutput() }
    }

    func submitTrailers(_ trailers: borrowing HeaderBlock, on stream: HTTP2Stream) -> Bool {
        trailers.withUnsafeBytes { arena in
            fields.removeAll(keepingCapacity: true)
            appendFields(trailers, arena)
            return nghttp2_submit_trailer(session, stream.id, fields, fields.count) == 0
        }
    }

    // MARK: - Internals

    private func check(_ result: Int32) throws(HTTP2SessionError) {
        guard result == 0 else { throw HTTP2SessionError(code: result) }
    }

    private func submitSettings() -> Int32 {
        var entries = [
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: settings.streamWindow),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue), value: UInt32(settings.headerBytes)),
        ]
        switch role {
        case .server:
            entries.append(
                nghttp2_settings_entry(
                    settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue),
                    value: settings.concurrentStreams))
            // Extended CONNECT is understood (RFC 8441 §3).
            entries.append(
                nghttp2_settings_entry(
                    settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL.rawValue), value: 1))
        case .client:
            entries.append(
                nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0))
        }
        return nghttp2_submit_settings(session, 0, entries, entries.count)
    }

    private func appendFields(_ headers: borrowing HeaderBlock, _ arena: UnsafeRawBufferPointer) {
        for index in headers.indices where !headers.isRemoved(at: index) {
            let field = headers.field(at: index)
            var pair = nghttp2_nv(
                UnsafeRawBufferPointer(rebasing: arena[field.nameRange]),
                UnsafeRawBufferPointer(rebasing: arena[field.valueRange]))
            if field.flags.contains(.neverIndexed) { pair.flags = UInt8(NGHTTP2_NV_FLAG_NO_INDEX.rawValue) }
            fields.append(pair)
        }
    }

    private func submit(
        _ stream: HTTP2Stream, endStream: Bool,
        _ call: (UnsafePointer<nghttp2_data_provider>?) -> Int32
    ) {
        let result: Int32
        if endStream {
            result = call(nil)
        } else {
            var provider = HTTP2Callbacks.bodyProvider(stream)
            result = call(&provider)
        }
        if result != 0 { reset(stream, errorCode: UInt32(NGHTTP2_INTERNAL_ERROR.rawValue)) }
        delegate.sessionHasOutput()
    }

    private func add(_ stream: HTTP2Stream) {
        stream.session = self
        if let slot = freeSlots.popLast() {
            stream.slot = slot
            streams[slot] = stream
        } else {
            stream.slot = streams.count
            streams.append(stream)
        }
        streamCount += 1
    }

    private func remove(_ stream: HTTP2Stream, errorCode: UInt32) {
        guard !stream.isClosed else { return }
        stream.isClosed = true
        streams[stream.slot] = nil
        freeSlots.append(stream.slot)
        streamCount -= 1
        stream.session = nil
        // The connection's window is the other streams' too: what this one leaves unread must not stay closed.
        if stream.unconsumed > 0 { _ = nghttp2_session_consume_connection(session, stream.unconsumed) }
        // Whoever accounts for what was not sent asks the stream for it now.
        stream.closed(errorCode: errorCode)
        stream.dropOutgoing(to: buffers)
    }
}

// MARK: - What the callbacks call

extension HTTP2Session {
    /// A client opened a stream.
    func opened(id: Int32) -> HTTP2Stream {
        let stream = delegate.makeStream()
        stream.id = id
        add(stream)
        return stream
    }

    /// - Returns: false when the stream is to be reset: a block far over the limit is a bomb (one byte of HPACK can stand
    ///   for kilobytes), and is not worth the answer that one a little over it gets.
    func fieldReceived(_ stream: HTTP2Stream, name: Span<UInt8>, value: Span<UInt8>) -> Bool {
        stream.fieldBytes += name.count + value.count + 32
        guard stream.fieldBytes <= 4 * settings.headerBytes else { return false }
        switch role {
        case _ where stream.headIsComplete: stream.addTrailer(name, value, settings)
        case .server: stream.addRequestField(name, value, settings)
        case .client: stream.addResponseField(name, value, settings)
        }
        return true
    }

    /// A HEADERS frame with all its continuations is in.
    func headersReceived(_ stream: HTTP2Stream, endStream: Bool) {
        if stream.headIsComplete {
            if endStream { stream.endReceived() }
            return
        }
        if role == .client && stream.response.status < 200 {
            stream.response.reset()
            return
        }
        stream.headIsComplete = true
        switch role {
        case .server: stream.completeRequest(endStream: endStream)
        case .client: stream.completeResponse(endStream: endStream)
        }
        stream.headReceived(endStream: endStream)
    }

    func settingsReceived() {
        hasPeerSettings = true
        controlFrames += 1
        delegate.sessionReceivedSettings()
    }

    func goAwayReceived() {
        acceptsNewStreams = false
        delegate.sessionIsGoingAway()
    }

    func streamClosed(_ stream: HTTP2Stream, errorCode: UInt32) { remove(stream, errorCode: errorCode) }

    /// Writes one DATA frame: nine bytes of header, then the stream's bytes.
    ///
    /// - Returns: false when the output is full; nghttp2 comes back with the same frame.
    func sendData(_ header: UnsafePointer<UInt8>, count: Int, of stream: HTTP2Stream) -> Bool {
        guard output.count < outputLimit else { return false }
        output.append(contentsOf: UnsafeBufferPointer(start: header, count: 9))
        stream.takeData(count, into: &output)
        return true
    }
}

extension nghttp2_nv {
    /// nghttp2 copies what the two point at during the call that it is passed to.
    init(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        self.init(
            name: UnsafeMutablePointer(mutating: name.baseAddress?.assumingMemoryBound(to: UInt8.self)),
            value: UnsafeMutablePointer(mutating: value.baseAddress?.assumingMemoryBound(to: UInt8.self)),
            namelen: name.count, valuelen: value.count, flags: 0)
    }

    static func named(_ name: StaticString, _ value: UnsafeRawBufferPointer) -> nghttp2_nv {
        nghttp2_nv(UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount), value)
    }
}
