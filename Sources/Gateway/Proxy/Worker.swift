import Policy
import Reactor
import Wire

/// What other threads ask of a worker.
enum WorkerMessage: Sendable {
    case verified(exchange: UInt64, token: [UInt8], provider: Int, epoch: UInt64, Result<VerifiedToken, TokenRefusal>)
    case replace(Snapshot)
    case drain(deadlineMilliseconds: Int)
}

/// One thread's share of the gateway: its loop, listeners, connections, pools, caches and counters. Nothing here is locked
/// and nothing is shared; other threads post messages.
final class Worker: TimerTarget {
    private static let pooledExchanges = 1024

    let loop: EventLoop
    let mailbox: Mailbox<WorkerMessage>
    let counters: WorkerCounters
    private let accessLog: AccessLog
    private(set) var configuration: InstalledSnapshot
    private var listeners: [ListenSocket] = []
    private var connections: [ObjectIdentifier: ClientConnection] = [:]
    private var waitingForToken: [UInt64: Exchange] = [:]
    private var exchangePool: [Exchange] = []
    private var finishedExchanges: [Exchange] = []
    private var downstreamPool: [HTTP2Downstream] = []
    private var closedDownstreams: [HTTP2Downstream] = []
    private var lastExchange: UInt64 = 0
    private var tokenEpoch: UInt64 = 0
    private var logLines: [UInt8] = []
    private var logLineCount = 0
    private lazy var drainTimer = DeadlineTimer(target: self)

    var tokens: TokenCache
    var random = RandomSource()
    private(set) var isDraining = false

    /// Memory for a moment: used within one call, by whoever is writing a head or a chunk.
    var scratch: [UInt8] = []
    /// Memory for HTTP/2 frames; see `withFrames`.
    private var frames: [UInt8] = []
    var bodyScratch: [UInt8] = []
    var targetScratch: [UInt8] = []
    var hostScratch: [UInt8] = []

    init(snapshot: Snapshot, accessLog: AccessLog) throws(ReactorError) {
        loop = try EventLoop()
        mailbox = try Mailbox()
        counters = WorkerCounters()
        self.accessLog = accessLog
        configuration = InstalledSnapshot(snapshot)
        var system = SystemRandomNumberGenerator()
        tokens = TokenCache(capacity: snapshot.limits.verifiedTokens, key: (system.next(), system.next()))
        try configuration.install(worker: self, previous: nil)
    }

    deinit { drainTimer.cancel() }

    /// Listens on `port` instead of the listener's own, when it is given (for the second worker on an ephemeral port).
    func listen(on listener: Listener, port: UInt16?) throws(ReactorError) -> UInt16 {
        let index = listeners.count
        let socket = try ListenSocket(loop: loop, address: listener.address, port: port ?? listener.port) {
            [unowned self] accepted in accept(accepted, position: index)
        }
        listeners.append(socket)
        return socket.port
    }

    /// The thread's whole life: returns when a drain is complete.
    func run() {
        loop.turnEnded = { [unowned self] in endTurn() }
        do throws(ReactorError) {
            try loop.attach(mailbox) { [unowned self] in receive($0) }
        } catch {
            return
        }
        loop.run()
        handOverLog()
        // Exchanges, streams and pools refer to their worker: let go of them, or none of them is ever freed.
        exchangePool = []
        downstreamPool = []
        waitingForToken = [:]
        connections = [:]
        configuration.letGo()
        loop.turnEnded = {}
    }

    // MARK: - Connections

    private func accept(_ accepted: consuming AcceptedSocket, position: Int) {
        let limits = configuration.snapshot.limits
        let listener = configuration.snapshot.listeners[position]
        counters.connectionsAccepted.add()
        counters.connectionsOpen.add()
        if counters.connectionsOpen.current >= UInt64(limits.connectionsPerWorker) {
            for socket in listeners { socket.pause() }
        }
        let handshaking = HandshakingConnection(worker: self, listener: listener.index)
        do throws(ReactorError) {
            let transport = try Transport(accepting: accepted, loop: loop, tls: listener.tls, delegate: handshaking)
            handshaking.begin(transport)
            if listener.tls == nil { handshaking.transportOpened() }
        } catch {
            counters.connectionsOpen.subtract()
        }
    }

    /// The handshake is done: now the protocol is known.
    func opened(_ transport: Transport, listener: Int) {
        guard transport.negotiatedHTTP2 else {
            return keep(HTTP1ClientConnection(worker: self, listener: listener, transport: transport))
        }
        let connection = HTTP2ClientConnection(worker: self, listener: listener, transport: transport)
        keep(connection)
        if !connection.start() { transport.close() }
    }

    private func keep(_ connection: ClientConnection) {
        connections[ObjectIdentifier(connection)] = connection
        connection.transport.replaceDelegate(connection)
        connection.beginWaiting()
        if isDraining { connection.drain() }
    }

