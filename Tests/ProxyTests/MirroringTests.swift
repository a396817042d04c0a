import GatewayTestSupport
import Proxy
import Routing
import Testing

/// Copies of requests: what the mirror gets, and that the client never notices.
@Suite(.serialized, .timeLimit(.minutes(2))) struct MirroringTests {
    @Test func `the mirror gets the same request with its body, and its answer goes nowhere`() async throws {
        let upstream = try ScriptedUpstream.answering { _ in ScriptedUpstream.ok("real") }
        let mirror = try ScriptedUpstream.answering { _ in "HTTP/1.1 500 No\r\ncontent-length: 6\r\n\r\nmirror" }
        defer {
            upstream.stop()
            mirror.stop()
        }
        let rule = Site.Rule(path: "/", endpoints: [upstream.port], mirror: [mirror.port])
        let log = try await withGateway(Site(rules: [rule])) { gateway in
            let client = try gateway.connect()
            for _ in 0..<3 {
                try client.post("/a?b=c", Array("body".utf8), fields: ["x-a: 1"])
                #expect(try client.response().text == "real")
            }
            #expect(eventually { mirror.requests.count == 3 && gateway.gateway.statistics.mirrorsEnded == 3 })
        }
        #expect(log.count == 3)
        #expect(mirror.requests.allSatisfy { $0.requestLine == "POST /a?b=c" && $0.text == "body" && $0["x-a"] == "1" })
        // In no order: a mirror may be asked on several connections.
        #expect(
            Set(mirror.requests.compactMap { $0["x-request-id"] })
                == Set(upstream.requests.compactMap { $0["x-request-id"] }))
    }

    @Test func `a mirror that is dead or never answers costs the client nothing`() async throws {
        let upstream = try ScriptedUpstream.plain()
        let gate = Gate()
        let stuck = try ScriptedUpstream { connection in
            _ = try connection.request()
            gate.wait()
        }
        let nobody = try PortReservation()
        defer {
            upstream.stop()
            stuck.stop()
        }
        let rules = [
            Site.Rule(path: "/dead", endpoints: [upstream.port], mirror: [nobody.port]),
            Site.Rule(path: "/stuck", endpoints: [upstream.port], mirror: [stuck.port]),
        ]
        try await withGateway(Site(rules: rules)) { gateway in
            let (dead, slow) = (try gateway.get("/dead"), try gateway.get("/stuck"))
            #expect(dead.status == 200)
            #expect(slow.status == 200)
            #expect(eventually { stuck.requests.count == 1 })
            gate.open()
            #expect(eventually { gateway.gateway.statistics.mirrorsEnded == 2 })
        }
    }

    @Test func `a body that is larger than a mirror takes is not copied`() async throws {
        let upstream = try ScriptedUpstream.plain()
        let mirror = try ScriptedUpstream.plain()
        defer {
            upstream.stop()
            mirror.stop()
        }
        let rule = Site.Rule(path: "/", endpoints: [upstream.port], mirror: [mirror.port])
        try await withGateway(Site(rules: [rule])) { gateway in
            let client = try gateway.connect()
            try client.post("/", Array(repeating: 0x61, count: 200_000))
            #expect(try client.response().status == 200)
            #expect(gateway.gateway.statistics.mirrorsSkipped == 1)
        }
        #expect(mirror.requests.isEmpty)
    }
}
