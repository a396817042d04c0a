import GatewayTestSupport
import Proxy
import Routing
import Testing
import Wire

/// Clients that speak HTTP/2.
@Suite(.serialized, .timeLimit(.minutes(2))) struct HTTP2FrontTests {
    private func site(_ upstream: ScriptedUpstream) -> Site {
        Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])
    }

    @Test func `a request and its answer`() async throws {
        let upstream = try ScriptedUpstream.answering { request in
            "HTTP/1.1 200 OK\r\nconnection: keep-alive\r\nkeep-alive: timeout=5\r\nContent-Length: 2\r\nX-Upper: Yes\r\n\r\nok"
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try client.get("/a?b=c", fields: [("accept", "*/*"), ("cookie", "a=1"), ("cookie", "b=2")])
            #expect(stream.status == 200)
            #expect(stream.text == "ok")
            #expect(stream.closeCode == 0)
            #expect(stream.response.headers.string(of: "x-upper") == "Yes")
            #expect(stream.response.headers.string(of: "x-request-id")?.count == 32)
            #expect(stream.response.headers.string(of: "content-length") == "2")
            #expect(stream.response.headers.contains("connection") == false)
            #expect(stream.response.headers.contains("keep-alive") == false)
        }
        let request = try #require(upstream.requests.first)
        #expect(request.requestLine == "GET /a?b=c")
        #expect(request.startLine.hasSuffix("HTTP/1.1"))
        #expect(request.all("host") == ["localhost"])
        #expect(request.all("cookie") == ["a=1; b=2"])
        #expect(request["x-forwarded-proto"] == "https")
        #expect(request["transfer-encoding"] == nil && request["content-length"] == nil)
        #expect(log.map(\.http) == ["2"])
    }

    @Test func `many streams share one connection, and each gets its own answer`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connectHTTP2()
            try client.pump { client.peer.session.canOpenStream }
            for round in 0..<5 {
                let streams = try (0..<100).map { try #require(client.peer.request("GET", "/\(round)/\($0)")) }
                try client.pump { streams.allSatisfy { $0.closeCode != nil } }
                for (number, stream) in streams.enumerated() {
                    #expect(stream.text == "GET /\(round)/\(number)")
                    #expect(stream.closeCode == 0)
                }
            }
            #expect(gateway.gateway.statistics.connectionsAccepted == 1)
        }
        #expect(log.count == 500)
    }

    @Test func `bodies of unknown length become chunks, and trailers pass`() async throws {
        let upstream = try ScriptedUpstream.answering { request in
            let trailer = request.trailers.first?.value ?? "none"
            return
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n\(request.text)\r\n0\r\nx-sum: \(trailer)\r\n\r\n"
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try #require(client.peer.request("POST", "/", endStream: false))
            stream.write(Array("bo".utf8).span)
            try client.flush()
            stream.write(Array("dy".utf8).span)
            var trailers = HeaderBlock()
            trailers.append("x-sum", text: "42")
            stream.finish(trailers: &trailers)
            try client.pump { stream.closeCode != nil }
            #expect(stream.text == "body")
            #expect(stream.trailers.string(of: "x-sum") == "42")
            #expect(stream.response.headers.contains("transfer-encoding") == false)
        }
        #expect(upstream.requests.first?["transfer-encoding"] == "chunked")
    }

    @Test func `HEAD, 204 and 304 end with their head`() async throws {
        let upstream = try ScriptedUpstream.answering { request in
            switch request.requestLine {
            case "HEAD /": "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"
            case "GET /204": "HTTP/1.1 204 No Content\r\n\r\n"
            default: "HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\n\r\n"
            }
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connectHTTP2()
            let head = try #require(client.peer.request("HEAD", "/"))
            try client.pump { head.closeCode != nil }
            #expect(head.closeCode == 0)
            #expect(head.response.headers.string(of: "content-length") == "1000")
            #expect(try client.get("/204").status == 204)
            #expect(try client.get("/304").status == 304)
        }
    }

    @Test func `refusals are streams of their own`() async throws {
        var site = Site(rules: [])
        site.limits.headerBytes = 4_000
        site.limits.requestBodyBytes = 1_000
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connectHTTP2()
            let missing = try client.get("/none")
            #expect(missing.status == 404)
            #expect(missing.response.headers.string(of: "content-type") == "application/problem+json")
            #expect(try client.get("/a/%2e%2e/b").status == 400)
            #expect(try client.get("/", fields: [("x-large", String(repeating: "a", count: 5_000))]).status == 431)
            #expect(try client.get("/", fields: [("host", "other")]).status == 400)
            let connect = try #require(client.peer.request("OPTIONS", "/none"))
            try client.pump { connect.closeCode != nil }
            #expect(connect.status == 404)
        }
        #expect(log.map(\.outcome) == ["noRoute", "ambiguousTarget", "headTooLarge", "malformedRequest", "noRoute"])
    }

    @Test func `a refused upload ends its stream and leaves the connection its window`() async throws {
        let upstream = try ScriptedUpstream.answering { ScriptedUpstream.ok("\($0.body.count)") }
        defer { upstream.stop() }
        var site = Site(rules: [Site.Rule(path: "/ok", endpoints: [upstream.port])])
        site.limits.requestBodyBytes = 300_000
        try await withGateway(site) { gateway in
            let client = try gateway.connectHTTP2()
            for _ in 0..<60 {
                let stream = try #require(client.peer.request("POST", "/none", endStream: false))
                stream.write(Pattern.bytes(60_000).span)
                try client.pump { stream.closeCode != nil }
                #expect(stream.status == 404)
                #expect(stream.text.contains("no-route"), "the answer came before the reset")
            }
            let stream = try client.post("/ok", Pattern.bytes(250_000))
            #expect(stream.text == "250000")
        }
    }

    /// The body waits in the gateway when the answer is made: its bytes count in the connection's window.
    @Test func `bodies that waited for a dead endpoint give the window back`() async throws {
        let upstream = try ScriptedUpstream.answering { ScriptedUpstream.ok("\($0.body.count)") }
        defer { upstream.stop() }
        let dead = try PortReservation()
        let site = Site(rules: [
            Site.Rule(path: "/ok", endpoints: [upstream.port]), Site.Rule(path: "/dead", endpoints: [dead.port]),
        ])
        try await withGateway(site) { gateway in
            let client = try gateway.connectHTTP2()
            for _ in 0..<40 {
                let stream = try #require(client.peer.request("POST", "/dead", endStream: false))
                stream.write(Pattern.bytes(60_000).span)
                stream.finish()
                try client.pump { stream.closeCode != nil }
                #expect(stream.status == 503)
            }
            #expect(try client.post("/ok", Pattern.bytes(2_000_000)).text == "2000000")
        }
    }

    @Test func `a client's reset closes the endpoint's connection, and only that`() async throws {
        let upstream = try ScriptedUpstream { connection in
            while let request = try connection.request() {
                if request.requestLine == "GET /slow" { return connection.waitForEnd() }
                try connection.send(ScriptedUpstream.ok(request.requestLine))
            }
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connectHTTP2()
            for round in 1...10 {
                let slow = try #require(client.peer.request("GET", "/slow"))
                try client.flush()
                #expect(eventually { upstream.requests.count { $0.requestLine == "GET /slow" } == round })
                slow.reset(errorCode: 8)
                #expect(try client.get("/quick").text == "GET /quick")
                #expect(eventually { upstream.closedByGateway == round })
            }
        }
        #expect(log.count { $0.outcome == "clientClosed" } == 10)
        #expect(log.count { $0.outcome == "forwarded" } == 10)
    }

    @Test func `a connection that ends takes all its requests with it`() async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connectHTTP2()
            for number in 0..<20 { _ = try #require(client.peer.request("GET", "/\(number)")) }
            try client.flush()
            #expect(eventually { upstream.requests.count == 20 })
            client.socket.reset()
            #expect(eventually { upstream.closedByGateway == 20 })
        }
        #expect(log.map(\.outcome) == Array(repeating: "clientClosed", count: 20))
    }

    @Test func `a response that breaks off is a reset`() async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            try connection.send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connectHTTP2()
            for _ in 0..<3 {
                let stream = try client.get("/")
                #expect(stream.status == 200)
                #expect(!stream.hasEnded)
                #expect(stream.closeCode == 2)
            }
        }
        #expect(log.map(\.outcome) == Array(repeating: "responseTruncated", count: 3))
    }

    @Test func `an early answer is whole before the stream is reset`() async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.reader.requestHead()
            try connection.send("HTTP/1.1 413 Content Too Large\r\ncontent-length: 200000\r\n\r\n")
            try connection.send(Pattern.bytes(200_000))
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try #require(client.peer.request("POST", "/", endStream: false))
            stream.write(Pattern.bytes(1_000).span)
            try client.pump { stream.closeCode != nil }
            #expect(stream.status == 413)
            #expect(stream.body.count == 200_000)
            #expect(stream.hasEnded)
            #expect(stream.closeCode == 0)
        }
    }

    /// A window that stays shut on a connection that is otherwise well: it must not hold the response for ever.
    @Test func `a stream whose client stops reading is reset when the time is over`() async throws {
        let upstream = try ScriptedUpstream { connection in
            while let request = try connection.request() {
                if request.requestLine == "GET /large" {
                    try connection.send("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
                    // Fails when the gateway closes.
                    try? connection.send(Pattern.bytes(1_000_000))
                } else {
                    try connection.send(ScriptedUpstream.ok("small"))
                }
            }
        }
        defer { upstream.stop() }
        var site = site(upstream)
        site.rules[0].traffic.timeouts.streamIdleMilliseconds = 300
        site.limits.clientWriteTimeout = 300
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connectHTTP2()
            let stalled = try #require(client.peer.request("GET", "/large", consumes: false))
            try client.pump { stalled.closeCode != nil }
            #expect(stalled.closeCode == 2)
            #expect(try client.get("/small").text == "small")
        }
        #expect(Set(log.map(\.outcome)) == ["clientStalled", "forwarded"])
    }

    @Test func `asks for the body of a client that waits for 100`() async throws {
        let upstream = try ScriptedUpstream.answering { ScriptedUpstream.ok($0.text) }
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try #require(
                client.peer.request("POST", "/", fields: [("expect", "100-continue")], endStream: false))
            stream.write(Array("body".utf8).span)
            stream.finish()
            try client.pump { stream.closeCode != nil }
            #expect(stream.text == "body")
        }
    }

    @Test func `what is not HTTP/2 ends the connection`() async throws {
        try await withGateway(Site(rules: [])) { gateway in
            let socket = try BlockingSocket(connectingTo: gateway.port("https"))
            let client = try BlockingTLS(over: socket, protocols: ["h2"])
            try client.send(Array("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n".utf8))
            #expect(eventually { gateway.gateway.statistics.connectionsOpen == 0 })
        }
    }

    @Test func `draining lets streams finish, refuses new ones, and ends`() async throws {
        let gate = Gate()
        let upstream = try ScriptedUpstream { connection in
            while let request = try connection.request() {
                gate.wait()
                try connection.send(ScriptedUpstream.ok(request.requestLine))
            }
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try #require(client.peer.request("GET", "/last"))
            try client.flush()
            #expect(eventually { upstream.requests.count == 1 })
            async let drained: Void = gateway.gateway.drain(deadlineSeconds: 60)
            #expect(await gateway.isDraining())
            try client.pump { client.peer.isGoingAway }
            #expect(!client.peer.session.canOpenStream)
            gate.open()
            try client.pump { stream.closeCode != nil }
            #expect(stream.text == "GET /last")
            client.socket.close()
            await drained
        }
    }
}
