import Reactor
import Wire

/// Phase 6: the request goes to the endpoint: its head rewritten once, its body at the pace of the slower side.
extension Exchange {
    func forward(to pool: EndpointPool) {
        attempts += 1
        phase = .connecting
        upstreamAt = worker.loop.now
        if !isPrepared {
            isPrepared = true
            prepareHead(for: pool)
        }
        armTimer()
        pool.take(self)
    }

    /// An upstream has taken the request; its head is on its way.
    func upstreamStarted(_ upstream: any Upstream) {
        self.upstream = upstream
        if request.expectsContinue && !requestHasEnded && requestBytes == 0 { downstream?.sendContinue() }
    }

    /// The upstream is connected: the body may follow.
    func upstreamConnected() {
        guard phase == .connecting else { return }
        phase = .forwarding
        armTimer()
        sendRequestBody()
    }

    // MARK: - The request's body

    func receiveRequestBody(_ bytes: Span<UInt8>) {
        requestBytes += UInt64(bytes.count)
        guard !isOver, !responseHasEnded else {
            downstream?.requestBodyConsumed(bytes.count)
            return
        }
        guard requestBytes <= limits.requestBodyBytes else {
            downstream?.requestBodyConsumed(bytes.count)
            return refuse(.bodyTooLarge)
        }
        if phase == .forwarding { armTimer() }
        if let upstream, requestBody.isEmpty, upstream.acceptsBody {
            upstream.sendBody(bytes)
            downstream?.requestBodyConsumed(bytes.count)
        } else {
            requestBody.append(bytes)
        }
    }

    func receiveRequestEnd() {
        guard !requestHasEnded else { return }
        requestHasEnded = true
        guard !isOver else { return }
        if phase == .forwarding { armTimer() }
        sendRequestBody()
    }

    /// The upstream has room again.
    func upstreamDrained() { sendRequestBody() }

    private func sendRequestBody() {
        guard let upstream, phase == .forwarding || phase == .responding else { return }
        while !requestBody.isEmpty && upstream.acceptsBody {
            let count = min(requestBody.count, 16_384)
            requestBody.withFront(count) { upstream.sendBody($0) }
            requestBody.removeFirst(count)
            downstream?.requestBodyConsumed(count)
        }
        if requestHasEnded && requestBody.isEmpty && !requestWasSent {
            requestWasSent = true
            requestTrailers.removeAll { Self.isOurs($0) }
            upstream.sendEnd()
        }
    }

    /// What waits of the body is of no more use, but it counts in the client's window.
    func dropRequestBody() {
        let dropped = requestBody.count
        guard dropped > 0 else { return }
        requestBody.removeAll()
        downstream?.requestBodyConsumed(dropped)
    }

    // MARK: - The head

    /// What the endpoint is told of the client, and what it must not hear from the client itself.
    private func prepareHead(for pool: EndpointPool) {
        guard let connection = downstream?.connection else { return }
        // HTTP/1.0 may come without a host (RFC 9112 §3.2); HTTP/1.1 may not go without one.
        if request.withAuthority({ $0.isEmpty }) {
            let endpoint = pool.endpointText
            request.setAuthority(endpoint.span)
        }
        request.headers.removeHopByHopFields()
        request.headers.removeAll { Self.isOurs($0) }
        request.keepAlive = true
        request.headers.append("x-request-id", requestID, flags: .neverIndexed)
        request.headers.append("x-forwarded-for", connection.peerText)
        request.headers.append("x-forwarded-proto", connection.isTLS ? "https" : "http")
        request.withAuthority { authority in worker.hostScratch.replace(with: authority) }
        request.headers.append("x-forwarded-host", worker.hostScratch)
        request.headers.append("forwarded", connection.forwarded(host: worker.hostScratch))
    }

    /// Fields that only the gateway may set: a client that sends them is not believed.
    private static func isOurs(_ name: Span<UInt8>) -> Bool {
        switch name.count {
        case 6: FieldRules.equalsIgnoringCase(name, "expect")
        case 9:
            FieldRules.equalsIgnoringCase(name, "forwarded") || FieldRules.equalsIgnoringCase(name, "x-real-ip")
        case 12 where FieldRules.equalsIgnoringCase(name, "x-request-id"): true
        default:
            hasPrefix(name, "x-forwarded-") || hasPrefix(name, "x-gatehouse-") || hasPrefix(name, "x-authenticated-")
        }
    }

    private static func hasPrefix(_ name: Span<UInt8>, _ prefix: StaticString) -> Bool {
        guard name.count >= prefix.utf8CodeUnitCount else { return false }
        return FieldRules.equalsIgnoringCase(name.extracting(0..<prefix.utf8CodeUnitCount), prefix)
    }

    // MARK: - Failure

    func upstreamFailed(_ failure: UpstreamFailure) {
        guard !isOver else { return }
        upstream = nil
        if responseHasStarted { return failResponse(.responseTruncated) }
        if mayRetry(failure) {
            worker.counters.retries.add()
            requestWasSent = false
            return select()
        }
        switch failure {
        case .connectFailed: refuse(.connectFailed)
        case .connectTimeout: refuse(.connectTimeout)
        case .closed, .refused: refuse(.upstreamClosed)
        case .malformed, .truncated: refuse(.upstreamMalformed)
        }
    }

    /// Only what is safe (RFC 9110 §9.2.2): the request never reached the endpoint, or it changes nothing twice and the
    /// connection it was lost with had been idle. A body that was sent on is gone.
    private func mayRetry(_ failure: UpstreamFailure) -> Bool {
        guard attempts < 3 else { return false }
        let bodyIsIntact = requestBytes == UInt64(requestBody.count)
        switch failure {
        case .connectFailed, .connectTimeout:
            let endpoints = pool.map { configuration.alternatives(to: $0) } ?? 0
            return endpoints > 0 && bodyIsIntact && attempts <= endpoints
        case .refused: return bodyIsIntact
        case .closed(let wasReused): return wasReused && bodyIsIntact && isIdempotent
        case .malformed, .truncated: return false
        }
    }

    private var isIdempotent: Bool {
        request.methodIs("GET") || request.methodIs("HEAD") || request.methodIs("PUT") || request.methodIs("DELETE")
            || request.methodIs("OPTIONS")
    }
}

extension [UInt8] {
    mutating func replace(with bytes: Span<UInt8>) {
        removeAll(keepingCapacity: true)
        append(bytes: bytes)
    }
}
