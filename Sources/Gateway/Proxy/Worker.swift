import Policy
import Reactor
import Routing
import Wire

/// What other threads ask of a worker.
enum WorkerMessage: Sendable {
    case verified(exchange: UInt64, token: [UInt8], provider: Int, epoch: UInt64, Result<VerifiedToken, TokenRefusal>)
    /// With the sockets of listeners that are new.
    case replace(Snapshot, [ListenerKey: BoundSocket])
    case drain(deadlineMilliseconds: Int)
    /// One worker asks endpoints for their health, and tells the others.
    case health(backend: String, endpoint: Endpoint, isHealthy: Bool)
    /// Who is connected, and how often.
    case countClients(@Sendable ([ClientNetwork: Int]) -> Void)
}

/// A token that is being verified, and for whom. The exchange is gone when its client did not wait.
private struct PendingVerification {
    var exchange: Exchange?
    let client: ClientShare
    let line: VerificationLine
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
    var listeners: [OpenListener] = []
    var connections: [ObjectIdentifier: ClientConnection] = [:]
    var handshaking: [ObjectIdentifier: HandshakingConnection] = [:]
    var admission: Admission
    var evictedAt: UInt64 = 0
    /// Lines of the access log about connections; see `gaveUp`.
    var connectionLines: Allowance
    private var waitingForToken: [UInt64: PendingVerification] = [:]
    private var exchangePool: [Exchange] = []
    private var finishedExchanges: [Exchange] = []
    private var downstreamPool: [HTTP2Downstream] = []
    private var closedDownstreams: [HTTP2Downstream] = []
    private var upstreamStreamPool: [HTTP2UpstreamStream] = []
    private var closedUpstreamStreams: [HTTP2UpstreamStream] = []
    private var lastExchange: UInt64 = 0
    private var tokenEpoch: UInt64 = 0
    private var logLines: [UInt8] = []
    private var logLineCount = 0
    private var logClock = LogClock()
    /// Whether there is an access log.
    let isLogging: Bool
    private lazy var drainTimer = DeadlineTimer(target: self)
    lazy var roomTimer = DeadlineTimer(target: roomSeeker)
    private lazy var roomSeeker = RoomSeeker(self)

    var tokens: TokenCache
    var refusedTokens: RefusedTokens
    /// Bytes kept for requests under way: heads, and bodies that wait for the slower side.
    var heldBytes = 0
    /// Requests whose bodies come slowly and that went on nevertheless; see `Gather`.
    var slowBodies = 0
    var random = RandomSource()
    private(set) var isDraining = false
    /// The first part of a drain, in which idle connections stay open, is over.
    private(set) var closesIdle = false
    private var drainDeadlineMilliseconds = 0
    /// The drain's deadline has passed.
    private(set) var isCutting = false

    /// Memory for a moment: used within one call, by whoever is writing a head or a chunk.
    var scratch: [UInt8] = []
    /// Memory for bodies on their way over HTTP/2.
    let buffers = BufferPool()
    /// Memory for HTTP/2 frames; see `withFrames`.
    private var frames: [UInt8] = []
    var bodyScratch: [UInt8] = []
    var targetScratch: [UInt8] = []
    var hostScratch: [UInt8] = []

    /// Whether this worker asks endpoints for their health, for all workers.
    let checksHealth: Bool
    /// The mailboxes of the workers that are told what this one finds.
    var others: [Mailbox<WorkerMessage>] = []

    func tellOthers(_ message: WorkerMessage) {
        for mailbox in others { mailbox.post(message) }
    }

    /// - Parameter descriptors: what the process may have open, for all `workers` together.
    init(snapshot: Snapshot, accessLog: AccessLog, descriptors: Int, workers: Int, checksHealth: Bool)
        throws(ReactorError)
    {
        self.checksHealth = checksHealth
        loop = try EventLoop()
        mailbox = try Mailbox()
        counters = WorkerCounters()
        self.accessLog = accessLog
        isLogging = !accessLog.isOff
        configuration = InstalledSnapshot(snapshot)
        var system = SystemRandomNumberGenerator()
        tokens = TokenCache(capacity: snapshot.limits.verifiedTokens, key: (system.next(), system.next()))
        refusedTokens = RefusedTokens(capacity: snapshot.limits.refusedTokens, key: (system.next(), system.next()))
        admission = Admission(descriptors: descriptors, workers: workers)
        connectionLines = Allowance(
            burst: Self.connectionLinesPerSecond, perSecond: Self.connectionLinesPerSecond, now: loop.now)
        try configuration.install(worker: self, previous: nil)
    }

