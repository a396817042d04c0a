import Policy
import Reactor
import Routing
import Wire

/// How long each phase may take. One timer serves them all: whatever moves sets it again.
extension Exchange {
    /// Sets the deadline that the present phase has; called whenever something moves.
    func armTimer() {
        let delay: Int
        switch phase {
        case .verifying: delay = limits.verificationTimeout
        case .queued: delay = pool?.settings.pendingTimeoutMilliseconds ?? 0
        // The connection has a deadline of its own.
        case .connecting: delay = .max
        case .forwarding where isTunnelRequest: delay = pool?.timeouts.responseHeadMilliseconds ?? 0
        case .responding where isTunnel: delay = pool?.timeouts.streamIdleMilliseconds ?? 0
        case .forwarding where !requestHasEnded && isConversation: delay = pool?.timeouts.streamIdleMilliseconds ?? 0
        case .forwarding where !requestHasEnded: delay = bodyTimeout
        case .forwarding: delay = pool?.timeouts.responseHeadMilliseconds ?? 0
        case .responding where responseHasEnded || isResponsePaused: delay = limits.clientWriteTimeout
        case .responding: delay = pool?.timeouts.streamIdleMilliseconds ?? 0
        case .gathering, .pausing, .unused, .accepting, .over: return timer.cancel()
        }
        arm(afterMilliseconds: delay)
    }

    /// Until the body has paused for too long, or is too slow altogether.
    private var bodyTimeout: Int {
        let now = worker.loop.now
        let deadline = bodyPace.deadline
        return min(limits.requestBodyTimeout, deadline > now ? Int(clamping: (deadline - now) / 1_000_000) : 0)
    }

    /// Sets the timer, but not beyond the deadlines of the attempt and of the request.
    func arm(afterMilliseconds delay: Int) {
        let deadline = min(requestDeadline, attemptDeadline)
        guard deadline != .max else {
            return delay == .max ? timer.cancel() : worker.loop.schedule(timer, afterMilliseconds: delay)
        }
        let now = worker.loop.now
        let left = deadline > now ? Int((deadline - now + 999_999) / 1_000_000) : 0
        worker.loop.schedule(timer, afterMilliseconds: min(delay, left))
    }

    func timerFired() {
        guard !isOver else { return }
        let now = worker.loop.now
        if now >= requestDeadline { return failResponse(.deadlineExceeded) }
        let attemptIsOver = now >= attemptDeadline
        switch phase {
        case .verifying: refuse(.verificationOverloaded)
        case .queued:
            pool?.counters.pendingTimedOut.add()
            refuse(.pendingTimeout)
        case .pausing: selectEndpoint()
        case .gathering: gatheringTimedOut()
        case .forwarding where !attemptIsOver && !requestHasEnded && requestBody.isEmpty && !isConversation:
            refuse(.requestBodyTimeout)
        case .connecting, .forwarding:
            upstream?.suspect()
            letGoOfUpstream()
            upstreamFailed(attemptIsOver ? .attemptTimedOut : .timedOut)
        case .responding where isTunnel: failResponse(.streamIdleTimeout)
        case .responding where responseHasEnded || !attemptIsOver && (downstream?.unsentBytes ?? 0) > 0: checkDelivery()
        case .responding: failResponse(attemptIsOver ? .attemptTimeout : .streamIdleTimeout)
        case .unused, .accepting, .over: break
        }
    }

    /// The client is the slow one. A connection that takes nothing has its own deadline; this is for the stream whose
    /// window stays shut on a connection that lives.
    private func checkDelivery() {
        let delivered = responseBytes - UInt64(downstream?.unsentBytes ?? 0)
        guard delivered > deliveredBytes else { return failResponse(.clientStalled) }
        deliveredBytes = delivered
        if responseHasEnded { attemptDeadline = .max }
        arm(afterMilliseconds: limits.clientWriteTimeout)
    }

    // MARK: - What sets them

    /// The request waits for a connection.
    func upstreamIsAwaited() {
        phase = .queued
        armTimer()
    }

    /// A connection was chosen: the attempt begins.
    func attemptBegins() {
        phase = .connecting
        guard let attempt = rule?.backendRequestTimeoutMilliseconds, attempt > 0 else { return }
        attemptDeadline = worker.loop.now + UInt64(attempt) * 1_000_000
    }

    /// The endpoint has not said yet whether it takes tunnels.
    func upstreamAwaitsSettings(_ upstream: any Upstream) {
        self.upstream = upstream
        attemptBegins()
        arm(afterMilliseconds: pool?.timeouts.responseHeadMilliseconds ?? 0)
    }

    func attemptEnds() { attemptDeadline = .max }

    /// Waits before another attempt.
    func pause(milliseconds: Int) {
        phase = .pausing
        arm(afterMilliseconds: milliseconds)
    }
}
