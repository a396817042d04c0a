import Policy
import Reactor
import Routing
import Wire

/// Phase 7: the request goes to the endpoint: its head rewritten once, its body at the pace of the slower side.
extension Exchange {
    func forward(to pool: EndpointPool) {
        attempts += 1
        phase = .connecting
        upstreamAt = worker.loop.now
        if !isPrepared {
            isPrepared = true
            prepareHead(for: pool)
        }
        pool.take(self)
    }

    /// An upstream has taken the request; its head is on its way, or will be when the upstream is connected.
    func upstreamStarted(_ upstream: any Upstream, isConnected: Bool) {
        self.upstream = upstream
        assignedAt = worker.loop.now
        attemptBegins()
        defer { if isConnected { upstreamConnected() } else { armTimer() } }
        askForBody()
    }

    /// The upstream is connected: the body may follow.
    func upstreamConnected() {
        guard phase == .connecting else { return }
        phase = .forwarding
        connectedAt = worker.loop.now
        armTimer()
        sendRequestBody()
    }

    // MARK: - The request's body

    func receiveRequestBody(_ bytes: Span<UInt8>) {
        requestBytes += UInt64(bytes.count)
        bodyPace.received(bytes.count)
        guard !isOver, !responseHasEnded else {
            downstream?.requestBodyConsumed(bytes.count)
            return
        }
        guard requestBytes <= bodyLimit || isConversation else {
            downstream?.requestBodyConsumed(bytes.count)
            return refuse(.bodyTooLarge)
        }
        if phase == .forwarding || isTunnel { armTimer() }
        if let upstream, requestBody.isEmpty, upstream.acceptsBody, !isTunnelAwaited {
            upstream.sendBody(bytes)
            keepSent(bytes)
            downstream?.requestBodyConsumed(bytes.count)
        } else {
            // Its window was open before the memory was used up. One is given up, and the others have room.
            guard worker.hasRoom || isTunnel else {
                downstream?.requestBodyConsumed(bytes.count)
                return refuse(.overloaded)
            }
            requestBody.append(bytes)
            worker.heldBytes += bytes.count
            if phase == .gathering { goOnIfGathered() }
        }
    }

    func receiveRequestEnd() {
        guard !requestHasEnded else { return }
        requestHasEnded = true
        guard !isOver else { return }
        releaseSlowBody()
        if phase == .gathering { return goOnIfGathered() }
        if phase == .forwarding { armTimer() }
        sendRequestBody()
    }

    /// The upstream has room again.
    func upstreamDrained() { sendRequestBody() }

    func sendRequestBody() {
        guard let upstream, phase == .forwarding || phase == .responding, !isTunnelAwaited else { return }
        // What waited here was waited for: the client was not slow.
        if !requestBody.isEmpty && !requestHasEnded { bodyPace.restart(now: worker.loop.now) }
        while !requestBody.isEmpty && upstream.acceptsBody {
            sendGathered(min(requestBody.count, Self.replayBytes), to: upstream)
        }
        if requestHasEnded && requestBody.isEmpty && !requestWasSent {
            requestWasSent = true
            requestTrailers.removeAll { Self.isOurs($0) }
            upstream.sendEnd()
            if isTunnel { tunnelRequestEnded() }
        }
    }

    /// What waits of the body is of no more use, but it counts in the client's window.
    func dropRequestBody() {
        let dropped = requestBody.count
        guard dropped > 0 else { return }
        requestBody.removeAll()
        worker.heldBytes -= dropped
        let credit = dropped - min(dropped, rewoundBytes)
        rewoundBytes = 0
        if credit > 0 { downstream?.requestBodyConsumed(credit) }
    }

    // MARK: - The head

    /// What the endpoint is told of the client, and what it must not hear from the client itself.
    private func prepareHead(for pool: EndpointPool) {
        guard let connection else { return }
        // HTTP/1.0 may come without a host (RFC 9112 §3.2); HTTP/1.1 may not go without one.
        if request.withAuthority({ $0.isEmpty }) {
            let endpoint = pool.endpointText
            request.setAuthority(endpoint.span)
        }
        readTunnelProtocol()
        request.withAuthority { connection.rememberHost($0, forwardedClient) }
        let trace = trace
        let span = worker.random.next() | 1
        Self.rewrite(&request) { headers in
            headers.append(own: "x-request-id", requestID, flags: .neverIndexed)
            // Tells the endpoint which trace the request is of, and that we are its caller.
            headers.append(own: "traceparent", count: TraceContext.byteCount, flags: .neverIndexed) {
                trace.write(span: span, into: &$0)
            }
            headers.append(contentsOf: connection.forwardedFields)
        }
        applyRequestFilters()
        tellIdentity()
        if isTunnelRequest { prepareTunnel(overHTTP2: pool.isMultiplexed) }
    }

    /// Tells the endpoint who calls, in fields that a client cannot have sent itself.
    private func tellIdentity() {
        let snapshot = configuration.snapshot
        if !snapshot.identityHeaders.isEmpty {
            request.headers.removeAll { name in snapshot.identityHeaders.contains { Self.reads(name, $0) } }
        }
        guard let token, !token.identity.isEmpty else { return }
        for field in token.identity {
            request.headers.append(ownName: field.name, field.value)
        }
    }

    /// Whether the name, which is in lower case, is `text`, "_" standing for "-" in both.
    private static func reads(_ name: Span<UInt8>, _ text: [UInt8]) -> Bool {
        guard name.count == text.count else { return false }
        for index in name.indices where dashed(name[index]) != dashed(text[index]) { return false }
        return true
    }

    private static func dashed(_ byte: UInt8) -> UInt8 { byte == UInt8(ascii: "_") ? UInt8(ascii: "-") : byte }

    /// One access to the request, not one a field.
    private static func rewrite(_ request: inout RequestHead, _ addOurs: (inout HeaderBlock) -> Void) {
        request.headers.removeHopByHopFields()
        request.headers.removeAll { isOurs($0) }
        request.keepAlive = true
        request.wantsUpgrade = false
        addOurs(&request.headers)
    }

    /// Fields that only the gateway may set: a client that sends them is not believed. Nor when it writes "_" for "-", which
    /// many applications read as the same name (CGI, RFC 3875 §4.1.18).
    private static func isOurs(_ name: Span<UInt8>) -> Bool {
        switch name.count {
        case 6: FieldRules.equalsIgnoringCase(name, "expect")
        case 9: reads(name, "forwarded") || reads(name, "x-real-ip")
        case 11 where reads(name, "traceparent"): true
        case 12 where reads(name, "x-request-id"): true
        default:
            hasPrefix(name, "x-forwarded-") || hasPrefix(name, "x-gatehouse-") || hasPrefix(name, "x-authenticated-")
        }
    }

    private static func hasPrefix(_ name: Span<UInt8>, _ prefix: StaticString) -> Bool {
        guard name.count >= prefix.utf8CodeUnitCount else { return false }
        return reads(name.extracting(0..<prefix.utf8CodeUnitCount), prefix)
    }

    /// Whether the name, which is in lower case, is `text`, "_" standing for "-".
    private static func reads(_ name: Span<UInt8>, _ text: StaticString) -> Bool {
        text.withUTF8Buffer { text in
            for index in name.indices {
                let byte = name[index] == UInt8(ascii: "_") ? UInt8(ascii: "-") : name[index]
                if byte != text[index] { return false }
            }
            return true
        }
    }
}

extension [UInt8] {
    mutating func replace(with bytes: Span<UInt8>) {
        removeAll(keepingCapacity: true)
        append(bytes: bytes)
    }
}
