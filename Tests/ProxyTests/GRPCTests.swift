import GatewayTestSupport
import Proxy
import Routing
import Testing
import Wire

/// gRPC: HTTP/2 on both sides, streams in both directions, trailers, and errors that its clients understand.
@Suite(.serialized, .timeLimit(.minutes(2))) struct GRPCTests {
    private static let fields = [("content-type", "application/grpc+proto"), ("te", "trailers")]

    private func site(_ port: UInt16) -> Site {
        Site(rules: [Site.Rule(path: "/", endpoints: [port], wireProtocol: .h2c)])
    }

    @Test func `a call begins before its messages have ended, and ends with trailers`() async throws {
        let upstream = try HTTP2Upstream { peer, stream in
            if !stream.hasEnded {
                // Speaks first, while the client still may.
                var head = ResponseHead()
                head.status = 200
                head.headers.append("content-type", "application/grpc+proto")
                head.headers.append("x-te", text: stream.request.headers.string(of: "te") ?? "none")
                peer.session.submitResponse(head, on: stream, endStream: false)
                stream.write(Array("first".utf8).span)
            } else {
                stream.write(stream.body.span)
                var trailers = HeaderBlock()
                trailers.append("grpc-status", "0")
                trailers.append("x-sum", text: stream.trailers.string(of: "x-sum") ?? "none")
                stream.finish(trailers: &trailers)
            }
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream.port)) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try #require(client.peer.request("POST", "/a.B/C", fields: Self.fields, endStream: false))
            try client.pump { stream.text == "first" }
            #expect(stream.response.headers.string(of: "x-te") == "trailers")
            stream.write(Array(" second".utf8).span)
            try client.flush()
            var trailers = HeaderBlock()
            trailers.append("x-sum", "42")
            stream.finish(trailers: &trailers)
            try client.pump { stream.closeCode != nil }
            #expect(stream.text == "first second")
            #expect(stream.trailers.string(of: "grpc-status") == "0")
            #expect(stream.trailers.string(of: "x-sum") == "42")
        }
        #expect(log.map(\.outcome) == ["forwarded"])
    }

    @Test func `an answer of nothing but trailers passes`() async throws {
        let upstream = try HTTP2Upstream { peer, stream in
            guard stream.hasEnded else { return }
            peer.respond(
                200, on: stream, fields: [("content-type", "application/grpc"), ("grpc-status", "5")], body: nil)
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream.port)) { gateway in
            let stream = try gateway.connectHTTP2().post("/a.B/C", [0, 0, 0, 0, 0], fields: Self.fields)
            #expect(stream.response.headers.string(of: "grpc-status") == "5")
            #expect(stream.body.isEmpty)
        }
    }

    @Test func `errors of the gateway are statuses of gRPC`() async throws {
        let dead = try PortReservation()
        let silent = try HTTP2Upstream { _, _ in }
        defer { silent.stop() }
        var site = Site(rules: [
            Site.Rule(path: "/dead", endpoints: [dead.port], wireProtocol: .h2c),
            Site.Rule(path: "/silent", endpoints: [silent.port], wireProtocol: .h2c),
            Site.Rule(
                path: "/secret", endpoints: [dead.port], wireProtocol: .h2c,
                authentication: AuthenticationRule(provider: 0, requiredScopes: ["x"])),
        ])
        site.verifier = ScriptedVerifier(["alice": ScriptedVerifier.good("alice", [])])
        let cases: [(String, [(String, String)], String)] = [
            ("/none", [], "12"), ("/dead", [], "14"), ("/secret", [], "16"),
            ("/secret", [("authorization", "Bearer alice")], "7"), ("/a/../b", [], "13"),
            ("/silent", [("grpc-timeout", "200m")], "4"),
        ]
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connectHTTP2()
            for (path, fields, status) in cases {
                let stream = try client.post(path, [0, 0, 0, 0, 0], fields: Self.fields + fields)
                #expect(stream.status == 200)
                #expect(stream.response.headers.string(of: "content-type") == "application/grpc")
                #expect(stream.response.headers.string(of: "grpc-status") == status, "\(path)")
                #expect(stream.response.headers.string(of: "grpc-message")?.isEmpty == false)
                #expect(stream.body.isEmpty)
            }
        }
        #expect(log.last?.outcome == "deadlineExceeded")
    }

    @Test func `server-sent events are not held back`() async throws {
        let gate = Gate()
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            try connection.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n")
            gate.wait()
            try connection.send("data: 2\n\n")
        }
        defer { upstream.stop() }
        try await withGateway(Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try #require(client.peer.request("GET", "/"))
            try client.pump { stream.text == "data: 1\n\n" }
            gate.open()
            try client.pump { stream.closeCode != nil }
            #expect(stream.text == "data: 1\n\ndata: 2\n\n")
        }
    }
}
