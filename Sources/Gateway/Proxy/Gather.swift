import Policy
import Reactor
import Routing
import Wire

/// Phase 5: is there enough of the body to begin? An endpoint's connection is dear, and a client that sends a byte now and
/// then must not hold one.
///
/// The request goes on when its body is complete, or `bodyBufferBytes / 2` of it are in (then it flows); or at once when
/// it is a conversation that waits for answers: a tunnel, or gRPC to an endpoint that speaks HTTP/2, where a stream is
/// cheap. Any other may be a conversation too. So after `bodyGatheringTime` it goes on as well, but only
/// `slowBodiesPerWorker` of that kind at a time: a flood of slow bodies holds so many connections and no more.
/// Meanwhile and afterwards `BodyPace` bounds how slow a body may be.
extension Exchange {
    func gather() {
        if let whole = rule?.requestTimeoutMilliseconds, whole > 0 {
            requestDeadline = min(requestDeadline, startedAt + UInt64(whole) * 1_000_000)
        }
        isConversation = isTunnelRequest || !requestHasEnded && isGRPC && speaksHTTP2
        if let timeout = grpcTimeout() { requestDeadline = min(requestDeadline, startedAt &+ timeout) }
        bodyPace = BodyPace(
            now: worker.loop.now, allowanceMilliseconds: limits.requestBodyTimeout,
            bytesPerSecond: limits.requestBodyRate)
        bodyPace.received(Int(clamping: requestBytes))
        if bodyIsReady { return select() }
        phase = .gathering
        askForBody()
        arm(afterMilliseconds: limits.bodyGatheringTime)
    }

    private var bodyIsReady: Bool {
        requestHasEnded || isConversation || requestBody.count >= limits.bodyBufferBytes / 2
    }

    /// More of the body is in, or all of it.
    func goOnIfGathered() {
        if bodyIsReady { select() }
    }

    /// The client waits for 100 (Continue) before it sends the body (RFC 9110 §10.1.1).
    func askForBody() {
        guard request.expectsContinue, !requestHasEnded, requestBytes == 0 else { return }
        request.expectsContinue = false
        downstream?.sendContinue()
    }

    /// The body is not all in after `bodyGatheringTime`.
    func gatheringTimedOut() {
        let now = worker.loop.now
        if bodyPace.deadline <= now { return refuse(.requestBodyTimeout) }
        if worker.slowBodies < limits.slowBodiesPerWorker {
            isSlowBody = true
            worker.slowBodies += 1
            return select()
        }
        let left = Int((bodyPace.deadline - now) / 1_000_000) + 1
        arm(afterMilliseconds: min(left, max(100, limits.bodyGatheringTime)))
    }

    /// The body is complete, or the exchange over: another slow one may go on.
    func releaseSlowBody() {
        guard isSlowBody else { return }
        isSlowBody = false
        worker.slowBodies -= 1
    }

    // MARK: - Conversations

    private var speaksHTTP2: Bool {
        rule?.backends.contains { $0.backend.wireProtocol == .h2c } ?? false
    }
}
