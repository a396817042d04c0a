import GatewayTestSupport
import Policy
import Proxy
import Routing
import Testing

@Suite(.serialized, .timeLimit(.minutes(2))) struct TokenTests {
    private static let rule = AuthenticationRule(provider: 0, requiredScopes: ["warehouse:read"])
    private static let verifier: @Sendable () -> ScriptedVerifier = {
        ScriptedVerifier([
            "alice": ScriptedVerifier.good("alice", ["warehouse:read", "sales:read"]),
            "bob": ScriptedVerifier.good("bob", ["sales:read"]),
            "old": .failure(.expired), "early": .failure(.keysNotLoaded), "busy": .failure(.overloaded),
        ])
    }

    private func site(_ upstream: ScriptedUpstream, _ verifier: ScriptedVerifier) -> Site {
        Site(
            rules: [Site.Rule(path: "/", endpoints: [upstream.port], authentication: Self.rule)], verifier: verifier)
    }

    struct Case: Sendable {
        let fields: [String]
        let status: Int
        let outcome: Outcome
        var challenge: String?
    }

    @Test(arguments: [
        Case(fields: [], status: 401, outcome: .tokenMissing, challenge: "Bearer"),
        Case(fields: ["authorization: Basic YTpi"], status: 401, outcome: .tokenMissing, challenge: "Bearer"),
        Case(fields: ["authorization: Bearer"], status: 401, outcome: .tokenMissing, challenge: "Bearer"),
        Case(fields: ["authorization: Bearer alice bob"], status: 401, outcome: .tokenMissing, challenge: "Bearer"),
        Case(
            fields: ["authorization: Bearer alice", "authorization: Bearer alice"], status: 401,
            outcome: .tokenMissing, challenge: "Bearer"),
        Case(
            fields: ["authorization: Bearer forged"], status: 401, outcome: .tokenRefused,
            challenge: "Bearer error=\"invalid_token\""),
        Case(
            fields: ["authorization: Bearer old"], status: 401, outcome: .tokenRefused,
            challenge: "Bearer error=\"invalid_token\", error_description=\"The token has expired\""),
        Case(
            fields: ["authorization: Bearer bob"], status: 403, outcome: .scopeMissing,
            challenge: "Bearer error=\"insufficient_scope\", scope=\"warehouse:read\""),
        Case(fields: ["authorization: Bearer early"], status: 503, outcome: .tokenKeysNotLoaded),
        Case(fields: ["authorization: Bearer busy"], status: 503, outcome: .verificationOverloaded),
    ])
    func `is refused, and told why`(refused: Case) async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream, Self.verifier())) { gateway in
            let client = try gateway.connect()
            try client.get("/", fields: refused.fields)
            let response = try client.response()
            #expect(response.status == refused.status)
            #expect(response["www-authenticate"] == refused.challenge)
            #expect((response["retry-after"] != nil) == (refused.status == 503))
            // The connection is as good as before.
            try client.get("/", fields: ["authorization: bearer  alice"])
            #expect(try client.response().status == 200)
        }
        #expect(log.map(\.outcome) == [refused.outcome.rawValue, "forwarded"])
        #expect(log.last?.subject == "alice")
        #expect(upstream.requests.count == 1)
    }

    @Test func `a token is verified once and then remembered`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let verifier = Self.verifier()
        try await withGateway(site(upstream, verifier)) { gateway in
            let client = try gateway.connect()
            for _ in 0..<10 {
                try client.get("/", fields: ["authorization: Bearer alice"])
                #expect(try client.response().status == 200)
            }
            #expect(verifier.calls == 1)
            #expect(gateway.gateway.statistics.tokenCacheHits == 9)
            #expect(gateway.gateway.statistics.tokenCacheMisses == 1)
            // What was refused is remembered too, for a moment.
            for _ in 0..<3 {
                try client.get("/", fields: ["authorization: Bearer forged"])
                #expect(try client.response().status == 401)
            }
            #expect(verifier.calls == 2)
        }
    }

    @Test func `new keys make every token be verified anew`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let verifier = Self.verifier()
        let site = site(upstream, verifier)
        try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try client.get("/", fields: ["authorization: Bearer alice"])
            #expect(try client.response().status == 200)
            let later = ScriptedVerifier()
            var next = site
            next.verifier = later
            try gateway.gateway.replace(next.snapshot())
            #expect(client.eventuallyGets("/", fields: ["authorization: Bearer alice"]) { $0.status == 401 })
            #expect(later.calls == 1)
            #expect(verifier.calls == 1)
        }
    }

    @Test func `a configuration with the same verifier leaves verified tokens verified`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let verifier = Self.verifier()
        let site = site(upstream, verifier)
        try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try client.get("/", fields: ["authorization: Bearer alice"])
            #expect(try client.response().status == 200)
            var next = site
            next.rules.append(Site.Rule(path: "/open", endpoints: [upstream.port]))
            try gateway.gateway.replace(next.snapshot())
            #expect(client.eventuallyGets("/open") { $0.status == 200 })
            try client.get("/", fields: ["authorization: Bearer alice"])
            #expect(try client.response().status == 200)
            #expect(verifier.calls == 1)
        }
    }

    @Test func `a body that comes while its token is verified is forwarded whole`() async throws {
        let upstream = try ScriptedUpstream.answering {
            ScriptedUpstream.ok("\(Pattern.matches($0.body)) \($0.body.count)")
        }
        defer { upstream.stop() }
        let verifier = ScriptedVerifier(["alice": ScriptedVerifier.good("alice", ["warehouse:read"])], holds: true)
        try await withGateway(site(upstream, verifier)) { gateway in
            let client = try gateway.connect()
            try client.post("/", Pattern.bytes(150_000), fields: ["authorization: Bearer alice"])
            #expect(eventually { verifier.calls == 1 })
            verifier.release()
            #expect(try client.response().text == "true 150000")
        }
    }

    @Test func `a client that leaves before its token is verified is forgotten`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let verifier = ScriptedVerifier(["alice": ScriptedVerifier.good("alice", ["warehouse:read"])], holds: true)
        let log = try await withGateway(site(upstream, verifier)) { gateway in
            let client = try gateway.connect()
            try client.get("/", fields: ["authorization: Bearer alice"])
            #expect(eventually { verifier.calls == 1 })
            client.socket.reset()
            #expect(eventually { gateway.gateway.statistics.requestsOpen == 0 })
            // The exchange that waited may serve another request by now; the late answer must not touch it.
            let other = try gateway.connect()
            try other.get("/", fields: ["authorization: Bearer alice"])
            #expect(eventually { verifier.calls == 2 })
            verifier.release()
            #expect(try other.response().text == "GET /")
        }
        #expect(log.map(\.outcome).sorted() == ["clientClosed", "forwarded"])
        #expect(upstream.requests.count == 1)
    }

    @Test func `a verifier that does not answer is not waited for`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let verifier = ScriptedVerifier(["alice": ScriptedVerifier.good("alice", ["warehouse:read"])], holds: true)
        var site = site(upstream, verifier)
        site.limits.verificationTimeout = 200
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try client.get("/", fields: ["authorization: Bearer alice"])
            #expect(try client.response().status == 503)
            // The late answer is remembered, though.
            verifier.release()
            try client.get("/", fields: ["authorization: Bearer alice"])
            #expect(try client.response().status == 200)
        }
        #expect(log.map(\.outcome) == ["verificationOverloaded", "forwarded"])
        #expect(verifier.calls == 1)
    }

    @Test func `a full verifier means 503, and so do too many that wait`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let full = ScriptedVerifier([:], isFull: true)
        let log = try await withGateway(site(upstream, full)) { gateway in
            let response = try gateway.get("/", fields: ["authorization: Bearer alice"])
            #expect(response.status == 503)
            #expect(response["retry-after"] == "1")
        }
        #expect(log.map(\.outcome) == ["verificationOverloaded"])

        let holding = ScriptedVerifier(["alice": ScriptedVerifier.good("alice", ["warehouse:read"])], holds: true)
        var site = site(upstream, holding)
        site.limits.pendingVerifications = 3
        try await withGateway(site) { gateway in
            let clients = try (0..<5).map { _ in try gateway.connect() }
            for client in clients { try client.get("/", fields: ["authorization: Bearer alice"]) }
            #expect(eventually { gateway.count(.verificationOverloaded) == 2 })
            holding.release()
            let statuses = try clients.map { try $0.response().status }
            #expect(statuses.sorted() == [200, 200, 200, 503, 503])
        }
    }

    @Test func `where anonymous is allowed no token is needed, and a wrong one is refused all the same`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let open = AuthenticationRule(provider: 0, requiredScopes: [], anonymousAllowed: true)
        let rules = [Site.Rule(path: "/", endpoints: [upstream.port], authentication: open)]
        let log = try await withGateway(Site(rules: rules, verifier: Self.verifier())) { gateway in
            let asked1 = try gateway.get("/")
            #expect(asked1.status == 200)
            let asked2 = try gateway.get("/", fields: ["authorization: Basic YTpi"])
            #expect(asked2.status == 200)
            let asked3 = try gateway.get("/", fields: ["authorization: Bearer alice"])
            #expect(asked3.status == 200)
            let asked4 = try gateway.get("/", fields: ["authorization: Bearer whatever"])
            #expect(asked4.status == 401)
            let asked5 = try gateway.get("/", fields: ["authorization: Bearer"])
            #expect(asked5.status == 401)
        }
        #expect(log.map(\.subject) == [nil, nil, "alice", nil, nil])
    }

    @Test func `where no token is looked at any will do`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let verifier = ScriptedVerifier()
        let open = AuthenticationRule(provider: nil, anonymousAllowed: true)
        let rules = [Site.Rule(path: "/", endpoints: [upstream.port], authentication: open)]
        try await withGateway(Site(rules: rules, verifier: verifier)) { gateway in
            let asked6 = try gateway.get("/", fields: ["authorization: Bearer whatever"])
            #expect(asked6.status == 200)
        }
        #expect(verifier.calls == 0)
    }

    @Test func `required claims must have one of their values`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let verifier = ScriptedVerifier([
            "staff": Self.claims(["groups": ["guests", "staff"], "level": ["2"]]),
            "guest": Self.claims(["groups": ["guests"], "level": ["2"]]), "other": Self.claims([:]),
        ])
        let rule = AuthenticationRule(
            provider: 0,
            requiredClaims: [
                ClaimCondition(name: "groups", values: ["staff", "admins"]),
                ClaimCondition(name: "level", values: ["2"]),
            ])
        let rules = [Site.Rule(path: "/", endpoints: [upstream.port], authentication: rule)]
        try await withGateway(Site(rules: rules, verifier: verifier)) { gateway in
            let asked7 = try gateway.get("/", fields: ["authorization: Bearer staff"])
            #expect(asked7.status == 200)
            let asked8 = try gateway.get("/", fields: ["authorization: Bearer guest"])
            #expect(asked8.status == 403)
            let asked9 = try gateway.get("/", fields: ["authorization: Bearer other"])
            #expect(asked9.status == 403)
            #expect(gateway.count(.claimMissing) == 2)
        }
    }

    private static func claims(_ claims: [String: [String]]) -> Result<VerifiedToken, TokenRefusal> {
        .success(VerifiedToken(subject: "somebody", scopes: [], expiresAtSeconds: .max, claims: claims))
    }

    @Test func `backends are told of the caller by the gateway alone`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let verifier = ScriptedVerifier([
            "alice": .success(
                VerifiedToken(
                    subject: "alice", scopes: [], expiresAtSeconds: .max,
                    identity: [.init(name: "X-User-Id", value: " a\r\nx-admin: 1 ")]))
        ])
        var site = Site(
            rules: [
                Site.Rule(path: "/", endpoints: [upstream.port], authentication: AuthenticationRule(provider: 0)),
                Site.Rule(path: "/open", endpoints: [upstream.port]),
            ], verifier: verifier)
        site.tokenProviders = [
            TokenProvider(
                name: "default/p", issuer: "i", audiences: ["a"], keySet: .file(path: "/"),
                claimsToHeaders: [.init(claim: "sub", header: "x-user-id")])
        ]
        let forged = ["x-user-id: root", "X_User_Id: root", "x-authenticated-consumer: root"]
        try await withGateway(site) { gateway in
            let asked10 = try gateway.get("/", fields: ["authorization: Bearer alice"] + forged)
            #expect(asked10.status == 200)
            let asked11 = try gateway.get("/open", fields: forged)
            #expect(asked11.status == 200)
        }
        #expect(upstream.requests.map { $0["x-user-id"] } == ["ax-admin: 1", nil])
        #expect(upstream.requests.allSatisfy { $0["x_user_id"] == nil && $0["x-authenticated-consumer"] == nil })
    }
}