    func closed(_ connection: ClientConnection) {
        connections[ObjectIdentifier(connection)] = nil
        counters.connectionsOpen.subtract()
        connectionEnded()
    }

    func connectionEnded() {
        if isDraining {
            stopWhenDrained()
        } else if counters.connectionsOpen.current < UInt64(configuration.snapshot.limits.connectionsPerWorker) {
            for socket in listeners { socket.resume() }
        }
    }

    // MARK: - Exchanges

    func makeExchange(_ downstream: any Downstream) -> Exchange {
        let exchange = exchangePool.popLast() ?? Exchange(worker: self)
        lastExchange += 1
        exchange.reset(number: lastExchange, downstream: downstream)
        return exchange
    }

    /// The exchange is over; it is cleared when the turn ends, because its methods may still be on the stack.
    func release(_ exchange: Exchange) {
        waitingForToken[exchange.number] = nil
        finishedExchanges.append(exchange)
    }

    func makeDownstream(_ client: HTTP2ClientConnection) -> HTTP2Downstream {
        guard let stream = downstreamPool.popLast() else { return HTTP2Downstream(client) }
        stream.begin(on: client)
        return stream
    }

    /// The stream is closed; like an exchange it is used again when the turn has ended.
    func recycle(_ stream: HTTP2Downstream) { closedDownstreams.append(stream) }

    // MARK: - Memory

    /// Gives memory for HTTP/2 frames. It is taken out meanwhile: producing frames calls streams back, and these may do
    /// anything.
    func withFrames<R>(_ body: (inout [UInt8]) throws(HTTP2SessionError) -> R) throws(HTTP2SessionError) -> R {
        var taken: [UInt8] = []
        swap(&taken, &frames)
        defer { swap(&taken, &frames) }
        taken.removeAll(keepingCapacity: true)
        return try body(&taken)
    }

    // MARK: - Tokens

    /// - Returns: false when too many wait already, here or at the verifier.
    func verifyLater(_ token: [UInt8], provider: Int, for exchange: Exchange) -> Bool {
        guard waitingForToken.count < configuration.snapshot.limits.pendingVerifications else { return false }
        let number = exchange.number
        let mailbox = mailbox
        let epoch = tokenEpoch
        waitingForToken[number] = exchange
        let queued = exchange.configuration.snapshot.verifier.verify(token, provider: provider) { result in
            mailbox.post(.verified(exchange: number, token: token, provider: provider, epoch: epoch, result))
        }
        if !queued { waitingForToken[number] = nil }
        return queued
    }

    // MARK: - Messages

    private func receive(_ message: WorkerMessage) {
        switch message {
        case .verified(let number, let token, let provider, let epoch, let result):
            if case .success(let verified) = result, epoch == tokenEpoch {
                tokens.insert(
                    token, provider: provider, verified: verified, nowSeconds: loop.wallMilliseconds / 1000)
            }
            waitingForToken.removeValue(forKey: number)?.verified(result)
        case .replace(let snapshot): replace(with: snapshot)
        case .drain(let deadline): drain(deadlineMilliseconds: deadline)
        }
    }

    private func replace(with snapshot: Snapshot) {
        let next = InstalledSnapshot(snapshot)
        do throws(ReactorError) {
            try next.install(worker: self, previous: configuration)
        } catch {
            return  // Control resolves addresses; one that is not numeric never gets here.
        }
        configuration = next
        // Providers and keys may have changed: every token is verified anew, and what is under way is not remembered.
        tokenEpoch += 1
        tokens.removeAll()
    }

    private func drain(deadlineMilliseconds: Int) {
        guard !isDraining else { return }
        isDraining = true
        for listener in listeners { listener.close() }
        for connection in connections.values { connection.drain() }
        configuration.retireAll()
        loop.schedule(drainTimer, afterMilliseconds: deadlineMilliseconds)
        stopWhenDrained()
    }

    private func stopWhenDrained() {
        if counters.connectionsOpen.current == 0 { loop.stop() }
    }

    /// The drain's deadline: what is still open is cut.
    func timerFired() { loop.stop() }

    // MARK: - The end of a turn

    /// Adds a line to the access log.
    func log(_ write: (inout [UInt8]) -> Void) {
        write(&logLines)
        logLineCount += 1
    }

    private func endTurn() {
        for exchange in finishedExchanges {
            exchange.clear()
            if exchangePool.count < Self.pooledExchanges { exchangePool.append(exchange) }
        }
        finishedExchanges.removeAll(keepingCapacity: true)
        let room = max(0, Self.pooledExchanges - downstreamPool.count)
        downstreamPool.append(contentsOf: closedDownstreams.prefix(room))
        closedDownstreams.removeAll(keepingCapacity: true)
        handOverLog()
    }

    private func handOverLog() {
        guard logLineCount > 0 else { return }
        accessLog.append(logLines, count: logLineCount)
        logLines.removeAll(keepingCapacity: true)
        logLineCount = 0
    }
}
