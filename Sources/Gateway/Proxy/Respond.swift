import Reactor
import Routing
import Wire

/// Phase 8: the response goes to the client, an endpoint's or our own.
extension Exchange {
    /// `response` holds an endpoint's final head.
    func receiveResponseHead(endStream: Bool) {
        guard !isOver else { return }
        pool?.answered(response.status)
        if isTunnelRequest && !receiveTunnelRefusal() { return refuse(.upstreamMalformed) }
        if response.status >= 400 && retriesStatus(endStream: endStream) { return }
        responseHasStarted = true
        responseAt = worker.loop.now
        phase = .responding
        dropSentBody()
        if endStream {
            responseHasEnded = true
            attemptEnds()
        }
        armTimer()
        response.headers.removeHopByHopFields()
        response.headers.remove("x-request-id")
        response.headers.append(own: "x-request-id", requestID, flags: .neverIndexed)
        applyResponseFilters()
        if let persistence = rule?.persistence { rememberEndpoint(persistence) }
        if let charged { tellLimits(charged) }
        downstream?.sendHead(endStream: endStream)
    }

    func receiveResponseBody(_ bytes: Span<UInt8>) {
        guard !isOver, let downstream else { return }
        responseBytes += UInt64(bytes.count)
        downstream.sendBody(bytes)
        if !isResponsePaused && downstream.unsentBytes > worker.bodyBound {
            isResponsePaused = true
            upstream?.pauseResponse()
        }
        armTimer()
    }

    /// The endpoint's response is complete, and its upstream has let go of the exchange.
    func receiveResponseEnd() {
        upstream = nil
        guard !isOver else { return }
        responseHasEnded = true
        attemptEnds()
        armTimer()
        downstream?.sendEnd()
    }

    /// The client has taken some of the response.
    func downstreamDrained() {
        guard isResponsePaused, let downstream, downstream.unsentBytes <= worker.bodyBound / 2 else { return }
        isResponsePaused = false
        if phase == .responding { armTimer() }
        upstream?.resumeResponse()
    }

    // MARK: - Our own answers

    /// Answers with a problem document, if nothing was answered yet.
    func refuse(_ problem: GatewayProblem) {
        guard !isOver else { return }
        guard !responseHasStarted else { return failResponse(problem.outcome) }
        letGoOfUpstream()
        worker.bodyScratch.removeAll(keepingCapacity: true)
        if isGRPC { return refuseGRPC(problem) }
        response.reset()
        response.status = problem.status
        if takesJSON {
            request.withClientPath { problem.body(requestID: requestID, path: $0, into: &worker.bodyScratch) }
            response.headers.append("content-type", "application/problem+json")
        } else {
            problem.text(requestID: requestID, into: &worker.bodyScratch)
            response.headers.append("content-type", "text/plain; charset=utf-8")
        }
        response.headers.append("cache-control", "no-store")
        response.headers.append("proxy-status", problem.proxyStatus)
        if let challenge = problem.challenge { response.headers.append("www-authenticate", text: challenge) }
        if let seconds = problem.retryAfterSeconds { response.headers.append("retry-after", UInt64(seconds)) }
        respond(body: worker.bodyScratch, problem.outcome)
    }

    /// Whether the client takes a problem document (RFC 9110 §12.5.1). Where it says nothing, or nothing that we could
    /// send, JSON it is.
    private var takesJSON: Bool {
        guard request.headers.contains("accept") else { return true }
        var accepted = Accepted()
        for index in request.headers.indices
        where !request.headers.isRemoved(at: index) && request.headers.nameEquals(at: index, "accept") {
            request.headers.withValue(at: index) { accepted.read($0) }
        }
        return accepted.takesJSON
    }

    func respondEmpty(_ outcome: Outcome) { respond(body: [], outcome) }

    func respond(body: [UInt8], _ outcome: Outcome) {
        phase = .responding
        self.outcome = outcome
        responseAt = worker.loop.now
        responseHasStarted = true
        responseHasEnded = true
        let length = UInt64(body.count)
        response.framing = .length(length)
        response.headers.append("content-length", length)
        response.headers.append("x-request-id", requestID, flags: .neverIndexed)
        if let filters = rule?.filters, filters.hasCrossOrigin { allowOrigin(filters) }
        if let charged { tellLimits(charged) }
        dropRequestBody()
        // It has its answer; what is left is the client's time to take it.
        requestDeadline = .max
        attemptDeadline = .max
        armTimer()
        let isHead = request.methodIs("HEAD")
        if isHead { response.framing = .none }
        let endStream = isHead || body.isEmpty
        downstream?.sendHead(endStream: endStream)
        guard !endStream else { return }
        responseBytes += length
        downstream?.sendBody(body.span)
        downstream?.sendEnd()
    }

    /// The response had begun and cannot be completed; or had not, and is answered with a problem.
    func failResponse(_ outcome: Outcome) {
        guard !isOver else { return }
        if !responseHasStarted && outcome == .deadlineExceeded { return refuse(.deadlineExceeded) }
        letGoOfUpstream()
        self.outcome = outcome
        let client = downstream
        finish(outcome)
        client?.abort()
    }

    func letGoOfUpstream() {
        upstream?.cancel()
        upstream = nil
        pool?.forget(self)
        guard let ticket = verificationTicket.take() else { return }
        downstream?.connection.verifications.leave(ticket: ticket)
    }
}
