/// One HTTP/2 connection (RFC 9113): frames, HPACK, flow control; either end.
///
/// Bytes in by `receive`, bytes out by `produce`; no sockets, no time. Confined to one thread. What came is dealt with
/// at once; what is to go out waits in two forms: control frames and heads as bytes (`pending`), in the order in which
/// HPACK encoded them, and bodies in their streams' queues, which `produce` turns into DATA by turns.
///
/// The other side can make a session keep, and no more: a field block of 64 KB, the windows' worth of bodies (they are
/// the streams' owner's to hold), answers to 1,000 PING or SETTINGS, and of frames that a client does not take as
/// many as `mostPendingBytes`. Everything else that costs work and carries no message is counted in `wastedStreams` and
/// `controlFrames` for whoever knows the time.
///
/// A stream's error ends the stream by RST_STREAM, a connection's error all by GOAWAY (§5.4); then nothing is read.
public final class HTTP2Session {
    public enum Role: Sendable { case server, client }

    let role: Role
    let settings: HTTP2SessionSettings
    /// Memory for outgoing bodies and for decoding, shared by the sessions of a thread.
    let buffers: BufferPool
    /// Nil once terminated.
    var delegate: (any HTTP2SessionDelegate)?

    // MARK: What comes in
    var reader: FrameReader
    var decoder = HPACKDecoder()
    var peer = PeerSettings()
    var receiveWindow = ReceiveWindow()
    /// The other side has acknowledged our SETTINGS: until then it may not know of our windows.
    var settingsAreAcknowledged = false
    /// Server: what the client opened and ended.
    var recent = RecentStreams()
    var input = FrameInput()

    // MARK: What goes out
    var encoder = HPACKEncoder()
    /// Frames as bytes: everything but DATA and trailers.
    var pending = Arena<UInt8>(firstCapacity: 256)
    var sendWindow = SendWindow()
    /// Streams with data and a window of their own.
    var withData = StreamQueue()
    /// Streams to end or to reset, which needs no window.
    var ending = StreamQueue()
    /// Answers to PING and SETTINGS among `pending`.
    var pendingAnswers = 0

    // MARK: Streams
    var streams = StreamTable()
    /// Client: the next stream's.
    var nextID: UInt32 = 1
    var acceptsNewStreams = true
    var goAwayWasSent = false
    var drainIsAnnounced = false
    /// GOAWAY for an error: nothing is read, and nothing more is said.
    var hasFailed = false
    /// What `receive` is to throw.
    var failure: HTTP2SessionError?
    /// `sessionHasOutput` is called once, at its end.
    var isReceiving = false
    /// Streams that a client may yet waste before another is answered.
    var resetCredit = HTTP2Session.mostResets
    /// WINDOW_UPDATE frames that the DATA we sent explains.
    var updateCredit = HTTP2Session.mostUpdates

    /// Who has 1,000 streams more reset than answered lives off the resetting (CVE-2023-44487). Whoever knows the time
    /// looks at `wastedStreams`, sooner; this is for whoever does not.
    static let mostResets = 1_000
    static let mostUpdates = 1_000
    static let mostPendingAnswers = 1_000
    /// Server: bytes of frames that the client does not take while it goes on sending. The heads of all streams that it may
    /// have open are honest; beyond 4 MB nobody's are.
    let mostPendingBytes: Int

    public var streamCount: Int { streams.count }
    /// Streams that the other side reset, or that we reset for what it did. Never less than before.
    public internal(set) var wastedStreams = 0
    /// Frames that came and carry no part of a message: PING, SETTINGS, PRIORITY, DATA without content, unknown ones,
    /// and WINDOW_UPDATE beyond what was sent. Never less.
    public internal(set) var controlFrames = 0
    /// Whether the other side's first SETTINGS are in; until then its limits are not known (RFC 9113 §3.4).
    public var hasPeerSettings: Bool { peer.areKnown }

