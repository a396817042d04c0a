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
    /// Sends `exchange.response`.
    func sendHead(endStream: Bool)
    func sendBody(_ bytes: Span<UInt8>)
    /// Ends the response, with `exchange.responseTrailers`.
    func sendEnd()
    /// The response cannot be completed, and the client must see that.
    func abort()
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
    func pauseResponse()
    func resumeResponse()
}

/// How an endpoint failed to answer.
enum UpstreamFailure {
    case connectFailed
    case connectTimeout
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
    enum Phase { case unused, accepting, verifying, connecting, forwarding, responding, over }

    let worker: Worker
    var number: UInt64 = 0
    var phase = Phase.unused
    /// The snapshot the request began with, and ends with.
    var configuration: InstalledSnapshot
    var downstream: (any Downstream)?
    var upstream: (any Upstream)?
    lazy var timer = DeadlineTimer(target: self)

    var request = RequestHead()
    var requestTrailers = HeaderBlock()
    var requestBody = ByteQueue()
    var requestBytes: UInt64 = 0
    var requestHasEnded = false
    /// All of the request was handed to the upstream.
    var requestWasSent = false

    var response = ResponseHead()
    var responseTrailers = HeaderBlock()
    var responseBytes: UInt64 = 0
    var responseHasStarted = false
    var responseHasEnded = false
    var isResponsePaused = false
    /// Bytes of the response that the client had taken when its deadline last passed.
    private var deliveredBytes: UInt64 = 0

    var requestID: [UInt8] = []
    var rule: RouteRule?
    var token: VerifiedToken?
    var pool: EndpointPool?
    var attempts = 0
    var isPrepared = false
    var outcome = Outcome.forwarded
    var startedAt: UInt64 = 0
    var upstreamAt: UInt64 = 0
    var responseAt: UInt64 = 0

    init(worker: Worker) {
        self.worker = worker
        configuration = worker.configuration
    }

    deinit { timer.cancel() }

    func reset(number: UInt64, downstream: any Downstream) {
        self.number = number
        self.downstream = downstream
        phase = .accepting
        configuration = worker.configuration
        requestBytes = 0
        requestHasEnded = false
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
        upstreamAt = 0
        responseAt = 0
    }

    /// Lets go of all it refers to, and keeps its memory.
    func clear() {
        timer.cancel()
        phase = .unused
        downstream = nil
        upstream = nil
        rule = nil
        token = nil
        pool = nil
        request.reset()
        response.reset()
        requestTrailers.removeAll()
        responseTrailers.removeAll()
        requestBody.removeAll()
        requestID.removeAll(keepingCapacity: true)
    }

    var limits: Limits { configuration.snapshot.limits }

    var isOver: Bool { phase == .over || phase == .unused }

    // MARK: - Deadlines

    /// Sets the deadline that the present phase has; called whenever something moves.
    func armTimer() {
        let delay: Int
        switch phase {
        case .verifying, .connecting: delay = limits.connectTimeout
        case .forwarding where !requestHasEnded: delay = limits.requestBodyTimeout
        case .forwarding, .responding: delay = rule?.backendRequestTimeoutMilliseconds ?? limits.responseTimeout
        case .unused, .accepting, .over: return timer.cancel()
        }
        worker.loop.schedule(timer, afterMilliseconds: min(delay, remainingMilliseconds))
    }

    /// Of the whole request's time (HTTPRoute `timeouts.request`).
    private var remainingMilliseconds: Int {
        guard let whole = rule?.requestTimeoutMilliseconds, whole > 0 else { return .max }
        let passed = Int((worker.loop.now - startedAt) / 1_000_000)
        return max(0, whole - passed)
    }

    func timerFired() {
        guard !isOver else { return }
        if remainingMilliseconds == 0 { return failResponse(.responseTimeout) }
        switch phase {
        case .verifying: refuse(.verificationOverloaded)
        case .connecting:
            letGoOfUpstream()
            upstreamFailed(.connectTimeout)
        case .forwarding where !requestHasEnded && requestBody.isEmpty: refuse(.requestTimeout)
        case .responding where responseHasEnded || (downstream?.unsentBytes ?? 0) > 0: checkDelivery()
        case .forwarding, .responding: failResponse(.responseTimeout)
        case .unused, .accepting, .over: break
        }
    }

    /// The client is the slow one. A connection that takes nothing has its own deadline; this is for the stream whose
    /// window stays shut on a connection that lives.
    private func checkDelivery() {
        let delivered = responseBytes - UInt64(downstream?.unsentBytes ?? 0)
        guard delivered > deliveredBytes else { return failResponse(.clientStalled) }
        deliveredBytes = delivered
        worker.loop.schedule(timer, afterMilliseconds: min(limits.clientWriteTimeout, remainingMilliseconds))
    }

    // MARK: - The client goes away

    /// The client reset its stream or closed its connection.
    func clientGone() {
        guard !isOver else { return }
        letGoOfUpstream()
        finish(responseHasEnded ? outcome : .clientClosed)
        downstream = nil
    }
}
