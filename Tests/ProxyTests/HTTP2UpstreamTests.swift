import GatewayTestSupport
import Proxy
import Routing
import Testing
import Wire

/// Endpoints that speak HTTP/2 in cleartext, for clients of either kind.
@Suite(.serialized, .timeLimit(.minutes(2))) struct HTTP2UpstreamTests {
    private func site(_ port: UInt16) -> Site {
        Site(rules: [Site.Rule(path: "/", endpoints: [port], wireProtocol: .h2c)])
    }

    @Test func `requests of all clients share one connection`() async throws {
        let upstream = try HTTP2Upstream.plain()
        defer { upstream.stop() }
        try await withGateway(site(upstream.port)) { gateway in
            let clients = try (0..<20).map { _ in try gateway.connect() }
            for round in 0..<5 {
                for (number, client) in clients.enumerated() { try client.get("/\(round)/\(number)") }
                for (number, client) in clients.enumerated() {
                    #expect(try client.response().text == "GET /\(round)/\(number)")
                }
            }
            let client = try gateway.connectHTTP2()
            #expect(try client.get("/h2").text == "GET /h2")
        }
        #expect(upstream.connectionCount == 1)
    }

    /// HTTP/2 says the end of a message otherwise than HTTP/1.1; a client of the latter must never be left waiting.
    @Test func `empty answers of every kind are framed for HTTP/1.1`() async throws {
        let upstream = try HTTP2Upstream { peer, stream in
            let endsWithHead = stream.request.targetString.hasSuffix("head")
            let status: UInt16 =
                stream.request.targetString.contains("204")
                ? 204 : stream.request.targetString.contains("304") ? 304 : 200
            if endsWithHead {
                peer.respond(status, on: stream, body: nil)
            } else {
                peer.respond(status, on: stream, body: [])
            }
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream.port)) { gateway in
            let client = try gateway.connect()
            for path in ["/200-head", "/200-data", "/204-head", "/204-data", "/304-head", "/304-data"] {
                try client.get(path)
                let response = try client.response()
                #expect(response.status == Int(path.dropFirst().prefix(3)), "\(path)")
                #expect(response.body.isEmpty, "\(path)")
                try client.get(path, method: "HEAD")
                #expect(try client.response(toHEAD: true).status == response.status, "HEAD \(path)")
            }
        }
    }

    @Test func `a body of unknown length becomes chunks, with its trailers`() async throws {
        let upstream = try HTTP2Upstream { peer, stream in
            guard stream.hasEnded else { return }
            var head = ResponseHead()
            head.status = 200
            var trailers = HeaderBlock()
            trailers.append("x-sum", text: stream.trailers.string(of: "x-sum") ?? "none")
            peer.session.submitResponse(head, on: stream, endStream: false)
            stream.write(stream.body.span)
            stream.finish(trailers: &trailers)
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream.port)) { gateway in
            let client = try gateway.connect()
            for _ in 0..<3 {
                try client.send(
                    "POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nx-sum: 42\r\n\r\n"
                )
                let response = try client.response()
                #expect(response["transfer-encoding"] == "chunked")
                #expect(response.text == "body")
                #expect(response.trailers.map(\.value) == ["42"])
            }
        }
    }

    @Test func `the endpoint gets one authority and no field of the connection`() async throws {
        let upstream = try HTTP2Upstream { peer, stream in
            let names = stream.request.headers.string(of: "x-forwarded-for") ?? "-"
            let bad = ["connection", "host", "upgrade", "keep-alive"].filter { name in
                stream.request.headers.indices.contains { index in
                    !stream.request.headers.isRemoved(at: index)
                        && stream.request.headers.withName(at: index) { span in
                            span.withUnsafeBufferPointer { Array($0) } == Array(name.utf8)
                        }
                }
            }
            peer.respond(200, on: stream, body: Array("\(stream.request.authorityString) \(names) \(bad)".utf8))
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream.port)) { gateway in
            let response = try gateway.get("/", fields: ["connection: keep-alive", "keep-alive: 5", "upgrade: h2c"])
            #expect(response.text == "localhost 127.0.0.1 []")
        }
    }

    @Test func `a reset of the endpoint is a 503, a broken answer is seen to break`() async throws {
        let upstream = try HTTP2Upstream { peer, stream in
            switch stream.request.targetString {
            case "/reset": stream.reset(errorCode: 2)
            case "/half":
                var head = ResponseHead()
                head.status = 200
                peer.session.submitResponse(head, on: stream, endStream: false)
                stream.write(Array("half".utf8).span)
                stream.received = { _ in }
            default: peer.respond(200, on: stream, body: Array("ok".utf8))
            }
        }
        defer { upstream.stop() }
        var site = site(upstream.port)
        site.rules[0].traffic.timeouts.streamIdleMilliseconds = 300
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try client.get("/reset")
            #expect(try client.response().status == 503)
            try client.get("/ok")
            #expect(try client.response().text == "ok")
            try client.get("/half")
            #expect(try client.response().isCut)
        }
        #expect(log.map(\.outcome) == ["upstreamClosed", "forwarded", "streamIdleTimeout"])
        #expect(upstream.connectionCount == 1)
    }

    @Test func `a refused stream is tried again, whatever its method`() async throws {
        let refused = Progress()
        let upstream = try HTTP2Upstream { peer, stream in
            if refused.increment() % 2 == 1 {
                stream.reset(errorCode: 7)
            } else {
                peer.respond(200, on: stream, body: Array("ok".utf8))
            }
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream.port)) { gateway in
            let client = try gateway.connect()
            for _ in 0..<5 {
                try client.get("/", method: "DELETE")
                #expect(try client.response().text == "ok")
            }
        }
        #expect(log.map(\.attempts) == Array(repeating: 2, count: 5))
    }

    @Test func `an endpoint that goes away is left for a new connection`() async throws {
        let upstream = try HTTP2Upstream { peer, stream in
            peer.respond(200, on: stream, body: Array("ok".utf8))
            peer.session.drain()
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream.port)) { gateway in
            let client = try gateway.connect()
            for _ in 0..<5 {
                try client.get("/")
                #expect(try client.response().text == "ok")
            }
        }
        #expect(upstream.connectionCount == 5)
    }

    @Test func `an endpoint that dies answers none of its streams, and each is told`() async throws {
        let upstream = try ScriptedUpstream { connection in
            let peer = try HTTP2Peer(role: .server)
            defer { peer.session.terminate() }
            while peer.accepted.count < 20 {
                try connection.send(peer.output())
                let bytes = try connection.socket.receive()
                if bytes.isEmpty { return }
                try peer.receive(bytes)
            }
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream.port)) { gateway in
            let clients = try (0..<20).map { _ in try gateway.connect() }
            for client in clients { try client.get("/") }
            for client in clients { #expect(try client.response().status == 503) }
        }
        #expect(log.map(\.outcome) == Array(repeating: "upstreamClosed", count: 20))
    }

    @Test(arguments: [
        "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", "\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}garbage",
    ])
    func `an endpoint that does not speak HTTP/2 is a 502 at once`(answer: String) async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.socket.receive()
            try connection.send(answer)
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream.port)) { gateway in
            let response = try gateway.get("/")
            #expect(response.status == 502)
        }
        #expect(log.map(\.outcome) == ["upstreamMalformed"])
    }

    @Test func `a head over the limits is a 502, not a part of it`() async throws {
        let upstream = try HTTP2Upstream { peer, stream in
            peer.respond(200, on: stream, fields: [("x-large", String(repeating: "a", count: 5_000))], body: [1])
        }
        defer { upstream.stop() }
        var site = site(upstream.port)
        site.limits.headerBytes = 4_000
        let log = try await withGateway(site) { gateway in
            let response = try gateway.get("/")
            #expect(response.status == 502)
        }
        #expect(log.map(\.outcome) == ["upstreamMalformed"])
    }

    @Test func `requests beyond the endpoint's limit of streams wait their turn`() async throws {
        var settings = HTTP2SessionSettings()
        settings.concurrentStreams = 2
        let upstream = try HTTP2Upstream(settings: settings) { peer, stream in
            peer.respond(200, on: stream, body: Array(stream.request.targetString.utf8))
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream.port)) { gateway in
            let clients = try (0..<100).map { _ in try gateway.connect() }
            for round in 0..<3 {
                for (number, client) in clients.enumerated() { try client.get("/\(round)/\(number)") }
                for (number, client) in clients.enumerated() {
                    #expect(try client.response().text == "/\(round)/\(number)")
                }
            }
        }
        #expect(upstream.connectionCount <= 8)
    }

    @Test func `a client that vanishes resets its stream and no other`() async throws {
        let upstream = try HTTP2Upstream { peer, stream in
            if stream.request.targetString == "/quick" { peer.respond(200, on: stream, body: Array("quick".utf8)) }
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream.port)) { gateway in
            for _ in 0..<5 {
                let slow = try gateway.connect()
                try slow.get("/slow")
                let quick = try gateway.connect()
                try quick.get("/quick")
                #expect(try quick.response().text == "quick")
                slow.socket.reset()
            }
            #expect(eventually { gateway.count(.clientClosed) == 5 })
        }
        #expect(log.count == 10)
        #expect(upstream.connectionCount == 1)
    }

    /// Responses that were paused when their clients left: their bytes count in the connection's window.
    @Test func `paused responses that are given up give the window back`() async throws {
        let upstream = try HTTP2Upstream { peer, stream in
            peer.respond(200, on: stream, body: Pattern.bytes(stream.request.targetString == "/small" ? 10 : 1_000_000))
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream.port)) { gateway in
            for _ in 0..<100 {
                let client = try gateway.connectHTTP2()
                let stream = try #require(client.peer.request("GET", "/large", consumes: false))
                try client.pump { stream.body.count == 65_535 }
                client.socket.reset()
            }
            let client = try gateway.connect()
            try client.get("/large")
            let response = try client.response()
            #expect(response.body.count == 1_000_000 && Pattern.matches(response.body))
        }
        #expect(upstream.connectionCount == 1)
    }
}