    /// - Parameter buffers: memory for outgoing bodies, shared by the sessions of a thread.
    public init(
        role: Role, settings: HTTP2SessionSettings, delegate: any HTTP2SessionDelegate,
        buffers: BufferPool = BufferPool()
    ) {
        self.role = role
        self.settings = settings
        self.buffers = buffers
        self.delegate = delegate
        mostPendingBytes = min(max(1 << 20, Int(settings.concurrentStreams) * settings.headerBytes), 4 << 20)
        reader = FrameReader(expectsPreface: role == .server)
        writePreface()
    }

    /// Ends every stream that is still open, as the connection has ended, and lets the delegate go. Not from within a
    /// callback.
    public func terminate() {
        hasFailed = true
        acceptsNewStreams = false
        for stream in streams.all() { close(stream, .connect) }
        delegate = nil
        pending.releaseMemory()
        reader = FrameReader(expectsPreface: false)
        input = FrameInput()
    }

    /// Nothing more is to be read or written: the connection can be closed.
    public var isFinished: Bool {
        pending.count == 0 && (hasFailed || !acceptsNewStreams && streams.count == 0)
    }

    // MARK: - Server

    /// Sends a response's head. Without `endStream` its body follows by `write` and `finish`.
    public func submitResponse(_ head: borrowing ResponseHead, on stream: HTTP2Stream, endStream: Bool) {
        guard canSend(stream) else { return }
        resetCredit = min(resetCredit + 1, Self.mostResets)
        writeResponse(head, stream.id, endStream: endStream)
        if endStream { endWithHead(stream) }
        signalOutput()
    }

    /// An interim response (RFC 9110 §15.2), before the final one.
    public func submitInformational(_ status: UInt16, on stream: HTTP2Stream) {
        guard canSend(stream) else { return }
        writeStatus(status, stream.id)
        signalOutput()
    }

    /// Tells the client that `drain()` will follow: GOAWAY without a bound. Streams that it opened before it knows are
    /// still taken (RFC 9113 §6.8).
    public func announceDrain() {
        guard !drainIsAnnounced, !goAwayWasSent, !hasFailed else { return }
        drainIsAnnounced = true
        writeDrainNotice()
        signalOutput()
    }

    /// Takes no new streams and tells the client so; those that are open go on (RFC 9113 §6.8).
    public func drain() {
        guard !goAwayWasSent, !hasFailed else { return }
        announceDrain()
        writeGoAway(lastStream: recent.highest, .noError)
        acceptsNewStreams = false
        signalOutput()
    }

    /// Ends the connection, and every stream on it, for a reason of RFC 9113 §7: GOAWAY, then nothing more.
    public func goAway(errorCode: UInt32) {
        fail(HTTP2ErrorCode(rawValue: errorCode))
        signalOutput()
    }

    // MARK: - Client

    /// Whether the server's SETTINGS_MAX_CONCURRENT_STREAMS leaves room, and it did not go away.
    public var canOpenStream: Bool {
        acceptsNewStreams && !hasFailed && streams.count < peerStreamLimit && nextID <= 0x7FFF_FFFF
    }

    /// How many streams the server lets us have open (SETTINGS_MAX_CONCURRENT_STREAMS); at most 1,000.
    public var peerStreamLimit: Int { Int(min(peer.concurrentStreams, 1_000)) }

    /// Whether the server understands extended CONNECT (RFC 8441 §3).
    public var peerTakesExtendedConnect: Bool { peer.takesExtendedConnect }

    /// Opens `stream` with a request's head; ask `canOpenStream` before.
    ///
    /// - Returns: false when the session takes no more streams; nothing was sent then.
    public func submitRequest(_ head: borrowing RequestHead, on stream: HTTP2Stream, endStream: Bool) -> Bool {
        guard role == .client, acceptsNewStreams, !hasFailed, nextID <= 0x7FFF_FFFF else { return false }
        let id = nextID
        nextID += 2
        stream.asksForHead = head.methodIs("HEAD")
        stream.asksForTunnel = head.methodIs("CONNECT")
        add(stream, id)
        writeRequest(head, id, endStream: endStream)
        if endStream { endWithHead(stream) }
        signalOutput()
        return true
    }

