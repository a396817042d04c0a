import GatewayTestSupport
import Policy
import Proxy
import Routing
import Testing

@Suite(.serialized, .timeLimit(.minutes(2))) struct RevocationTests {
    private static let alice = VerifiedToken(
        subject: "alice", scopes: [], expiresAtSeconds: .max, tokenID: "1", issuedAtMilliseconds: 1_000)

    private static func list(_ entries: RevocationList.Entry...) -> RevocationList {
        var list = RevocationList()
        for entry in entries { _ = list.insert(entry, nowSeconds: 0) }
        return list
    }

    private static let entries: [RevocationList.Entry] = [
        .subject("alice", issuedBeforeMilliseconds: 1_001, endsAtSeconds: nil), .token("1", expiresAtSeconds: .max / 2),
    ]

    private func site(_ upstream: ScriptedUpstream, _ verifier: ScriptedVerifier, _ source: RevocationSource) -> Site {
        Site(
            rules: [
                Site.Rule(path: "/", endpoints: [upstream.port], authentication: AuthenticationRule(provider: 0))
            ], verifier: verifier, revocations: [source])
    }

    @Test(arguments: entries)
    func `a token that is revoked while it is in use is refused from then on`(entry: RevocationList.Entry) async throws
    {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let verifier = ScriptedVerifier(["a": .success(Self.alice)])
        let source = RevocationSource()
        let log = try await withGateway(site(upstream, verifier, source), workers: 2) { gateway in
            let clients = try (0..<4).map { _ in try gateway.connect() }
            for client in clients {
                try client.get("/", fields: ["authorization: Bearer a"])
                #expect(try client.response().status == 200)
            }
            let verifications = verifier.calls
            source.publish(Self.list(entry))
            for client in clients {
                try client.get("/", fields: ["authorization: Bearer a"])
                let refused = try client.response()
                #expect(refused.status == 401)
                #expect(refused.text.contains("\"type\":\"https://gatehouse.dev/problems/token-revoked\""))
                #expect(refused.text.contains("\"code\":\"tokenRevoked\""))
                #expect(
                    refused["www-authenticate"]
                        == "Bearer error=\"invalid_token\", error_description=\"The token was revoked\"")
            }
            #expect(verifier.calls == verifications, "it is known already")
            #expect(gateway.count(.tokenRevoked) == 4)
            source.publish(RevocationList())
            try clients[0].get("/", fields: ["authorization: Bearer a"])
            #expect(try clients[0].response().status == 200)
        }
        #expect(log.filter { $0.outcome == "tokenRevoked" && $0.subject == "alice" }.count == 4)
        #expect(upstream.requests.count == 5)
    }

    @Test(arguments: entries)
    func `a token that was revoked before is refused at first sight`(entry: RevocationList.Entry) async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let verifier = ScriptedVerifier(["a": .success(Self.alice)])
        let source = RevocationSource(Self.list(entry))
        try await withGateway(site(upstream, verifier, source)) { gateway in
            for _ in 0..<3 {
                let answer = try gateway.get("/", fields: ["authorization: Bearer a"])
                #expect(answer.status == 401)
            }
            #expect(verifier.calls == 1 && gateway.count(.tokenRevoked) == 3)
        }
        #expect(upstream.requests.isEmpty)
    }

    @Test func `a token that is revoked while it is verified is refused`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let verifier = ScriptedVerifier(["a": .success(Self.alice)], holds: true)
        let source = RevocationSource()
        try await withGateway(site(upstream, verifier, source)) { gateway in
            let client = try gateway.connect()
            try client.get("/", fields: ["authorization: Bearer a"])
            #expect(eventually { verifier.calls == 1 })
            source.publish(Self.list(Self.entries[0]))
            verifier.release()
            #expect(try client.response().status == 401)
        }
        #expect(upstream.requests.isEmpty)
    }
}
