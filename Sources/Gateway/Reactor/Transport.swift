import Glibc

/// Why a transport ended.
public enum TransportEnd: Sendable, Equatable {
    /// We closed it.
    case closed
    /// The other side closed or reset it, or the network did.
    case lost
    case handshakeFailed
    case connectFailed
}

/// What a transport tells the protocol on top of it. All on the loop's thread.
public protocol TransportDelegate: AnyObject {
    /// Connected, and the TLS handshake, if any, is done.
    func transportOpened()
    /// Bytes from the other side; valid during the call only.
    func transportReceived(_ bytes: Span<UInt8>)
    /// The other side sends no more. It may still read.
    func transportReceivedEnd()
    /// The turn ends: the last chance to `write` into this turn's flush.
    func transportWillFlush()
    /// The kernel has taken all that was written: there is room again.
    func transportDrained()
    /// Called once, last.
    func transportEnded(_ end: TransportEnd)
}

/// A TCP connection, with TLS if it was accepted or is connected so.
///
/// Writes gather until the end of the turn and leave in one send. What the kernel does not take stays in `backlog`, and
/// `isWritable` is false until it is gone: whoever writes more than a little at a time watches it.
public final class Transport: EventHandler, TimerTarget {
    enum State { case connecting, preamble, handshaking, open, lingering, ended }

    /// Plaintext is encrypted and sent in pieces of this size, so that a slow peer leaves the rest unencrypted.
    private static let sendBytes = 131_072
    public let loop: EventLoop
    /// Who is connected; what a preamble says takes its place.
    public internal(set) var peer: SocketAddress
    var delegate: (any TransportDelegate)?
    var socket: Descriptor?
    let fd: Int32
    var tls: TLSSession?
    /// What stands before everything else, TLS too; nil once it is read.
    var preamble: ((Span<UInt8>) -> Preamble)?
    var preambleBytes: [UInt8] = []
    var registration: EventLoop.Registration?
    var state: State
    var output: [UInt8] = []
    var outputOffset = 0
    var backlog: [UInt8] = []
    var backlogOffset = 0
    var isDirty = false
    private var isPressing = false
    var isReadingPaused = false
    var isInterestedInWriting = false
    var closesAfterFlush = false
    var finishesAfterFlush = false
    var saidGoodbye = false
    /// The other side reads no more. It may have answered before, so reading goes on and finds the end.
    var isWritingLost = false
    var lingers = true
    var lingered = 0
    var lingersUntil: UInt64 = 0
    lazy var lingerTimer = DeadlineTimer(target: self)
    var end: TransportEnd?

    /// Monotonic nanoseconds of the last progress while `isWritable` is false.
    public private(set) var stalledSince: UInt64 = 0
    public internal(set) var bytesReceived: UInt64 = 0
    public private(set) var bytesSent: UInt64 = 0

    /// Takes over an accepted connection.
    ///
    /// - Parameter preamble: reads what a proxy sends before the client's first byte.
    public init(
        accepting accepted: consuming AcceptedSocket, loop: EventLoop, tls context: TLSServerContext?,
        preamble: ((Span<UInt8>) -> Preamble)? = nil, delegate: any TransportDelegate
    ) throws(ReactorError) {
        self.loop = loop
        self.delegate = delegate
        peer = accepted.peer
        fd = accepted.socket.number
        self.preamble = preamble
        state = preamble != nil ? .preamble : context == nil ? .open : .handshaking
        socket = accepted.intoSocket()
        try Syscalls.disableNagle(fd)
        if let context {
            guard let session = TLSSession(server: context, fd: fd, cipher: loop.cipher) else {
                throw .system(call: "SSL_new", errno: ENOMEM)
            }
            tls = session
        }
        registration = try loop.register(fd, self, interest: .readable)
    }

    /// Begins to connect to `address`; `transportOpened`, `transportEnded(.connectFailed)` or, with TLS,
    /// `transportEnded(.handshakeFailed)` follows. What is written meanwhile is sent when the connection is open.
    public init(
        connectingTo address: SocketAddress, loop: EventLoop, tls sessions: TLSClientSessions? = nil,
        delegate: any TransportDelegate
    ) throws(ReactorError) {
        self.loop = loop
        self.delegate = delegate
        peer = address
        let made = try Syscalls.makeStreamSocket(address.family)
        fd = made.number
        socket = consume made
        state = .connecting
        try Syscalls.disableNagle(fd)
        let number = fd
        let result = address.withSockaddr { Glibc.connect(number, $0, $1) }
        if result != 0 && errno != EINPROGRESS { throw .system(call: "connect", errno: errno) }
        if let sessions {
            guard let session = TLSSession(client: sessions, fd: number, cipher: loop.cipher) else {
                throw .system(call: "SSL_new", errno: ENOMEM)
            }
            tls = session
        }
        isInterestedInWriting = true
        registration = try loop.register(fd, self, interest: [.readable, .writable])
    }

    /// Puts another protocol on top, once the handshake has told which.
    public func replaceDelegate(_ next: any TransportDelegate) { delegate = next }

    public var isOpen: Bool { state == .open && !closesAfterFlush }
    public var isWritable: Bool { backlog.isEmpty }
    public var isTLS: Bool { tls != nil }
    public var negotiatedHTTP2: Bool { tls?.negotiatedHTTP2 ?? false }
    public var tlsVersion: String? { tls?.version }
    /// With TLS: why the handshake failed; nil for a client that sent nothing. To be read in `transportEnded`.
    public internal(set) var tlsFailure: String?
    /// Whether the handshake resumed an earlier session.
    public var isTLSResumed: Bool { tls?.isResumed ?? false }
    /// Bytes written and not yet taken by the kernel.
    public var unsentBytes: Int { output.count - outputOffset + backlog.count - backlogOffset }

