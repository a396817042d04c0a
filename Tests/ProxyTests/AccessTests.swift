import GatewayTestSupport
import Policy
import Proxy
import Routing
import Testing

@Suite(.serialized, .timeLimit(.minutes(2))) struct AccessTests {
    private func site(_ upstream: ScriptedUpstream, _ access: AccessRule) -> Site {
        Site(rules: [
            Site.Rule(path: "/", endpoints: [upstream.port], policies: RulePolicies(access: access)),
            Site.Rule(path: "/open", endpoints: [upstream.port]),
        ])
    }

    @Test func `addresses are let in or not before anything else is asked`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        var site = site(
            upstream,
            AccessRule(allowedAddresses: AddressSet(["127.0.0.0/29"]), deniedAddresses: AddressSet(["127.0.0.3"])))
        site.rules[0].authentication = AuthenticationRule(provider: 0)
        let log = try await withGateway(site) { gateway in
            for (host, path, status) in [(2, "/", 401), (3, "/", 403), (9, "/", 403), (9, "/open", 200)] {
                let client = try gateway.connect(from: UInt8(host))
                try client.get(path)
                let answer1 = try client.response()
                #expect(answer1.status == status, "127.0.0.\(host) \(path)")
            }
        }
        #expect(log.map(\.outcome) == ["tokenMissing", "accessDenied", "accessDenied", "forwarded"])
    }

    @Test func `a redirect, too, is only for addresses that are let in`() async throws {
        let site = Site(rules: [
            Site.Rule(
                path: "/", endpoints: [], redirect: Redirect(scheme: "https"),
                policies: RulePolicies(access: AccessRule(deniedAddresses: AddressSet(["127.0.0.3"]))))
        ])
        let log = try await withGateway(site) { gateway in
            for (host, status) in [(2, 302), (3, 403)] {
                let client = try gateway.connect(from: UInt8(host))
                try client.get("/")
                let answer = try client.response()
                #expect(answer.status == status && (answer["location"] != nil) == (status == 302))
            }
        }
        #expect(log.map(\.outcome) == ["redirected", "accessDenied"])
    }

    @Test func `the address is the one that a PROXY header names`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        var site = site(upstream, AccessRule(deniedAddresses: AddressSet(["192.0.2.0/24", "2001:db8::/32"])))
        site.proxyProtocol = ProxyProtocolSettings()
        try await withGateway(site) { gateway in
            for (header, status) in [
                ("TCP4 192.0.2.7 192.0.2.1 1 2", 403), ("TCP4 198.51.100.7 192.0.2.1 1 2", 200),
                ("TCP6 2001:db8::7 ::1 1 2", 403), ("TCP6 ::ffff:192.0.2.7 ::1 1 2", 403), ("TCP6 ::2 ::1 1 2", 200),
            ] {
                let client = try gateway.connect()
                try client.send("PROXY \(header)\r\n")
                try client.get("/")
                let answer2 = try client.response()
                #expect(answer2.status == status, "\(header)")
            }
        }
    }

    @Test func `claims are asked once the caller is known, and denial wins`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        func caller(_ groups: [String]) -> Result<VerifiedToken, TokenRefusal> {
            .success(
                VerifiedToken(subject: "somebody", scopes: [], expiresAtSeconds: .max, claims: ["groups": groups]))
        }
        var site = site(
            upstream,
            AccessRule(
                allowedClaims: [
                    ClaimCondition(name: "groups", values: ["staff"]),
                    ClaimCondition(name: "groups", values: ["admins"]),
                ], deniedClaims: [ClaimCondition(name: "groups", values: ["blocked"])]))
        site.rules[0].authentication = AuthenticationRule(provider: 0)
        site.verifier = ScriptedVerifier([
            "staff": caller(["staff"]), "admin": caller(["admins", "x"]), "guest": caller(["guests"]),
            "nobody": caller([]), "blocked": caller(["staff", "blocked"]),
        ])
        try await withGateway(site) { gateway in
            for (token, status) in [("staff", 200), ("admin", 200), ("guest", 403), ("nobody", 403), ("blocked", 403)] {
                let answer3 = try gateway.get("/", fields: ["authorization: Bearer \(token)"])
                #expect(answer3.status == status)
            }
            let answer4 = try gateway.get("/")
            #expect(answer4.status == 401)
        }
    }
}

