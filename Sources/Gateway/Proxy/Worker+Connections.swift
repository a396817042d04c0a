import Policy
import Reactor
import Routing
import Wire

/// What comes in: listeners, connections, and who has to go when there is no room.
extension Worker {
    // MARK: - Listeners

    /// Serves what comes in at `bound`.
    func listen(on listener: Listener, _ bound: BoundSocket) throws(ReactorError) {
        let open = OpenListener(listener, counters: counters.counters(ofListener: listener.name))
        open.socket = try ListenSocket(loop: loop, bound: bound) { [unowned self, unowned open] accepted in
            accept(accepted, at: open)
        }
        listeners.append(open)
    }

    /// Those that stay take their new settings, new ones are opened, and the rest close: their connections end when they are
    /// idle.
    func replaceListeners(_ wanted: [Listener], _ sockets: [ListenerKey: BoundSocket]) {
        guard !isDraining else { return }
        var old = Dictionary(listeners.map { (ListenerKey($0.settings), $0) }) { first, _ in first }
        listeners = []
        for listener in wanted {
            let key = ListenerKey(listener)
            if let open = old.removeValue(forKey: key) {
                open.settings = listener
                listeners.append(open)
            } else if let socket = sockets[key] {
                // Only epoll can fail here, when the process has no memory left.
                try? listen(on: listener, socket)
            }
        }
        guard !old.isEmpty else { return }
        for open in old.values { open.retire(last: configuration) }
        for connection in Array(connections.values) where connection.isRetired { connection.drain() }
    }

    // MARK: - Accepting

    private func accept(_ accepted: consuming AcceptedSocket, at open: OpenListener) {
        counters.connectionsAccepted.add()
        let peer = accepted.peer
        let proxy = open.settings.proxyProtocol
        if let proxy, !proxy.trusts(peer) {
            counters.connectionsRefused.add()
            return gaveUp(.proxyHeaderRefused, at: open, client: peer.host, since: loop.now)
        }
        let client = proxy == nil ? enter(peer, at: open) : nil
        guard proxy != nil || client != nil else { return }  // closed with `accepted`
        counters.connectionsOpen.add()
        open.counters.accepted.add()
        open.counters.open.add()
        if isFull { makeRoom() }
        let connection = HandshakingConnection(worker: self, listener: open, client: client)
        let preamble = proxy == nil ? nil : { bytes in connection.readPreamble(bytes, from: peer) }
        do throws(ReactorError) {
            let tls = open.settings.tls
            let transport = try Transport(
                accepting: accepted, loop: loop, tls: tls, preamble: preamble, delegate: connection)
            handshaking[ObjectIdentifier(connection)] = connection
            connection.begin(transport)
            if tls == nil && proxy == nil { connection.transportOpened() }
        } catch {
            ended(client, at: open)
        }
    }

    /// Counts a connection of a client; nil when it has as many as it may have.
    func enter(_ peer: SocketAddress, at listener: OpenListener) -> ClientShare? {
        if let client = admission.enter(peer, limits: configuration.snapshot.limits) { return client }
        counters.connectionsRefused.add()
        gaveUp(.tooManyOfClient, at: listener, client: peer.host, since: loop.now)
        return nil
    }

    private var isFull: Bool {
        counters.connectionsOpen.current >= UInt64(admission.connectionLimit(configuration.snapshot.limits))
    }

    /// Accepts no more until a connection ends, and ends some that are of no use.
    private func makeRoom() {
        for listener in listeners { listener.socket?.pause() }
        guard loop.now &- evictedAt >= Admission.intervalNanoseconds else { return lookAgainForRoom() }
        evictedAt = loop.now
        var candidates: [(since: UInt64, end: () -> Void)] = []
        for connection in handshaking.values where loop.now - connection.since >= Admission.unprovenNanoseconds {
            candidates.append((connection.since, { connection.close(.evicted) }))
        }
        for connection in connections.values where connection.isDispensable {
            candidates.append((connection.idleSince, { connection.giveUp(.evicted) }))
        }
        candidates.sort { $0.since < $1.since }
        for candidate in candidates.prefix(Admission.evictedAtOnce) {
            counters.connectionsEvicted.add()
            candidate.end()
        }
        if candidates.isEmpty { lookAgainForRoom() }
    }

    /// Connections grow idle without saying so.
    private func lookAgainForRoom() {
        guard !isDraining else { return }
        loop.schedule(roomTimer, afterMilliseconds: 500)
    }

    func lookForRoom() {
        if isFull && !isDraining { makeRoom() }
    }

    /// The handshake is done: now the protocol is known.
    func opened(_ transport: Transport, from handshake: HandshakingConnection, client: ClientShare) {
        handshaking[ObjectIdentifier(handshake)] = nil
        if transport.isTLS {
            counters.handshakes.add()
            if transport.isTLSResumed { counters.handshakesResumed.add() }
        }
        let listener = handshake.listener
        guard transport.negotiatedHTTP2 else {
            let connection = HTTP1ClientConnection(
                worker: self, listener: listener, client: client, transport: transport)
            keep(connection)
            return drainIfNeeded(connection)
        }
        let connection = HTTP2ClientConnection(worker: self, listener: listener, client: client, transport: transport)
        keep(connection)
        connection.start()
        drainIfNeeded(connection)
    }

    /// A cleartext connection that began with the preface of HTTP/2 (RFC 9113 §3.4) in place of a request.
    func switchToHTTP2(_ old: HTTP1ClientConnection, _ bytes: Span<UInt8>) {
        connections[ObjectIdentifier(old)] = nil
        let connection = HTTP2ClientConnection(
            worker: self, listener: old.openListener, client: old.client, transport: old.transport)
        keep(connection)
        connection.start()
        drainIfNeeded(connection)
        connection.transportReceived(bytes)
    }

    private func keep(_ connection: ClientConnection) {
        connections[ObjectIdentifier(connection)] = connection
        connection.transport.replaceDelegate(connection)
        connection.beginWaiting()
    }

    /// One that comes while the gateway, or its listener, is on its way out.
    private func drainIfNeeded(_ connection: ClientConnection) {
        if closesIdle || connection.isRetired {
            connection.drain()
        } else if isDraining {
            connection.announceDrain()
        }
    }

    func closed(_ connection: ClientConnection) {
        connections[ObjectIdentifier(connection)] = nil
        ended(connection.client, at: connection.openListener)
    }

    func closed(_ handshake: HandshakingConnection) {
        handshaking[ObjectIdentifier(handshake)] = nil
        counters.handshakesFailed.add()
        ended(handshake.client, at: handshake.listener)
    }

    private func ended(_ client: ClientShare?, at listener: OpenListener) {
        counters.connectionsOpen.subtract()
        listener.counters.open.subtract()
        if let client { admission.leave(client) }
        if isDraining {
            stopWhenDrained()
        } else if !isFull {
            for listener in listeners { listener.socket?.resume() }
        }
    }
}
