import Reactor
import Routing
import Wire

/// How a client asks for a tunnel.
enum TunnelRequest {
    case none
    /// HTTP/1.1 `Upgrade` (RFC 9110 §7.8).
    case upgrade
    /// HTTP/2 extended CONNECT (RFC 8441).
    case extendedConnect
}

/// A request that asks for another protocol on its connection or stream: WebSocket, or whatever the endpoint accepts.
///
/// It is authenticated, routed and rewritten like any other; for routing it is a GET. When the endpoint agrees (101, or 2xx
/// over HTTP/2) both sides are bytes that pass untouched, at the pace of the slower, until both have ended; either may end
/// first. Between HTTP/1.1 and HTTP/2 the handshake is translated: `Upgrade` to extended CONNECT and back, with the key of
/// WebSocket made and checked here, since HTTP/2 has none (RFC 8441 §5).
///
/// Never passed on: an upgrade to HTTP/2 itself, or to TLS. The requests in it would be nobody's to check.
extension Exchange {
    var isTunnelRequest: Bool { tunnelRequest != .none }
    /// Nothing of the client's bytes is for the endpoint yet.
    var isTunnelAwaited: Bool { isTunnelRequest && !isTunnel }

    /// HTTP/1.1: whether it asks for a tunnel. A request with content does not: its end would be the tunnel's beginning.
    static func asksForUpgrade(_ head: borrowing RequestHead) -> Bool {
        guard head.wantsUpgrade, head.version == .http11, head.framing == .none,
            head.headers.count(of: "upgrade") == 1
        else { return false }
        let isWelcome = head.headers.withValue(of: "upgrade") { value in
            FieldRules.isToken(value) && !isForbidden(value)
        }
        return isWelcome ?? false
    }

    /// "h2c" and the like, "HTTP/2.0", "TLS/1.0" (the last two are no tokens either).
    private static func isForbidden(_ name: Span<UInt8>) -> Bool {
        name.count >= 2 && FieldRules.equalsIgnoringCase(name.extracting(0..<2), "h2")
            || name.count >= 3 && FieldRules.equalsIgnoringCase(name.extracting(0..<3), "tls")
            || name.count >= 4 && FieldRules.equalsIgnoringCase(name.extracting(0..<4), "http")
    }

    /// What is asked for, before the fields of this hop are removed.
    func readTunnelProtocol() {
        guard isTunnelRequest else { return }
        var name: [UInt8] = []
        if tunnelRequest == .upgrade {
            _ = request.headers.withValue(of: "upgrade") { name.append(bytes: $0) }
        } else {
            request.withProtocol { name.append(bytes: $0) }
        }
        tunnelProtocol = name
    }

    /// Asks the endpoint in the words of its protocol.
    func prepareTunnel(overHTTP2: Bool) {
        request.framing = .none
        if overHTTP2 {
            request.setMethod("CONNECT")
            let name = tunnelProtocol
            request.setProtocol(name.span)
            request.framing = .chunked
            guard tunnelRequest == .upgrade else { return }
            let key = request.headers.withValue(of: "sec-websocket-key") { value in
                var key: [UInt8] = []
                key.append(bytes: value)
                return key
            }
            request.headers.remove("sec-websocket-key")
            tunnelAccept = key.map(WebSocketHandshake.accept) ?? []
        } else {
            request.headers.append("upgrade", tunnelProtocol)
            request.wantsUpgrade = true
            guard tunnelRequest == .extendedConnect, isWebSocket else { return }
            let key = WebSocketHandshake.key((worker.random.next(), worker.random.next()))
            request.headers.set("sec-websocket-key", key)
            tunnelAccept = WebSocketHandshake.accept(for: key)
        }
    }

    private var isWebSocket: Bool {
        let name = tunnelProtocol
        return FieldRules.equalsIgnoringCase(name.span, "websocket")
    }

    // MARK: - The endpoint's answer

    /// The endpoint agrees; its head is in `response`.
    ///
    /// - Returns: false when it names another protocol than it was asked for (RFC 9110 §7.8), or does not prove that it
    ///   understood (RFC 6455 §4.1).
    func receiveTunnel(overHTTP2: Bool) -> Bool {
        guard !isOver, isTunnelAwaited else { return false }
        if !overHTTP2 {
            let asked = tunnelProtocol
            let isWhatWasAsked = response.headers.withValue(of: "upgrade") { value in
                FieldRules.equalsIgnoringCase(value, asked.span)
            }
            guard isWhatWasAsked == true else { return false }
            if tunnelRequest == .extendedConnect && isWebSocket {
                let proves = response.headers.withValue(of: "sec-websocket-accept") { value in
                    guard value.count == tunnelAccept.count else { return false }
                    for index in value.indices where value[index] != tunnelAccept[index] { return false }
                    return true
                }
                guard proves == true else { return false }
            }
        }
        isTunnel = true
        pool?.answered(200)
        responseHasStarted = true
        responseAt = worker.loop.now
        phase = .responding
        // Its life is bounded by silence, not by length.
        requestDeadline = .max
        attemptDeadline = .max
        prepareTunnelResponse(fromHTTP2: overHTTP2)
        armTimer()
        downstream?.sendHead(endStream: false)
        if !isOver { sendRequestBody() }
        return true
    }

    private func prepareTunnelResponse(fromHTTP2: Bool) {
        response.headers.removeHopByHopFields()
        response.headers.remove("content-length")
        response.headers.remove("x-request-id")
        response.headers.append("x-request-id", requestID, flags: .neverIndexed)
        response.framing = .none
        switch tunnelRequest {
        case .upgrade:
            response.status = 101
            response.headers.append("upgrade", tunnelProtocol)
            if fromHTTP2 && !tunnelAccept.isEmpty { response.headers.set("sec-websocket-accept", tunnelAccept) }
        case .extendedConnect, .none:
            response.status = 200
            response.headers.remove("sec-websocket-accept")
        }
    }

    /// The endpoint answers otherwise: then the request is one like others, and has no content.
    ///
    /// - Returns: false when the client would take the answer for a tunnel.
    func receiveTunnelRefusal() -> Bool {
        if tunnelRequest == .upgrade {
            requestHasEnded = true
            requestWasSent = true
        }
        let succeeds = (200..<300).contains(response.status)
        return !(succeeds && tunnelRequest == .extendedConnect)
    }

    // MARK: - Ends

    /// The endpoint sends no more.
    func tunnelResponseEnded() {
        guard !isOver else { return }
        responseHasEnded = true
        armTimer()
        if requestWasSent { tunnelIsOver() } else { downstream?.endTunnelOutput() }
    }

    /// All that the client sent is handed on, and its end.
    func tunnelRequestEnded() {
        if responseHasEnded { tunnelIsOver() }
    }

    private func tunnelIsOver() {
        let last = upstream
        upstream = nil
        last?.endTunnel()
        downstream?.sendEnd()
    }

    /// The endpoint's connection or stream broke.
    func tunnelBroke() {
        upstream = nil
        if responseHasEnded { return tunnelIsOver() }
        failResponse(.responseTruncated)
    }
}