    deinit {
        drainTimer.cancel()
        roomTimer.cancel()
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
        upstreamStreamPool = []
        waitingForToken = [:]
        connections = [:]
        handshaking = [:]
        configuration.letGo()
        loop.turnEnded = {}
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
        if !waitingForToken.isEmpty { waitingForToken[exchange.number]?.exchange = nil }
        finishedExchanges.append(exchange)
    }

    func makeDownstream(_ client: HTTP2ClientConnection) -> HTTP2Downstream {
        guard let stream = downstreamPool.popLast() else { return HTTP2Downstream(client) }
        stream.begin(on: client)
        return stream
    }

    /// The stream is closed; like an exchange it is used again when the turn has ended.
    func recycle(_ stream: HTTP2Downstream) { closedDownstreams.append(stream) }

    func makeUpstreamStream(_ endpoint: HTTP2UpstreamConnection) -> HTTP2UpstreamStream {
        guard let stream = upstreamStreamPool.popLast() else { return HTTP2UpstreamStream(endpoint) }
        stream.begin(on: endpoint)
        return stream
    }

    func recycle(_ stream: HTTP2UpstreamStream) { closedUpstreamStreams.append(stream) }

    // MARK: - Memory

    /// Bytes of one body in one direction that may wait: `bodyBufferBytes`, and less and less when the worker holds more
    /// than half of what it may.
    var bodyBound: Int {
        let limits = configuration.snapshot.limits
        let half = limits.heldBytesPerWorker / 2
        guard heldBytes > half else { return limits.bodyBufferBytes }
        return max(2_048, limits.bodyBufferBytes * max(0, limits.heldBytesPerWorker - heldBytes) / max(1, half))
    }

    /// Whether another request may come in.
    var hasRoom: Bool { heldBytes < configuration.snapshot.limits.heldBytesPerWorker }

    /// Whether a copy of a request may be made.
    var hasRoomForMirrors: Bool { heldBytes < configuration.snapshot.limits.heldBytesPerWorker / 2 }

    /// Gives memory for HTTP/2 frames. It is taken out meanwhile: producing frames calls streams back, and these may do
    /// anything.
    func withFrames<R>(_ body: (inout [UInt8]) -> R) -> R {
        var taken: [UInt8] = []
        swap(&taken, &frames)
        defer { swap(&taken, &frames) }
        taken.removeAll(keepingCapacity: true)
        return body(&taken)
    }

    // MARK: - Tokens

    /// - Returns: false when too many wait already, of all clients or of this one, here or at the verifier.
    func verifyLater(_ token: [UInt8], provider: Int, for exchange: Exchange, on connection: ClientConnection) -> Bool {
        let client = connection.client
        let limits = configuration.snapshot.limits
        guard waitingForToken.count < limits.pendingVerifications,
            client.verifications < limits.pendingVerificationsPerClient
        else { return false }
        let number = exchange.number
        let mailbox = mailbox
        let epoch = tokenEpoch
        waitingForToken[number] = PendingVerification(
            exchange: exchange, client: client, line: connection.verifications)
        let queued = exchange.configuration.snapshot.verifier.verify(token, provider: provider) { result in
            mailbox.post(.verified(exchange: number, token: token, provider: provider, epoch: epoch, result))
        }
        guard queued else {
            waitingForToken[number] = nil
            return false
        }
        client.verifications += 1
        connection.verifications.began()
        return true
    }

    private func verified(
        _ number: UInt64, _ token: [UInt8], _ provider: Int, _ result: Result<VerifiedToken, TokenRefusal>,
        isCurrent: Bool
    ) {
        let now = loop.wallMilliseconds / 1000
        if isCurrent {
            switch result {
            case .success(let verified):
                tokens.insert(token, provider: provider, verified: verified, nowSeconds: now)
            case .failure(let refusal):
                refusedTokens.insert(token, provider: provider, refusal, nowSeconds: now)
            }
        }
        guard let waiting = waitingForToken.removeValue(forKey: number) else { return }
        waiting.client.verifications -= 1
        admission.forgetIfIdle(waiting.client)
        waiting.exchange?.verified(result)
        waiting.line.ended(configuration.snapshot.limits)
    }

    // MARK: - Messages

