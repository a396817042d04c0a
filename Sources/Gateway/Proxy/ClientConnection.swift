import Reactor
import Wire

/// A client's connection, whatever protocol it speaks: who it is, and the deadlines every protocol has.
class ClientConnection: TransportDelegate, TimerTarget {
    /// Between two looks at a connection that is busy.
    private static let watchMilliseconds = 2_000

    let worker: Worker
    let openListener: OpenListener
    let client: ClientShare
    let isTLS: Bool
    let transport: Transport
    /// The client's address as text.
    let peerText: [UInt8]
    /// The client's address as of IPv6, an IPv4 address mapped.
    let peerWords: (high: UInt64, low: UInt64)
    private var forwardedHost: [UInt8] = []
    private var forwardedClient: ForwardedClient?
    /// What tells the endpoint of the client (RFC 7239 and its forerunners); see `rememberHost`.
    private(set) var forwardedFields = HeaderBlock(arenaCapacity: 224, fieldCapacity: 4)
    /// What the access log says of the connection.
    private(set) lazy var logText = makeLogText(peerText)
    private let timer = DeadlineTimer()
    /// When the connection last began to wait for the client, in monotonic nanoseconds.
    private(set) var idleSince: UInt64
    /// When it was opened.
    private let openedAt: UInt64
    /// Made when a token has to be verified.
    lazy var verifications = VerificationLine()
    /// A request of this connection was answered.
    var hasServed = false
    /// It is closed because the client takes nothing: that is how its requests end.
    private(set) var hasStalled = false

    init(worker: Worker, listener: OpenListener, client: ClientShare, transport: Transport) {
        self.worker = worker
        openListener = listener
        self.client = client
        self.transport = transport
        isTLS = transport.isTLS
        peerWords = transport.peer.bytes
        let host = transport.peer.host
        peerText = Array(host.utf8)
        idleSince = worker.loop.now
        openedAt = idleSince
        timer.attach(self)
    }

    deinit { timer.cancel() }

    /// The listener's index in the route table of `configuration`.
    var listener: Int { openListener.settings.index }

    /// What its requests are served by.
    var configuration: InstalledSnapshot { openListener.lastConfiguration ?? worker.configuration }

    var isRetired: Bool { openListener.lastConfiguration != nil }

    var tlsVersion: String? { transport.tlsVersion }

    /// Has `forwardedFields` name this host and client. Requests of a connection mostly name the same ones, so the fields are
    /// made once for all in a row that do.
    ///
    /// - Parameter client: nil: the one at the other end.
    func rememberHost(_ host: Span<UInt8>, _ client: ForwardedClient?) {
        let known = forwardedHost
        guard !FieldRules.equals(host, known.span) || client != forwardedClient else { return }
        forwardedHost = []
        forwardedHost.append(bytes: host)
        forwardedClient = client
        let clientText = client?.text ?? peerText
        forwardedFields.removeAll()
        forwardedFields.append("x-forwarded-for", clientText)
        forwardedFields.append("x-forwarded-proto", isTLS ? "https" : "http")
        forwardedFields.append("x-forwarded-host", forwardedHost)
        forwardedFields.append("forwarded", makeForwarded(clientText, host: forwardedHost))
        forwardedFields.check()
    }

    private func makeForwarded(_ client: [UInt8], host: [UInt8]) -> [UInt8] {
        let isIPv6 = client.contains(UInt8(ascii: ":"))
        var value: [UInt8] = []
        value.reserveCapacity(96)
        value.append(literal: isIPv6 ? "for=\"[" : "for=")
        value.append(contentsOf: client)
        if isIPv6 { value.append(literal: "]\"") }
        value.append(literal: ";host=\"")
        value.append(contentsOf: host)
        value.append(literal: isTLS ? "\";proto=https" : "\";proto=http")
        return value
    }

    /// What the access log says of the connection to a proxy that named this client.
    func logText(of client: ForwardedClient) -> [UInt8] {
        var text = makeLogText(client.text)
        text.append(literal: ",\"proxy\":")
        text.append(jsonString: peerText)
        return text
    }

    private func makeLogText(_ client: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.append(literal: ",\"listener\":")
        text.append(jsonString: openListener.settings.name)
        text.append(literal: ",\"client\":")
        text.append(jsonString: client)
        if let version = tlsVersion {
            text.append(literal: ",\"tls\":")
            text.append(jsonString: version)
        }
        return text
    }

    // MARK: - For subclasses

    /// Whether a request is under way.
    var isBusy: Bool { false }
    /// Whether a head has begun to arrive and is not complete.
    var isReadingHead: Bool { false }
    /// Something of the protocol wants `timerFired` to be called now and then.
    var isWatched: Bool { false }
    /// `drain()` will follow: the client is told, and what it sends meanwhile is answered.
    func announceDrain() {}
    /// Ends the connection once what is under way is done.
    func drain() {}
    /// The client took too long to send a head.
    func headTimedOut() { giveUp(.requestHeadTimeout) }

    /// Closes the connection at once.
    func giveUp(_ outcome: ConnectionOutcome) {
        recordEnd(outcome)
        transport.close()
    }

    func recordEnd(_ outcome: ConnectionOutcome) {
        worker.gaveUp(outcome, at: openListener, client: transport.peer.host, since: openedAt)
    }

