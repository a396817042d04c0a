import Reactor
import Wire

/// A client's connection, whatever protocol it speaks: who it is, and the deadlines every protocol has.
class ClientConnection: TransportDelegate, TimerTarget {
    /// Between two looks at a connection that is busy.
    private static let watchMilliseconds = 2_000

    let worker: Worker
    /// The listener's index in the route table.
    let listener: Int
    let isTLS: Bool
    let transport: Transport
    /// The client's address as text.
    let peerText: [UInt8]
    private let peerIsIPv6: Bool
    private var forwardedHost: [UInt8] = []
    private var forwardedValue: [UInt8] = []
    private lazy var timer = DeadlineTimer(target: self)
    /// When the connection last began to wait for the client, in monotonic nanoseconds.
    private(set) var idleSince: UInt64

    init(worker: Worker, listener: Int, transport: Transport) {
        self.worker = worker
        self.listener = listener
        self.transport = transport
        isTLS = transport.isTLS
        let host = transport.peer.host
        peerText = Array(host.utf8)
        peerIsIPv6 = host.utf8.contains(UInt8(ascii: ":"))
        idleSince = worker.loop.now
    }

    deinit { timer.cancel() }

    var tlsVersion: String? { transport.tlsVersion }

    /// `Forwarded` (RFC 7239 §4) for a request of this connection; its requests mostly name the same host.
    func forwarded(host: [UInt8]) -> [UInt8] {
        if host != forwardedHost {
            forwardedHost = host
            forwardedValue = makeForwarded(host: host)
        }
        return forwardedValue
    }

    private func makeForwarded(host: [UInt8]) -> [UInt8] {
        var value: [UInt8] = []
        value.reserveCapacity(96)
        value.append(literal: peerIsIPv6 ? "for=\"[" : "for=")
        value.append(contentsOf: peerText)
        if peerIsIPv6 { value.append(literal: "]\"") }
        value.append(literal: ";host=\"")
        value.append(contentsOf: host)
        value.append(literal: isTLS ? "\";proto=https" : "\";proto=http")
        return value
    }

    // MARK: - For subclasses

    /// Whether a request is under way.
    var isBusy: Bool { false }
    /// Whether a head has begun to arrive and is not complete.
    var isReadingHead: Bool { false }
    /// Ends the connection once what is under way is done.
    func drain() {}
    /// The client took too long to send a head.
    func headTimedOut() { transport.close() }

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
    func beginWaiting() {
        idleSince = worker.loop.now
        watch()
    }

    func watch() {
        worker.loop.schedule(timer, afterMilliseconds: Self.watchMilliseconds)
    }

    func timerFired() {
        let limits = worker.configuration.snapshot.limits
        let now = worker.loop.now
        if !transport.isWritable && now &- transport.stalledSince > UInt64(limits.clientWriteTimeout) * 1_000_000 {
            return transport.close()
        }
        if !isBusy && transport.isOpen {
            let waited = Int((now &- idleSince) / 1_000_000)
            if isReadingHead || transport.bytesReceived == 0 {
                if waited >= limits.requestHeadTimeout { return headTimedOut() }
            } else if waited >= limits.clientIdleTimeout {
                return drain()
            }
        }
        watch()
    }
}

/// A connection whose TLS handshake is under way, and which protocol it will speak is not known.
final class HandshakingConnection: TransportDelegate, TimerTarget {
    private let worker: Worker
    private let listener: Int
    private var transport: Transport?
    private lazy var timer = DeadlineTimer(target: self)

    init(worker: Worker, listener: Int) {
        self.worker = worker
        self.listener = listener
    }

    deinit { timer.cancel() }

    func begin(_ transport: Transport) {
        self.transport = transport
        worker.loop.schedule(timer, afterMilliseconds: worker.configuration.snapshot.limits.requestHeadTimeout)
    }

    func transportOpened() {
        timer.cancel()
        guard let transport else { return }
        self.transport = nil
        worker.opened(transport, listener: listener)
    }

    func transportReceived(_ bytes: Span<UInt8>) {}
    func transportReceivedEnd() {}
    func transportWillFlush() {}
    func transportDrained() {}

    func transportEnded(_ end: TransportEnd) {
        timer.cancel()
        transport = nil
        worker.counters.handshakesFailed.add()
        worker.counters.connectionsOpen.subtract()
        worker.connectionEnded()
    }

    func timerFired() { transport?.close() }
}
