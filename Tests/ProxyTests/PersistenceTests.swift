import GatewayTestSupport
import Proxy
import Routing
import Testing

/// A client with our cookie stays at its endpoint.
@Suite(.serialized, .timeLimit(.minutes(2))) struct PersistenceTests {
    private let persistence = SessionPersistence(name: "stay", key: SessionKey(high: 1, low: 2))

    private func named(_ count: Int) throws -> [ScriptedUpstream] {
        try (0..<count).map { number in try ScriptedUpstream.answering { _ in ScriptedUpstream.ok("\(number)") } }
    }

    private func site(_ upstreams: [ScriptedUpstream]) -> Site {
        var site = Site(rules: [Site.Rule(path: "/", endpoints: upstreams.map(\.port), persistence: persistence)])
        site.rules[0].traffic.loadBalancing.algorithm = .roundRobin
        return site
    }

    private func given(_ response: RawMessage) -> String? {
        response["set-cookie"].map { String($0.prefix { $0 != ";" }) }
    }

    @Test func `the cookie leads to the same endpoint, and is given once`() async throws {
        let upstreams = try named(3)
        defer { for upstream in upstreams { upstream.stop() } }
        try await withGateway(site(upstreams)) { gateway in
            let first = try gateway.get("/")
            let cookie = try #require(given(first))
            #expect(first["set-cookie"]?.hasSuffix("; Path=/; HttpOnly; SameSite=Lax") == true)
            #expect(!cookie.contains("127"))
            for _ in 0..<6 {
                let again = try gateway.get("/", fields: ["cookie: a=b; \(cookie)"])
                #expect(again.text == first.text)
                #expect(again["set-cookie"] == nil)
            }
            let others = try (0..<3).map { _ in try gateway.get("/").text }
            #expect(Set(others).count == 3, "without a cookie they are balanced")
        }
    }

    @Test func `a cookie that was tampered with is no cookie`() async throws {
        let upstreams = try named(2)
        defer { for upstream in upstreams { upstream.stop() } }
        try await withGateway(site(upstreams)) { gateway in
            let cookie = try #require(given(try gateway.get("/")))
            let last = cookie.last == "0" ? "1" : "0"
            let forged = cookie.dropLast() + last
            let answers = try (0..<4).map { _ in try gateway.get("/", fields: ["cookie: \(forged)"]) }
            #expect(Set(answers.map(\.text)).count == 2)
            #expect(answers.allSatisfy { $0["set-cookie"] != nil })
        }
    }

    @Test func `an endpoint that is gone gives way to another, and the cookie is replaced`() async throws {
        let upstreams = try named(2)
        defer { for upstream in upstreams { upstream.stop() } }
        var site = site(upstreams)
        try await withGateway(site) { gateway in
            let first = try gateway.get("/")
            let old = try #require(given(first))
            let gone = Int(first.text) ?? 0
            site.rules[0].endpoints.remove(at: gone)
            try gateway.gateway.replace(site.snapshot())
            let moved = eventually {
                guard let answer = try? gateway.get("/", fields: ["cookie: \(old)"]) else { return false }
                return answer.text != first.text && given(answer) != nil && given(answer) != old
            }
            #expect(moved)
        }
    }
}
