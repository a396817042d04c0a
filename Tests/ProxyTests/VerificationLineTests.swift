import GatewayTestSupport
import Policy
import Proxy
import Routing
import Testing
import Wire

/// A connection of HTTP/2 brings many requests at once, none of them authenticated yet.
@Suite(.serialized, .timeLimit(.minutes(2))) struct VerificationLineTests {
    private func site(_ upstream: ScriptedUpstream, _ verifier: ScriptedVerifier) -> Site {
        var site = Site(
            rules: [
                Site.Rule(path: "/", endpoints: [upstream.port], authentication: AuthenticationRule(provider: 0))
            ], verifier: verifier)
        site.limits.verificationsPerConnection = 4
        site.limits.verificationTimeout = 60_000
        return site
    }

    private func burst(_ client: HTTP2Client, _ count: Int, _ token: (Int) -> String) throws -> [RecordingStream] {
        try client.pump { client.peer.session.canOpenStream }
        let streams = try (0..<count).map { number in
            try #require(
                client.peer.request("GET", "/\(number)", fields: [("authorization", "Bearer \(token(number))")]))
        }
        try client.flush()
        return streams
    }

    @Test func `a hundred requests with one token are verified a few times, and all answered`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let verifier = ScriptedVerifier(["alice": ScriptedVerifier.good("alice", [])], holds: true)
        let log = try await withGateway(site(upstream, verifier)) { gateway in
            let client = try gateway.connectHTTP2()
            let streams = try burst(client, 100) { _ in "alice" }
            #expect(eventually { gateway.gateway.statistics.requestsOpen == 100 && verifier.calls == 4 })
            verifier.release()
            try client.pump { streams.allSatisfy { $0.closeCode != nil } }
            for (number, stream) in streams.enumerated() { #expect(stream.text == "GET /\(number)") }
            #expect(verifier.calls == 4)
        }
        #expect(log.allSatisfy { $0.outcome == "forwarded" && $0.subject == "alice" })
    }

    @Test func `who sends many different tokens takes turns, and others need not wait for that`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let verifier = ScriptedVerifier(["alice": ScriptedVerifier.good("alice", [])], holds: true)
        try await withGateway(site(upstream, verifier)) { gateway in
            let client = try gateway.connectHTTP2()
            let streams = try burst(client, 50) { $0 == 49 ? "alice" : "forged\($0)" }
            #expect(eventually { gateway.gateway.statistics.requestsOpen == 50 && verifier.calls == 4 })
            let other = try gateway.connect()
            try other.get("/", fields: ["authorization: Bearer alice"])
            #expect(eventually { verifier.calls == 5 })
            // One that gives up leaves the line.
            streams[40].reset(errorCode: 8)
            try client.flush()
            #expect(eventually { gateway.count(.clientClosed) == 1 })
            verifier.release()
            #expect(try other.response().status == 200)
            try client.pump { streams.allSatisfy { $0.closeCode != nil } }
            for (number, stream) in streams.enumerated() where number != 40 {
                #expect(stream.status == (number == 49 ? 200 : 401))
            }
        }
    }

    @Test func `a turn that does not come in time is answered, and a client that leaves is forgotten`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let verifier = ScriptedVerifier(holds: true)
        var site = site(upstream, verifier)
        site.limits.verificationTimeout = 200
        try await withGateway(site) { gateway in
            let client = try gateway.connectHTTP2()
            let streams = try burst(client, 10) { "forged\($0)" }
            try client.pump { streams.allSatisfy { $0.closeCode != nil } }
            #expect(streams.allSatisfy { $0.status == 503 })
            let leaving = try gateway.connectHTTP2()
            _ = try burst(leaving, 10) { "other\($0)" }
            #expect(eventually { verifier.calls == 8 })
            leaving.socket.reset()
            #expect(eventually { gateway.gateway.statistics.requestsOpen == 0 })
            verifier.release()
            #expect(try gateway.get("/", fields: ["authorization: Bearer x"]).status == 401)
        }
    }
}
