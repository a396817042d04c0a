import GatewayTestSupport
import Policy
import Proxy
import Routing
import Testing
import Wire

/// Limits whose buckets do not fill again while a test runs: what is refused does not depend on how long it takes.
@Suite(.serialized, .timeLimit(.minutes(2))) struct RateLimitTests {
    private static func limit(
        _ name: String = "few", _ requests: Int = 3, key: [RateLimit.KeyPart] = [], isShadow: Bool = false,
        tellsClients: Bool = true
    ) -> RateLimit {
        RateLimit(
            name: name, requests: requests, periodMilliseconds: 86_400_000, key: key, isShadow: isShadow,
            tellsClients: tellsClients)
    }

    private func site(_ upstream: ScriptedUpstream, _ limits: [RateLimit]) -> Site {
        let policies = RulePolicies(rateLimits: Array(limits.indices))
        var site = Site(rules: [
            Site.Rule(path: "/", endpoints: [upstream.port], policies: policies),
            Site.Rule(path: "/other", endpoints: [upstream.port], policies: policies),
            Site.Rule(path: "/free", endpoints: [upstream.port]),
        ])
        site.rateLimits = limits
        return site
    }

    @Test func `requests above the limit are refused, and told when to come again`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream, [Self.limit()])) { gateway in
            for left in ["2", "1", "0"] {
                let answer = try gateway.get("/")
                #expect(answer.status == 200)
                #expect(answer["ratelimit-policy"] == "\"few\";q=3;w=86400")
                #expect(answer["ratelimit"]?.hasPrefix("\"few\";r=\(left);t=") == true)
            }
            let refused = try gateway.get("/other")
            #expect(refused.status == 429)
            #expect(refused["content-type"] == "application/problem+json")
            #expect(refused.text.contains("\"code\":\"rateLimited\""))
            #expect(refused["proxy-status"] == "gatehouse; error=http_request_denied; details=\"rateLimited\"")
            let seconds = try #require(refused["retry-after"].flatMap { Int($0) })
            #expect((28_000...28_800).contains(seconds))
            #expect(refused["ratelimit"] == "\"few\";r=0;t=\(seconds)")
            let asked1 = try gateway.get("/free")
            #expect(asked1.status == 200)
            let limiter = try #require(gateway.snapshot.rateLimiters.first)
            #expect(limiter.counts.allowed == 3 && limiter.counts.refused == 1)
        }
        #expect(log.map(\.outcome) == ["forwarded", "forwarded", "forwarded", "rateLimited", "forwarded"])
        #expect(upstream.requests.count == 4)
    }

    @Test func `all workers together let through what is allowed, and no more`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        try await withGateway(site(upstream, [Self.limit("many", 100)]), workers: 3) { gateway in
            var statuses: [Int: Int] = [:]
            for _ in 0..<30 {
                let client = try gateway.connect()
                for _ in 0..<5 {
                    try client.get("/")
                    statuses[try client.response().status, default: 0] += 1
                }
            }
            #expect(statuses == [200: 100, 429: 50])
        }
    }

    @Test func `each client address, header and route has a bucket of its own`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let limits = [Self.limit("each", 1, key: [.clientAddress, .header("x-tenant"), .route])]
        try await withGateway(site(upstream, limits)) { gateway in
            for host in [1, 2] as [UInt8] {
                for fields in [["x-tenant: a"], ["x-tenant: b"], []] {
                    for path in ["/", "/other"] {
                        let client = try gateway.connect(from: host)
                        try client.get(path, fields: fields)
                        #expect(try client.response().status == 200)
                        try client.get(path, fields: fields)
                        #expect(try client.response().status == 429)
                    }
                }
            }
        }
    }

    @Test func `callers have buckets by subject`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        var site = site(upstream, [Self.limit("each", 1, key: [.subject])])
        site.rules[0].authentication = AuthenticationRule(provider: 0)
        site.verifier = ScriptedVerifier([
            "a1": ScriptedVerifier.good("alice", []), "a2": ScriptedVerifier.good("alice", []),
            "b": ScriptedVerifier.good("bob", []),
        ])
        try await withGateway(site) { gateway in
            let asked2 = try gateway.get("/", fields: ["authorization: Bearer a1"])
            #expect(asked2.status == 200)
            let asked3 = try gateway.get("/", fields: ["authorization: Bearer a2"])
            #expect(asked3.status == 429)
            let asked4 = try gateway.get("/", fields: ["authorization: Bearer b"])
            #expect(asked4.status == 200)
        }
    }

    @Test func `a request that one limit refuses costs the others nothing`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let limits = [Self.limit("all", 4), Self.limit("each", 1, key: [.header("x-tenant")])]
        try await withGateway(site(upstream, limits)) { gateway in
            let asked5 = try gateway.get("/", fields: ["x-tenant: a"])
            #expect(asked5.status == 200)
            for _ in 0..<20 {
                let answer = try gateway.get("/", fields: ["x-tenant: a"])
                #expect(answer.status == 429)
            }
            for tenant in ["b", "c", "d"] {
                let asked6 = try gateway.get("/", fields: ["x-tenant: \(tenant)"])
                #expect(asked6.status == 200)
            }
            let last = try gateway.get("/", fields: ["x-tenant: e"])
            #expect(last.status == 429)
            #expect(last["ratelimit"]?.hasPrefix("\"all\";r=0") == true)
            #expect(last["ratelimit-policy"] == "\"all\";q=4;w=86400, \"each\";q=1;w=86400")
        }
    }

    @Test func `a shadow counts and refuses nothing`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        try await withGateway(site(upstream, [Self.limit("few", 1, isShadow: true)])) { gateway in
            for _ in 0..<5 {
                let answer = try gateway.get("/")
                #expect(answer.status == 200 && answer["ratelimit"] == nil)
            }
            let limiter = try #require(gateway.snapshot.rateLimiters.first)
            #expect(limiter.counts.allowed == 1 && limiter.counts.refused == 4)
        }
    }

    @Test func `a limit may keep to itself what is left`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        try await withGateway(site(upstream, [Self.limit("few", 1, tellsClients: false)])) { gateway in
            #expect(try gateway.get("/")["ratelimit"] == nil)
            let refused = try gateway.get("/")
            #expect(refused.status == 429 && refused["ratelimit"] == nil && refused["retry-after"] != nil)
        }
    }

    @Test func `a new configuration with the same limit goes on with what it counted`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let site = site(upstream, [Self.limit("few", 2)])
        try await withGateway(site) { gateway in
            let asked7 = try gateway.get("/")
            #expect(asked7.status == 200)
            var next = site
            next.rules.append(Site.Rule(path: "/new", endpoints: [upstream.port]))
            try gateway.gateway.replace(next.snapshot(keeping: gateway.snapshot))
            let client = try gateway.connect()
            #expect(client.eventuallyGets("/new") { $0.status == 200 })
            let asked8 = try gateway.get("/")
            #expect(asked8.status == 200)
            let asked9 = try gateway.get("/")
            #expect(asked9.status == 429)
        }
    }

    @Test func `a refused request over HTTP-2 carries the same fields`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        try await withGateway(site(upstream, [Self.limit("few", 1)])) { gateway in
            let asked10 = try gateway.get("/")
            #expect(asked10.status == 200)
            let client = try gateway.connectHTTP2()
            let answer = try client.get("/")
            #expect(answer.status == 429)
            #expect(answer.response.headers.string(of: "retry-after") != nil)
            #expect(answer.response.headers.string(of: "ratelimit-policy") == "\"few\";q=1;w=86400")
        }
    }
}
