import Policy
import Reactor
import Routing
import Wire

/// The client's side of an exchange: a stream of an HTTP/2 connection, or an HTTP/1.1 connection between two requests.
protocol Downstream: AnyObject {
    var connection: ClientConnection { get }
    /// Bytes of the response that the client has not taken.
    var unsentBytes: Int { get }
    /// 100 (Continue): the body is wanted.
    func sendContinue()
    /// Sends `exchange.response`; a 101, or a 2xx to extended CONNECT, begins a tunnel.
    func sendHead(endStream: Bool)
    func sendBody(_ bytes: Span<UInt8>)
    /// Ends the response, with `exchange.responseTrailers`.
    func sendEnd()
    /// The response cannot be completed, and the client must see that.
    func abort()
    /// A tunnel's other side sends no more; this one still may.
    func endTunnelOutput()
    /// HTTP/2: the request was not processed.
    func refuseStream()
    /// Bytes of the request's body have moved on: the client may send as many more.
    func requestBodyConsumed(_ count: Int)
}

/// The endpoint's side of an exchange.
protocol Upstream: AnyObject {
    /// Whether more of the request's body is welcome now; `exchange.upstreamDrained()` follows when it is again.
    var acceptsBody: Bool { get }
    func sendBody(_ bytes: Span<UInt8>)
    /// Ends the request, with `exchange.requestTrailers`.
    func sendEnd()
    /// The answer is not wanted any more. Nothing more is called on the exchange.
    func cancel()
    /// As `cancel`, but the connection is worth keeping, if what is still to come of the answer is little.
    func discardResponse()
    /// No answer came in time: the connection may be dead without saying so.
    func suspect()
    func pauseResponse()
    func resumeResponse()
    /// Both sides of a tunnel have ended. Nothing more is called on the exchange.
    func endTunnel()
}

/// How an endpoint failed to answer.
enum UpstreamFailure {
    case connectFailed
    case connectTimeout
    case tlsFailed
    /// We could not even try: no descriptor, port or memory.
    case noResources
    /// No response head in time.
    case timedOut
    /// The route's time for one attempt is over.
    case attemptTimedOut
    /// The connection ended before the first byte of the response. `wasReused`: it had served a request before, so it may
    /// have been closed for idleness just as this request was sent.
    case closed(wasReused: Bool)
    /// HTTP/2: the endpoint did not process the request (REFUSED_STREAM, or GOAWAY with a lower stream).
    case refused
    case malformed
    /// The response broke off after its head.
    case truncated
}

/// One request and its response, from `Accept` to `Record`. The phases are extensions, one file each, and call one another
/// in that order; each either goes on or answers with a problem.
///
/// Confined to its worker, and used again for another request when it is over: whoever comes back later (a verified token)
/// finds it by `number`, which is never used twice.
final class Exchange: TimerTarget {
    enum Phase {
        case unused, accepting, verifying
        /// Its body is coming.
        case gathering
        /// It waits for a connection to the endpoint.
        case queued
        case connecting, forwarding
        /// It waits before another attempt.
        case pausing
        case responding, over
    }

    let worker: Worker
    var number: UInt64 = 0
    var phase = Phase.unused
    /// The snapshot the request began with, and ends with.
    var configuration: InstalledSnapshot
    var downstream: (any Downstream)?
    /// The client's; nil when the exchange is cleared.
    private(set) var connection: ClientConnection?
    var upstream: (any Upstream)?
    let timer = DeadlineTimer()

    var request = RequestHead()
    var requestTrailers = HeaderBlock()
    var requestBody = ByteQueue()
    var requestBytes: UInt64 = 0
    /// What this attempt has sent of the body, while it is little enough to be sent again; see `Replay`.
    var sentBody = ByteQueue()
    var sentBytes = 0
    /// How much at the front of `requestBody` the client was given credit for already.
    var rewoundBytes = 0
    var requestHasEnded = false
    var bodyPace = BodyPace(now: 0, allowanceMilliseconds: 0, bytesPerSecond: 0)
    /// Its body comes slowly, and it went on nevertheless; see `Gather`.
    var isSlowBody = false
    /// Both sides speak in turns, perhaps for hours: nothing waits for the end of the request.
    var isConversation = false
    var tunnelRequest = TunnelRequest.none
    /// The endpoint has agreed.
    var isTunnel = false
    /// "websocket" and the like.
    var tunnelProtocol: [UInt8] = []
    /// What the endpoint has to answer to our key, or the client to get for its own.
    var tunnelAccept: [UInt8] = []
    /// What of `Worker.heldBytes` the request costs by itself.
    var heldBytes = 0
    /// All of the request was handed to the upstream.
    var requestWasSent = false