    func transportOpened() {}
    func transportReceived(_ bytes: Span<UInt8>) {}
    func transportReceivedEnd() {}
    func transportWillFlush() {}
    func transportDrained() {}

    func transportEnded(_ end: TransportEnd) {
        timer.cancel()
        worker.closed(self)
    }

    // MARK: - Deadlines

    /// The connection now waits for the client: from here its idle time counts, or its head's time.
    ///
    /// - Parameter isHeadComing: its first byte is there.
    func beginWaiting(isHeadComing: Bool = false) {
        idleSince = worker.loop.now
        let limits = worker.configuration.snapshot.limits
        let isAwaited = isHeadComing || isAwaitingHead
        let delay = isAwaited ? limits.requestHeadTimeout : limits.clientIdleTimeout
        worker.loop.schedule(timer, afterMilliseconds: isWatched ? min(delay, Self.watchMilliseconds) : delay)
    }

    /// A request is under way: from here it is looked after that the client takes its answer.
    func beginWork() {
        let limits = worker.configuration.snapshot.limits
        worker.loop.schedule(timer, afterMilliseconds: min(Self.watchMilliseconds, limits.clientWriteTimeout))
    }

    /// Nothing is lost when the connection is closed to make room for another.
    var isDispensable: Bool {
        guard !isBusy, transport.isOpen else { return false }
        let isProven = hasServed && !isReadingHead
        let enough = isProven ? Admission.idleNanoseconds : Admission.unprovenNanoseconds
        return worker.loop.now &- idleSince >= enough
    }

    private var isAwaitingHead: Bool { isReadingHead || transport.bytesReceived == 0 }

    func timerFired() {
        let limits = worker.configuration.snapshot.limits
        let now = worker.loop.now
        if !transport.isWritable && now &- transport.stalledSince > UInt64(limits.clientWriteTimeout) * 1_000_000 {
            hasStalled = true
            return giveUp(.writeTimeout)
        }
        var next = min(Self.watchMilliseconds, limits.clientWriteTimeout)
        if !isBusy && transport.isOpen {
            let waited = Int((now &- idleSince) / 1_000_000)
            let allowed = isAwaitingHead ? limits.requestHeadTimeout : limits.clientIdleTimeout
            guard waited < allowed else { return isAwaitingHead ? headTimedOut() : drain() }
            next = min(allowed - waited, transport.isWritable && !isWatched ? .max : next)
        }
        worker.loop.schedule(timer, afterMilliseconds: next)
    }
}

/// A connection whose TLS handshake is under way, and which protocol it will speak is not known.
final class HandshakingConnection: TransportDelegate, TimerTarget {
    private let worker: Worker
    let listener: OpenListener
    /// Nil until a PROXY header has said who it is.
    private(set) var client: ClientShare?
    /// When it was accepted, in monotonic nanoseconds.
    let since: UInt64
    private var transport: Transport?
    private lazy var timer = DeadlineTimer(target: self)
    /// It was said why it ends.
    private var isRecorded = false

    init(worker: Worker, listener: OpenListener, client: ClientShare?) {
        self.worker = worker
        self.listener = listener
        self.client = client
        since = worker.loop.now
    }

    deinit { timer.cancel() }

    func begin(_ transport: Transport) {
        self.transport = transport
        worker.loop.schedule(timer, afterMilliseconds: worker.configuration.snapshot.limits.handshakeTimeout)
    }

    func close(_ outcome: ConnectionOutcome) {
        recordEnd(outcome)
        transport?.close()
    }

    private func recordEnd(_ outcome: ConnectionOutcome, reason: String? = nil) {
        guard !isRecorded else { return }
        isRecorded = true
        let peer = transport?.peer.host ?? ""
        worker.gaveUp(outcome, at: listener, client: peer, since: since, reason: reason)
    }

    /// Reads a PROXY header, and counts the client that it names.
    func readPreamble(_ bytes: Span<UInt8>, from proxy: SocketAddress) -> Preamble {
        let preamble = Preamble(proxyHeader: bytes)
        guard case .complete(_, let peer) = preamble else { return preamble }
        client = worker.enter(peer ?? proxy, at: listener)
        guard client == nil else { return preamble }
        isRecorded = true
        return .refused
    }

    func transportOpened() {
        timer.cancel()
        guard let transport, let client else { return }
        self.transport = nil
        worker.opened(transport, from: self, client: client)
    }

    func transportReceived(_ bytes: Span<UInt8>) {}
    func transportReceivedEnd() {}
    func transportWillFlush() {}
    func transportDrained() {}

    func transportEnded(_ end: TransportEnd) {
        timer.cancel()
        if end == .handshakeFailed {
            let reason = transport?.tlsFailure
            if isAwaitingProxyHeader {
                recordEnd(.proxyHeaderRefused)
            } else if reason != nil {
                recordEnd(.handshakeFailed, reason: reason)
            }
        }
        transport = nil
        worker.closed(self)
    }

    private var isAwaitingProxyHeader: Bool { client == nil }

    func timerFired() { close(isAwaitingProxyHeader ? .proxyHeaderTimeout : .handshakeTimeout) }
}