    // MARK: - Writing

    /// Adds to what this turn sends.
    public func write(_ bytes: Span<UInt8>) {
        guard state == .open || state == .connecting || state == .handshaking else { return }
        if output.capacity == 0 { output = loop.takeOutput() }
        bytes.withUnsafeBufferPointer { output.append(contentsOf: $0) }
        markDirty()
    }

    public func write(_ bytes: [UInt8]) { write(bytes.span) }

    /// Has `body` append to what this turn sends, which it must not change otherwise.
    ///
    /// - Returns: what `body` returns; nil, without calling it, when nothing can be sent any more.
    public func write(_ body: (inout [UInt8]) -> Bool) -> Bool? {
        guard state == .open || state == .connecting || state == .handshaking else { return nil }
        if output.capacity == 0 { output = loop.takeOutput() }
        defer { markDirty() }
        return body(&output)
    }

    /// Has `transportWillFlush` called at the end of the turn.
    public func markDirty() {
        guard !isDirty, state != .ended else { return }
        isDirty = true
        loop.flushLater(self)
    }

    /// There is much to say: flushes after the present event rather than at the end of the turn, while the processor's
    /// caches hold it, and before more of the same gathers.
    public func flushSoon() {
        guard !isPressing, state == .open else { return }
        isPressing = true
        markDirty()
        loop.flushSoon(self)
    }

    /// Sends at once, past the gathered output, which must be empty: for a protocol that produces its bytes during
    /// `transportWillFlush` in a buffer of its own.
    public func send(_ bytes: Span<UInt8>) {
        guard state == .open, isWritable else { return write(bytes) }
        bytes.withUnsafeBytes { transmit($0) }
    }

    public func send(_ bytes: [UInt8]) { send(bytes.span) }

    func flush() {
        // One that was flushed before the turn's end stands in the turn's list still.
        guard isDirty else { return }
        isDirty = false
        isPressing = false
        guard state == .open else { return }
        delegate?.transportWillFlush()
        guard state == .open else { return }
        let hadOutput = outputOffset < output.count
        sendOutput()
        if hadOutput && unsentBytes == 0 && state == .open { delegate?.transportDrained() }
        if finishesAfterFlush && unsentBytes == 0 && state == .open { finishWriting() }
        if closesAfterFlush && unsentBytes == 0 && state == .open { finishClosing() }
    }

    func sendOutput() {
        while isWritable && outputOffset < output.count && state == .open {
            let count = min(Self.sendBytes, output.count - outputOffset)
            let range = outputOffset..<outputOffset + count
            outputOffset += count
            output.withUnsafeBytes { transmit(UnsafeRawBufferPointer(rebasing: $0[range])) }
        }
        guard outputOffset == output.count, output.capacity > 0 else { return }
        loop.giveBack(output)
        output = []
        outputOffset = 0
    }

    func transmit(_ bytes: UnsafeRawBufferPointer) {
        guard let tls else { return sendNow(bytes) }
        guard tls.write(bytes) else {
            // The buffer is the loop's: what one connection leaves in it would go out on the next.
            loop.cipher.bytes.removeAll(keepingCapacity: true)
            return fail(.lost)
        }
        sendCipher()
    }

    func sendCipher() {
        guard !loop.cipher.bytes.isEmpty else { return }
        loop.cipher.bytes.withUnsafeBytes { sendNow($0) }
        loop.cipher.bytes.removeAll(keepingCapacity: true)
    }

    /// Hands bytes of the wire to the kernel; what it does not take waits in the backlog.
    func sendNow(_ bytes: UnsafeRawBufferPointer) {
        guard !isWritingLost else { return }
        var sent = 0
        if backlog.isEmpty {
            do throws(ReactorError) {
                sent = try Syscalls.send(fd, bytes) ?? 0
            } catch {
                return loseWriting(error)
            }
            bytesSent += UInt64(sent)
        }
        guard sent < bytes.count else { return }
        if backlog.isEmpty { stalledSince = loop.now }
        backlog.append(contentsOf: bytes[sent...])
        setInterest(writing: true)
    }

    func sendBacklog() {
        guard !backlog.isEmpty else { return setInterest(writing: false) }
        let range = backlogOffset..<backlog.count
        let result = backlog.withUnsafeBytes { bytes in
            Result { () throws(ReactorError) in try Syscalls.send(fd, UnsafeRawBufferPointer(rebasing: bytes[range])) }
        }
        let taken: Int?
        switch result {
        case .success(let count): taken = count
        case .failure(let error):
            backlog = []
            backlogOffset = 0
            setInterest(writing: false)
            return loseWriting(error)
        }
        guard let sent = taken else { return }
        backlogOffset += sent
        bytesSent += UInt64(sent)
        stalledSince = loop.now
        guard backlogOffset == backlog.count else { return }
        backlog = []
        backlogOffset = 0
        setInterest(writing: false)
        if unsentBytes == 0 { delegate?.transportDrained() }
        markDirty()
    }

    /// After a reset epoll reports the hang-up, so the reading side ends the transport: now, if it is paused, or when it
    /// has read what came before.
    func loseWriting(_ error: ReactorError) {
        guard state == .open, case .system(_, let code) = error, code == EPIPE || code == ECONNRESET else {
            return fail(.lost)
        }
        isWritingLost = true
    }

    // MARK: - Interest

    func setInterest(writing: Bool) {
        guard isInterestedInWriting != writing else { return }
        isInterestedInWriting = writing
        updateInterest()
    }

    func updateInterest() {
        guard let registration else { return }
        var interest: ReadyEvents = []
        if !isReadingPaused { interest.insert(.readable) }
        if isInterestedInWriting { interest.insert(.writable) }
        loop.change(fd, registration, interest: interest)
    }
}