    var response = ResponseHead()
    var responseTrailers = HeaderBlock()
    var responseBytes: UInt64 = 0
    var responseHasStarted = false
    var responseHasEnded = false
    var isResponsePaused = false
    /// Bytes of the response that the client had taken when its deadline last passed.
    var deliveredBytes: UInt64 = 0

    var requestID: [UInt8] = []
    var rule: RouteRule?
    /// Of the backend that was chosen. Nil: none.
    var backendFilters: FilterChain?
    /// The origin of the page that asks, when the rule's CORS filter allows it.
    var allowedOrigin: [UInt8] = []
    /// What the client's cookie says, when it is valid.
    var session: SessionCookie?
    /// A copy of another request, whose answer nobody waits for.
    var isMirror = false
    var token: VerifiedToken?
    /// Nil where no trusted proxy names one: then the other end of the connection is the client.
    var forwardedClient: ForwardedClient?
    /// What the client is told of rate limits.
    var charged: ChargedLimit?
    var backend: BackendState?
    var pool: EndpointPool?
    /// While it waits for a connection: its place in the pool's line.
    var ticket: Int?
    /// While its token waits to be verified: its place in the connection's line.
    var verificationTicket: Int?
    var attempts = 0
    /// Where earlier attempts failed.
    var tried: [EndpointPool] = []
    var isPrepared = false
    var outcome = Outcome.forwarded
    var startedAt: UInt64 = 0
    var trace = TraceContext()
    /// When the request was given to a pool, when a connection was chosen, and when that was open.
    var upstreamAt: UInt64 = 0
    var assignedAt: UInt64 = 0
    var connectedAt: UInt64 = 0
    var responseAt: UInt64 = 0
    /// Monotonic nanoseconds; `.max`: none. The whole request's deadline, and that of the present attempt.
    var requestDeadline: UInt64 = .max
    var attemptDeadline: UInt64 = .max

    init(worker: Worker) {
        self.worker = worker
        configuration = worker.configuration
        timer.attach(self)
    }

    deinit { timer.cancel() }

    func reset(number: UInt64, downstream: any Downstream) {
        self.number = number
        self.downstream = downstream
        phase = .accepting
        let connection = downstream.connection
        self.connection = connection
        configuration = connection.configuration
        requestBytes = 0
        sentBytes = 0
        rewoundBytes = 0
        requestHasEnded = false
        isConversation = false
        tunnelRequest = .none
        isTunnel = false
        requestWasSent = false
        responseBytes = 0
        responseHasStarted = false
        responseHasEnded = false
        isResponsePaused = false
        deliveredBytes = 0
        attempts = 0
        isPrepared = false
        outcome = .forwarded
        startedAt = worker.loop.now
        trace = TraceContext()
        upstreamAt = 0
        assignedAt = 0
        connectedAt = 0
        responseAt = 0
        requestDeadline = .max
        attemptDeadline = .max
    }

    /// Lets go of all it refers to, and keeps its memory.
    func clear() {
        timer.cancel()
        releaseSlowBody()
        worker.heldBytes -= requestBody.count + sentBody.count + heldBytes
        heldBytes = 0
        phase = .unused
        downstream = nil
        connection = nil
        upstream = nil
        rule = nil
        backendFilters = nil
        if !allowedOrigin.isEmpty { allowedOrigin = [] }
        forwardedClient = nil
        session = nil
        isMirror = false
        token = nil
        charged = nil
        backend = nil
        pool = nil
        ticket = nil
        if !tried.isEmpty { tried = [] }
        request.reset()
        response.reset()
        requestTrailers.removeAll()
        responseTrailers.removeAll()
        requestBody.removeAll()
        sentBody.removeAll()
        requestID.removeAll(keepingCapacity: true)
    }

    var limits: Limits { configuration.snapshot.limits }

    var isOver: Bool { phase == .over || phase == .unused }

    // MARK: - The client goes away

    /// The client reset its stream or closed its connection.
    func clientGone() {
        guard !isOver else { return }
        letGoOfUpstream()
        finish(responseHasEnded ? outcome : endWithoutResponse)
        downstream = nil
    }

    private var endWithoutResponse: Outcome {
        if worker.isCutting { return .drainDeadline }
        return downstream?.connection.hasStalled == true ? .clientStalled : .clientClosed
    }

    /// The drain's deadline has passed: neither another attempt nor an answer would still leave.
    func cut() {
        upstream = nil
        let client = downstream
        finish(.drainDeadline)
        client?.abort()
    }
}