    private func receive(_ message: WorkerMessage) {
        switch message {
        case .verified(let number, let token, let provider, let epoch, let result):
            verified(number, token, provider, result, isCurrent: epoch == tokenEpoch)
        case .replace(let snapshot, let sockets): replace(with: snapshot, sockets)
        case .drain(let deadline): drain(deadlineMilliseconds: deadline)
        case .health(let backend, let endpoint, let isHealthy):
            configuration.state(named: backend)?.learned(isHealthy: isHealthy, of: endpoint)
        case .countClients(let answer): answer(admission.clients.mapValues { $0.connections })
        }
    }

    private func replace(with snapshot: Snapshot, _ sockets: [ListenerKey: BoundSocket]) {
        guard !isDraining else { return }
        let next = InstalledSnapshot(snapshot)
        do throws(ReactorError) {
            try next.install(worker: self, previous: configuration)
        } catch {
            return  // Control resolves addresses; one that is not numeric never gets here.
        }
        replaceListeners(snapshot.listeners, sockets)
        // New addresses of backends come with the verifier that was there before.
        let hasSameKeys = snapshot.verifier as AnyObject === configuration.snapshot.verifier as AnyObject
        configuration = next
        guard !hasSameKeys else { return }
        // Providers and keys may have changed: every token is verified anew, and what is under way is not remembered.
        tokenEpoch += 1
        tokens.removeAll()
        refusedTokens.removeAll()
    }

    /// In two parts, so that no request is lost that is on its way: first every response says that it is the connection's
    /// last (`connection: close`; GOAWAY), and after a second what is idle is closed.
    private func drain(deadlineMilliseconds: Int) {
        guard !isDraining else { return }
        isDraining = true
        drainDeadlineMilliseconds = deadlineMilliseconds
        for listener in listeners { listener.socket?.close() }
        for connection in connections.values { connection.announceDrain() }
        loop.schedule(drainTimer, afterMilliseconds: graceMilliseconds)
        stopWhenDrained()
    }

    /// How long idle connections stay open: longer than a request is on its way, and not half of the deadline.
    private var graceMilliseconds: Int { min(1_000, drainDeadlineMilliseconds / 2) }

    private func closeIdle() {
        closesIdle = true
        for connection in Array(connections.values) { connection.drain() }
        configuration.retireAll()
        loop.schedule(drainTimer, afterMilliseconds: drainDeadlineMilliseconds - graceMilliseconds)
        stopWhenDrained()
    }

    func stopWhenDrained() {
        guard counters.connectionsOpen.current == 0 else { return }
        if !closesIdle {
            closesIdle = true
            configuration.retireAll()
        }
        loop.stop()
    }

    /// The end of a drain's first part, or its deadline: what is still open is cut.
    func timerFired() {
        guard closesIdle else { return closeIdle() }
        isCutting = true
        loop.stop()
    }

    // MARK: - The end of a turn

    /// Adds a line to the access log.
    ///
    /// - Parameter bound: the most bytes that it may have.
    func log(reserving bound: Int, _ write: (inout ByteWriter, inout LogClock) -> Void) {
        logLines.append(reserving: bound) { write(&$0, &logClock) }
        logLineCount += 1
    }

    private func endTurn() {
        for exchange in finishedExchanges {
            exchange.clear()
            if exchangePool.count < Self.pooledExchanges { exchangePool.append(exchange) }
        }
        finishedExchanges.removeAll(keepingCapacity: true)
        reuse(&closedDownstreams, in: &downstreamPool)
        reuse(&closedUpstreamStreams, in: &upstreamStreamPool)
        handOverLog()
        counters.loop.turnEnded(nanoseconds: loop.turnNanoseconds, heldBytes: heldBytes)
    }

    private func reuse<Stream>(_ closed: inout [Stream], in pool: inout [Stream]) {
        guard !closed.isEmpty else { return }
        pool.append(contentsOf: closed.prefix(max(0, Self.pooledExchanges - pool.count)))
        closed.removeAll(keepingCapacity: true)
    }

    private func handOverLog() {
        guard logLineCount > 0 else { return }
        accessLog.append(logLines, count: logLineCount)
        logLines.removeAll(keepingCapacity: true)
        logLineCount = 0
    }
}

/// Has a full worker look again whether a connection can be closed for another.
private final class RoomSeeker: TimerTarget {
    private unowned let worker: Worker

    init(_ worker: Worker) { self.worker = worker }

    func timerFired() { worker.lookForRoom() }
}
