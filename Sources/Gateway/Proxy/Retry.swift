import Policy
import Routing
import Wire

/// Phase 7 again: an attempt failed, and is followed by another or answered for.
extension Exchange {
    func upstreamFailed(_ failure: UpstreamFailure) {
        guard !isOver else { return }
        if worker.isCutting { return cut() }
        if isTunnel { return tunnelBroke() }
        upstream = nil
        pool?.failed(failure)
        attemptEnds()
        if responseHasStarted { return failResponse(.responseTruncated) }
        if let cause = failure.retryCause, retries(after: cause) { return }
        switch failure {
        case .connectFailed: refuse(.connectFailed)
        case .noResources: refuse(.localExhaustion)
        case .connectTimeout: refuse(.connectTimeout)
        case .tlsFailed: refuse(.upstreamTLSFailed)
        case .timedOut: refuse(.responseTimeout)
        case .attemptTimedOut: refuse(.attemptTimeout)
        case .closed, .refused: refuse(.upstreamClosed)
        case .malformed, .truncated: refuse(.upstreamMalformed)
        }
    }

    /// An endpoint's final head is in `response`, and nothing of it was sent on.
    ///
    /// - Returns: whether its status is one that the settings name and there is another attempt; the response is given up.
    func retriesStatus(endStream: Bool) -> Bool {
        guard let backend, rule != nil else { return false }
        guard retrySettings(backend).statuses.contains(response.status) else { return false }
        guard decide(.status, backend) != .giveUp, isWithinBudget(.status, backend) else { return false }
        if !endStream { upstream?.discardResponse() }
        upstream = nil
        attemptEnds()
        beginRetry()
        pause(backend)
        return true
    }

    private func retries(after cause: RetryDecision.Cause) -> Bool {
        guard let backend else { return false }
        let decision = decide(cause, backend)
        guard decision != .giveUp, isWithinBudget(cause, backend) else { return false }
        beginRetry()
        if decision == .now { selectEndpoint() } else { pause(backend) }
        return true
    }

    private func decide(_ cause: RetryDecision.Cause, _ backend: BackendState) -> RetryDecision {
        if isMirror { return .giveUp }
        return RetryDecision.decide(
            RetryDecision.Situation(
                cause: cause, retries: attempts - 1, maximumRetries: retrySettings(backend).maximumRetries,
                isIdempotent: isIdempotent, isRepeatable: bodyIsReplayable,
                hasAlternative: backend.hasAlternative(for: self)))
    }

    private func isWithinBudget(_ cause: RetryDecision.Cause, _ backend: BackendState) -> Bool {
        guard cause.mayHaveCostWork, !backend.takeRetry() else { return true }
        worker.counters.retriesOverBudget.add()
        return false
    }

    private func beginRetry() {
        worker.counters.retries.add()
        pool?.counters.retries.add()
        if let pool { tried.append(pool) }
        rewindBody()
    }

    private func pause(_ backend: BackendState) {
        let settings = retrySettings(backend)
        pause(
            milliseconds: Backoff.milliseconds(
                retry: attempts, base: settings.backoffMilliseconds, maximum: settings.maximumBackoffMilliseconds,
                random: worker.random.next()))
    }

    /// HTTPRoute `retry` says how often, after which statuses and with which pauses; the budget is the backend's.
    private func retrySettings(_ backend: BackendState) -> RetrySettings { rule?.retries ?? backend.traffic.retries }

    /// RFC 9110 §9.2.2. TRACE is not forwarded.
    private var isIdempotent: Bool {
        request.methodIs("GET") || request.methodIs("HEAD") || request.methodIs("PUT") || request.methodIs("DELETE")
            || request.methodIs("OPTIONS")
    }
}

extension UpstreamFailure {
    /// Nil: whatever the method, it is not tried again.
    fileprivate var retryCause: RetryDecision.Cause? {
        switch self {
        case .connectFailed, .connectTimeout, .tlsFailed: .notSent
        case .timedOut, .attemptTimedOut: .timedOut
        case .closed(let wasReused): wasReused ? .lostStale : .lost
        case .refused: .refused
        case .malformed, .truncated, .noResources: nil
        }
    }
}
