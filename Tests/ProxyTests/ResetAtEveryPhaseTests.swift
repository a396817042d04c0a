import GatewayTestSupport
import Proxy
import Routing
import Testing
import Wire

/// A client that resets in each phase of its request: the endpoint hears of it, and nothing is left of the request.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ResetAtEveryPhaseTests {
    enum Phase: CaseIterable {
        case verifying, gathering, queued, connecting, sendingBody, awaitingResponse, pausingForRetry, readingResponse
        case tunnelAwaited, tunnel
    }

    enum Front: CaseIterable { case http11, tls, http2 }

    private func site(_ port: UInt16, _ phase: Phase, _ verifier: ScriptedVerifier) -> Site {
        var site = Site(rules: [Site.Rule(path: "/", endpoints: [port])], verifier: verifier)
        switch phase {
        case .verifying: site.rules[0].authentication = AuthenticationRule(provider: 0)
        case .queued: site.rules[0].traffic.pool.maximumConnections = 1
        case .gathering: site.limits.bodyGatheringTime = 60_000
        case .pausingForRetry:
            site.rules[0].traffic.retries.statuses = [503]
            site.rules[0].traffic.retries.backoffMilliseconds = 60_000
            site.rules[0].traffic.retries.maximumBackoffMilliseconds = 60_000
        default: break
        }
        site.limits.verificationTimeout = 60_000
        site.rules[0].traffic.pool.pendingTimeoutMilliseconds = 60_000
        site.rules[0].traffic.timeouts.connectMilliseconds = 60_000
        return site
    }

    private func upstream(_ phase: Phase) throws -> ScriptedUpstream {
        try ScriptedUpstream { connection in
            switch phase {
            case .sendingBody:
                _ = try connection.reader.requestHead()
            case .pausingForRetry:
                _ = try connection.request()
                try connection.send("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n")
            case .readingResponse:
                _ = try connection.request()
                try connection.send("HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")
                while (try? connection.send(Pattern.bytes(100_000))) != nil {}
            case .tunnel:
                _ = try connection.request()
                try connection.send("HTTP/1.1 101 Yes\r\nconnection: upgrade\r\nupgrade: test\r\n\r\nhello")
            default: _ = try connection.request()
            }
            connection.waitForEnd()
        }
    }

    /// Whether the request is where it should be when the client resets.
    private func isReached(_ phase: Phase, _ gateway: GatewayUnderTest, _ verifier: ScriptedVerifier) -> Bool {
        guard gateway.gateway.statistics.requestsOpen > 0, let endpoint = gateway.gateway.endpoints.first else {
            return false
        }
        switch phase {
        case .verifying: return verifier.calls == 1
        case .gathering: return true
        case .queued: return endpoint.requestsPending == 1
        case .connecting: return endpoint.connectionsOpen == 1
        case .pausingForRetry: return gateway.gateway.statistics.retries == 1
        default: return endpoint.requestsActive == 1
        }
    }

    private func wantsTunnel(_ phase: Phase) -> Bool { phase == .tunnel || phase == .tunnelAwaited }
    private func hasBody(_ phase: Phase) -> Bool { phase == .gathering || phase == .sendingBody }

    /// Sends the request, and gives what resets it.
    private func begin(_ phase: Phase, _ front: Front, _ gateway: GatewayUnderTest) throws -> () throws -> Void {
        if front == .http2 {
            let client = try gateway.connectHTTP2()
            try client.pump { client.peer.session.peerTakesExtendedConnect }
            let fields = [("authorization", "Bearer alice")]
            let stream: RecordingStream?
            if wantsTunnel(phase) {
                stream = client.peer.request("CONNECT", "/", fields: fields, connectProtocol: "test", endStream: false)
            } else if hasBody(phase) {
                stream = client.peer.request("PUT", "/", fields: fields, endStream: false)
                stream?.write(Array("half".utf8).span)
            } else {
                stream = client.peer.request("GET", "/", fields: fields)
            }
            let opened = try #require(stream)
            try client.flush()
            if phase == .tunnel { try client.pump { opened.text == "hello" } }
            if phase == .readingResponse { try client.pump { !opened.body.isEmpty } }
            return {
                opened.reset(errorCode: 8)
                try client.flush()
                // The connection lives on.
                #expect(try client.get("/../none").status == 400)
            }
        }
        let client = try front == .tls ? gateway.connectTLS() : gateway.connect()
        var fields = ["authorization: Bearer alice"]
        if wantsTunnel(phase) { fields += ["connection: upgrade", "upgrade: test"] }
        if hasBody(phase) { fields.append("content-length: 1000") }
        try client.get("/", method: hasBody(phase) ? "PUT" : "GET", fields: fields)
        if hasBody(phase) { try client.send("half") }
        if phase == .tunnel {
            #expect(try client.reader.responseHead().status == 101)
            #expect(try client.reader.take(count: 5) == Array("hello".utf8))
        }
        if phase == .readingResponse { _ = try client.reader.responseHead() }
        return { client.socket.reset() }
    }

    @Test(arguments: Phase.allCases, Front.allCases)
    func `nothing is left of it`(phase: Phase, front: Front) async throws {
        let verifier = ScriptedVerifier(["alice": ScriptedVerifier.good("alice", [])], holds: phase == .verifying)
        let upstream = try upstream(phase)
        // A backlog that is full: connections to it are never accepted.
        let full = try BlockingListener(backlog: 0)
        let fillers = phase == .connecting ? [try BlockingSocket(connectingTo: full.port)] : []
        defer {
            for filler in fillers { filler.close() }
            full.close()
            upstream.stop()
        }
        let port = phase == .connecting ? full.port : upstream.port
        let log = try await withGateway(site(port, phase, verifier)) { gateway in
            var first: Client?
            if phase == .queued {
                first = try gateway.connect()
                try first?.get("/")
                #expect(eventually { gateway.gateway.endpoints.first?.requestsActive == 1 })
            }
            let reset = try begin(phase, front, gateway)
            #expect(eventually { isReached(phase, gateway, verifier) })
            try reset()
            first?.socket.reset()
            #expect(eventually { gateway.gateway.statistics.requestsOpen == 0 })
            #expect(
                eventually {
                    guard let endpoint = gateway.gateway.endpoints.first else { return false }
                    // The connection that brought the answer waits for other requests.
                    return endpoint.requestsActive == 0 && endpoint.requestsPending == 0
                        && (endpoint.connectionsOpen == 0 || phase == .pausingForRetry)
                })
            #expect(eventually { gateway.gateway.statistics.loops.heldBytes == 0 })
            // Answers that come too late find nobody.
            verifier.release()
            for filler in fillers { filler.close() }
            full.close()
        }
        #expect(log.filter { $0.outcome != "clientClosed" }.allSatisfy { $0.outcome == "ambiguousTarget" })
        #expect(log.count { $0.outcome == "clientClosed" } == (phase == .queued ? 2 : 1))
    }
}