@Suite(.serialized, .timeLimit(.minutes(2))) struct APIKeyTests {
    /// SHA-256 of "key-of-acme" and of "key-of-ajax", as sha256sum gives it.
    private static let acme: [UInt8] = [
        0x68, 0x9f, 0xeb, 0xd2, 0x64, 0xf8, 0xb9, 0x77, 0xe2, 0x9c, 0x0f, 0xdb, 0x75, 0xf8, 0x39, 0xeb,
        0x24, 0x8b, 0xa0, 0x7d, 0x15, 0x61, 0xb1, 0x4f, 0x2b, 0x95, 0xf4, 0x27, 0x56, 0x94, 0x32, 0x45,
    ]
    private static let ajax: [UInt8] = [
        0x2c, 0x01, 0xf5, 0xb2, 0x78, 0x0a, 0xd3, 0x39, 0xc0, 0xa0, 0xc2, 0x89, 0x0f, 0xdb, 0x97, 0x3a,
        0x0e, 0x43, 0x6d, 0xaa, 0x82, 0xa9, 0x7c, 0x66, 0xf0, 0xc9, 0x45, 0x27, 0x5a, 0x2b, 0xb8, 0xe6,
    ]

    private func site(_ upstream: ScriptedUpstream, provider: Int? = nil, anonymous: Bool = false) -> Site {
        var site = Site(
            rules: [
                Site.Rule(
                    path: "/", endpoints: [upstream.port],
                    authentication: AuthenticationRule(provider: provider, apiKeys: 0, anonymousAllowed: anonymous)),
                Site.Rule(
                    path: "/scoped", endpoints: [upstream.port],
                    authentication: AuthenticationRule(provider: nil, apiKeys: 0, requiredScopes: ["read"])),
            ], verifier: ScriptedVerifier(["alice": ScriptedVerifier.good("alice", [])]))
        site.apiKeySets = [
            APIKeySet(
                name: "default/keys", queryParameter: "api_key",
                consumers: [
                    APIKeySet.Consumer(name: "acme", digest: Self.acme, scopes: ["read"]),
                    APIKeySet.Consumer(name: "ajax", digest: Self.ajax),
                ])
        ]
        return site
    }

    @Test func `a key names its consumer, and goes no further`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream)) { gateway in
            let fields = ["X-API-Key: key-of-acme", "x-authenticated-consumer: root"]
            let answer5 = try gateway.get("/a?b=1", fields: fields)
            #expect(answer5.status == 200)
            let answer6 = try gateway.get("/a?b=1&api_key=key-of-ajax&c")
            #expect(answer6.text == "GET /a?b=1&c")
            let answer7 = try gateway.get("/a?api_key=key-of-ajax")
            #expect(answer7.text == "GET /a")
        }
        #expect(upstream.requests.map { $0["x-authenticated-consumer"] } == ["acme", "ajax", "ajax"])
        #expect(upstream.requests.allSatisfy { $0["x-api-key"] == nil && !$0.startLine.contains("key-of") })
        #expect(log.map(\.consumer) == ["acme", "ajax", "ajax"])
        #expect(log.allSatisfy { $0.subject == nil })
    }

    @Test(arguments: [
        (["x-api-key: key-of-nobody"], "/", Outcome.apiKeyRefused), (["x-api-key: "], "/", .apiKeyRefused),
        (["x-api-key: key-of-acme", "x-api-key: key-of-acme"], "/", .apiKeyRefused),
        (["x-api-key: key-of-acme"], "/?api_key=key-of-acme", .apiKeyRefused), ([], "/?api_key=", .apiKeyRefused),
        ([], "/?API_KEY=key-of-acme", .tokenMissing), ([], "/", .tokenMissing),
        (["authorization: Bearer key-of-acme"], "/", .tokenMissing),
        (["x-api-key: \(String(repeating: "a", count: 2_000))"], "/", .apiKeyRefused),
    ])
    func `no key, two keys and wrong keys are refused`(fields: [String], path: String, outcome: Outcome) async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let answer = try gateway.get(path, fields: fields)
            #expect(answer.status == 401)
            #expect(answer["www-authenticate"] == "ApiKey")
            #expect(gateway.count(outcome) == 1)
        }
        #expect(upstream.requests.isEmpty)
    }

    @Test func `a key may carry scopes`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let answer8 = try gateway.get("/scoped", fields: ["x-api-key: key-of-acme"])
            #expect(answer8.status == 200)
            let answer9 = try gateway.get("/scoped", fields: ["x-api-key: key-of-ajax"])
            #expect(answer9.status == 403)
        }
    }

    @Test func `where tokens are taken too, either will do, and a wrong key is not made good by a token`() async throws
    {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        try await withGateway(site(upstream, provider: 0)) { gateway in
            let token = "authorization: Bearer alice"
            let answer10 = try gateway.get("/", fields: [token])
            #expect(answer10.status == 200)
            let answer11 = try gateway.get("/", fields: ["x-api-key: key-of-acme"])
            #expect(answer11.status == 200)
            let answer12 = try gateway.get("/", fields: ["x-api-key: wrong", token])
            #expect(answer12.status == 401)
            let answer13 = try gateway.get("/")
            #expect(answer13.status == 401)
        }
    }

    @Test func `where anonymous is allowed a wrong key is refused`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        try await withGateway(site(upstream, anonymous: true)) { gateway in
            let answer14 = try gateway.get("/")
            #expect(answer14.status == 200)
            let answer15 = try gateway.get("/", fields: ["x-api-key: wrong"])
            #expect(answer15.status == 401)
        }
    }
}