    // MARK: - For the streams

    func reset(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
        guard !stream.isClosed, stream.resetCode == nil else { return }
        stream.resetCode = code
        if !hasFailed { writeReset(stream.id, code) }
        // Closed when that has left: whoever resets a stream is not called back meanwhile.
        ending.append(stream.id)
        signalOutput()
    }

    func consumed(_ count: Int, of stream: HTTP2Stream) {
        giveBack(count)
        guard !stream.remoteHasEnded, stream.resetCode == nil, !hasFailed else { return }
        let increment = stream.receiveWindow.consume(count)
        guard increment > 0 else { return }
        writeWindowUpdate(stream.id, increment)
        signalOutput()
    }

    /// `count` bytes are no longer under way in the connection's window.
    func giveBack(_ count: Int) {
        let increment = receiveWindow.consume(count)
        guard increment > 0, !hasFailed else { return }
        writeWindowUpdate(0, increment)
        signalOutput()
    }

    func queueData(of stream: HTTP2Stream) {
        guard !stream.isQueued, stream.sendWindow.available > 0 else { return }
        stream.isQueued = true
        withData.append(stream.id)
        signalOutput()
    }

    func queueEnd(of stream: HTTP2Stream) {
        ending.append(stream.id)
        signalOutput()
    }

    // MARK: - Streams come and go

    func add(_ stream: HTTP2Stream, _ id: UInt32) {
        stream.id = id
        stream.session = self
        stream.sendWindow = SendWindow(peer.initialWindow)
        stream.receiveWindow = ReceiveWindow(
            settingsAreAcknowledged ? Int32(clamping: settings.streamWindow) : SendWindow.initial)
        streams.insert(stream, id)
    }

    func close(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
        guard !stream.isClosed else { return }
        stream.isClosed = true
        streams.remove(stream.id)
        if input.stream === stream { input.stream = nil }
        stream.dropOutgoing(to: buffers)
        stream.session = nil
        // The connection's window is the other streams' too: what this one leaves unread must not stay closed.
        if stream.unconsumed > 0 { giveBack(stream.unconsumed) }
        stream.closed(errorCode: code.rawValue)
    }

    func closeIfDone(_ stream: HTTP2Stream) {
        if stream.remoteHasEnded && stream.localHasEnded && stream.resetCode == nil { close(stream, .noError) }
    }

    /// The other side did something wrong on this stream: it is reset, once.
    func faulted(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
        guard !stream.isClosed, stream.resetCode == nil else { return }
        reset(stream, code)
        noteWaste()
    }

    /// A stream died young by the other side's doing.
    func noteWaste() {
        wastedStreams += 1
        guard role == .server else { return }
        resetCredit -= 1
        if resetCredit <= 0 { fail(.enhanceYourCalm) }
    }

    /// The other side did something wrong on the connection: GOAWAY, and the end.
    func fail(_ code: HTTP2ErrorCode) {
        guard !hasFailed else { return }
        writeGoAway(lastStream: role == .server ? recent.highest : 0, code)
        acceptsNewStreams = false
        hasFailed = true
    }

    private func canSend(_ stream: HTTP2Stream) -> Bool {
        !stream.isClosed && stream.resetCode == nil && !stream.outgoingEnds && !hasFailed
    }

    private func endWithHead(_ stream: HTTP2Stream) {
        stream.outgoingEnds = true
        stream.endsWithHead = true
        ending.append(stream.id)
    }

    // MARK: - Output

    var hasOutput: Bool {
        if pending.count > 0 { return true }
        return !hasFailed && (!ending.isEmpty || !withData.isEmpty && sendWindow.available > 0)
    }

    func signalOutput() {
        if !isReceiving { delegate?.sessionHasOutput() }
    }
}
