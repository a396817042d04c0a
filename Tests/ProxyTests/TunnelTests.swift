import GatewayTestSupport
import Proxy
import Routing
import Testing
import Wire

/// WebSocket and other protocols through the gateway: HTTP/1.1 upgrades and HTTP/2's extended CONNECT, on either side.
@Suite(.serialized, .timeLimit(.minutes(2))) struct TunnelTests {
    private static let key = "dGhlIHNhbXBsZSBub25jZQ=="
    private static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    private func site(_ port: UInt16, _ wireProtocol: Backend.WireProtocol = .http1) -> Site {
        Site(rules: [Site.Rule(path: "/", endpoints: [port], wireProtocol: wireProtocol)])
    }

    /// Agrees to every upgrade, and then gives back what it gets until the other side ends.
    private func echo() throws -> ScriptedUpstream {
        try ScriptedUpstream { connection in
            guard let request = try connection.request(), let name = request["upgrade"] else { return }
            let key = Array((request["sec-websocket-key"] ?? "").utf8)
            let accept = String(decoding: WebSocketHandshake.accept(for: key), as: UTF8.self)
            try connection.send(
                "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: \(name)\r\n"
                    + "sec-websocket-accept: \(accept)\r\n\r\nhello")
            while true {
                let bytes = try connection.reader.take(upTo: 65_536)
                if bytes.isEmpty { break }
                try connection.send(bytes)
            }
            try connection.send("bye")
        }
    }

    private func upgrade(_ client: Client, _ path: String = "/chat", fields: [String] = []) throws {
        try client.get(
            path,
            fields: [
                "connection: keep-alive, Upgrade", "upgrade: websocket", "sec-websocket-version: 13",
                "sec-websocket-key: \(Self.key)",
            ] + fields)
    }

    @Test(arguments: [false, true])
    func `an upgrade becomes a tunnel, both ways and byte for byte`(overTLS: Bool) async throws {
        let upstream = try echo()
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream.port)) { gateway in
            let client = try overTLS ? gateway.connectTLS() : gateway.connect()
            try upgrade(client)
            let response = try client.reader.responseHead()
            #expect(response.status == 101)
            #expect(response["upgrade"] == "websocket")
            #expect(response["connection"]?.lowercased() == "upgrade")
            #expect(response["sec-websocket-accept"] == Self.accept)
            #expect(response["x-request-id"] != nil)
            #expect(try client.reader.take(count: 5) == Array("hello".utf8))
            for round in 0..<3 {
                let sent = Pattern.bytes(100_000, from: round)
                try client.stream.send(sent)
                #expect(try client.reader.take(count: 100_000) == sent)
            }
            // Half-closed, it still gets what comes.
            (client.stream as? BlockingTLS)?.sendGoodbye()
            client.socket.shutdownSending()
            #expect(try client.reader.take(count: 3) == Array("bye".utf8))
        }
        #expect(log.map(\.outcome) == ["forwarded"])
        #expect(log.map(\.status) == [101])
        #expect(log.map(\.requestBytes) == [300_000])
        #expect(log.map(\.responseBytes) == [300_008])
        let request = try #require(upstream.requests.first)
        #expect(request["connection"] == "upgrade")
        #expect(request["x-forwarded-for"] == "127.0.0.1")
    }

    @Test func `what the client sends before the answer waits for it`() async throws {
        let upstream = try echo()
        defer { upstream.stop() }
        try await withGateway(site(upstream.port)) { gateway in
            let client = try gateway.connect()
            try client.send(
                "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: other\r\n\r\nearly")
            #expect(try client.reader.responseHead().status == 101)
            #expect(try client.reader.take(count: 10) == Array("helloearly".utf8))
        }
    }

    @Test func `extended CONNECT becomes an upgrade, with a key of ours`() async throws {
        let upstream = try echo()
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream.port)) { gateway in
            let client = try gateway.connectHTTP2()
            try client.pump { client.peer.session.peerTakesExtendedConnect }
            let stream = try #require(
                client.peer.request(
                    "CONNECT", "/chat?a=b", fields: [("sec-websocket-version", "13")], connectProtocol: "websocket",
                    endStream: false))
            try client.pump { stream.text == "hello" }
            #expect(stream.status == 200)
            #expect(stream.response.headers.string(of: "sec-websocket-accept") == nil)
            #expect(stream.response.headers.string(of: "upgrade") == nil)
            stream.write(Pattern.bytes(200_000).span)
            try client.pump { stream.body.count == 200_005 }
            #expect(Pattern.matches(Array(stream.body[5...])))
            stream.finish()
            try client.pump { stream.closeCode != nil }
            #expect(stream.closeCode == 0)
            #expect(stream.body.suffix(3) == Array("bye".utf8)[...])
            // The connection is as good as before.
            #expect(try client.get("/none").status != 0)
        }
        let request = try #require(upstream.requests.first)
        #expect(request.requestLine == "GET /chat?a=b")
        #expect(request["upgrade"] == "websocket" && request["connection"] == "upgrade")
        #expect(request["sec-websocket-key"]?.count == 24)
        #expect(log.first?.outcome == "forwarded" && log.first?.method == "GET")
    }

    @Test(arguments: [false, true])
    func `an endpoint of HTTP/2 is asked by extended CONNECT`(frontIsHTTP2: Bool) async throws {
        let upstream = try HTTP2Upstream { peer, stream in
            if stream.hasEnded {
                stream.write(stream.body.span)
                stream.finish()
            } else {
                let isAsked =
                    stream.request.methodString == "CONNECT" && stream.request.withProtocol { $0.count } == 9
                    && !stream.request.headers.contains("sec-websocket-key")
                var head = ResponseHead()
                head.status = isAsked ? 200 : 400
                peer.session.submitResponse(head, on: stream, endStream: false)
            }
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream.port, .h2c)) { gateway in
            for _ in 0..<2 {
                if frontIsHTTP2 {
                    let client = try gateway.connectHTTP2()
                    try client.pump { client.peer.session.peerTakesExtendedConnect }
                    let stream = try #require(
                        client.peer.request("CONNECT", "/", connectProtocol: "websocket", endStream: false))
                    try client.pump { stream.hasHead }
                    #expect(stream.status == 200)
                    stream.write(Array("ping".utf8).span)
                    stream.finish()
                    try client.pump { stream.closeCode != nil }
                    #expect(stream.text == "ping")
                } else {
                    let client = try gateway.connect()
                    try upgrade(client)
                    let response = try client.reader.responseHead()
                    #expect(response.status == 101)
                    #expect(response["sec-websocket-accept"] == Self.accept)
                    try client.send("ping")
                    client.socket.shutdownSending()
                    #expect(try client.reader.take(count: 4) == Array("ping".utf8))
                }
            }
        }
    }

    @Test func `an upgrade that is declined is a request like others`() async throws {
        let upstream = try ScriptedUpstream.answering { _ in "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno" }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream.port)) { gateway in
            let client = try gateway.connect()
            for _ in 0..<2 {
                try upgrade(client)
                let response = try client.response()
                #expect(response.status == 403)
                #expect(response.text == "no")
            }
        }
        #expect(log.map(\.outcome) == ["forwarded", "forwarded"])
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nsec-websocket-accept: \(accept)\r\n\r\n",
    ])
    func `an endpoint that does not prove its consent makes no tunnel for HTTP/2`(answer: String) async throws {
        let upstream = try ScriptedUpstream.answering { _ in answer }
        defer { upstream.stop() }
        try await withGateway(site(upstream.port)) { gateway in
            let client = try gateway.connectHTTP2()
            try client.pump { client.peer.session.peerTakesExtendedConnect }
            let stream = try #require(
                client.peer.request("CONNECT", "/", connectProtocol: "websocket", endStream: false))
            try client.pump { stream.hasHead }
            #expect(stream.status == 502)
        }
    }

    @Test(arguments: ["upgrade: websocket", "upgrade: other, x", "server: x"])
    func `an endpoint that switches to what was not asked for is a bad answer`(field: String) async throws {
        let upstream = try ScriptedUpstream.answering { _ in
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\(field)\r\n\r\n"
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream.port)) { gateway in
            let client = try gateway.connect()
            try client.get("/", fields: ["connection: upgrade", "upgrade: other"])
            #expect(try client.response().status == 502)
        }
        #expect(log.map(\.outcome) == ["upstreamMalformed"])
    }

    /// What follows would pass by all checks (h2c smuggling).
    @Test(arguments: ["h2c", "H2C", "h2", "HTTP/2.0", "TLS/1.0", "websocket, h2c"])
    func `an upgrade to HTTP/2 or TLS is not passed on`(name: String) async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        try await withGateway(site(upstream.port)) { gateway in
            let client = try gateway.connect()
            try client.get(
                "/", fields: ["connection: upgrade, http2-settings", "upgrade: \(name)", "http2-settings: AAMAAABk"])
            #expect(try client.response().status == 200)
            try client.get("/next")
            #expect(try client.response().text == "GET /next")
        }
        #expect(upstream.requests.allSatisfy { $0["upgrade"] == nil && $0["http2-settings"] == nil })
    }

    @Test func `a 101 that nobody asked for is a bad answer`() async throws {
        let upstream = try ScriptedUpstream.answering { _ in
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream.port)) { gateway in
            let response = try gateway.get("/")
            #expect(response.status == 502)
        }
    }

    @Test func `a tunnel needs the token that its route asks for`() async throws {
        let upstream = try echo()
        defer { upstream.stop() }
        var site = site(upstream.port)
        site.rules[0].authentication = AuthenticationRule(provider: 0)
        site.verifier = ScriptedVerifier(["alice": ScriptedVerifier.good("alice", [])])
        try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try upgrade(client)
            #expect(try client.response().status == 401)
            try upgrade(client, fields: ["authorization: Bearer alice"])
            #expect(try client.reader.responseHead().status == 101)
            #expect(try client.reader.take(count: 5) == Array("hello".utf8))
        }
        #expect(upstream.requests.count == 1)
    }

    @Test func `a tunnel that falls silent is closed`() async throws {
        let upstream = try echo()
        defer { upstream.stop() }
        var site = site(upstream.port)
        site.rules[0].traffic.timeouts.streamIdleMilliseconds = 300
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try upgrade(client)
            #expect(try client.reader.responseHead().status == 101)
            #expect(try client.reader.take(count: 5) == Array("hello".utf8))
            #expect(try client.reader.isAtEnd())
        }
        #expect(log.map(\.outcome) == ["streamIdleTimeout"])
    }

    @Test(arguments: [false, true])
    func `an end that vanishes takes the other with it`(isClient: Bool) async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            try connection.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n")
            if isClient { return connection.waitForEnd() }
            // Not before the client has its 101.
            _ = try connection.reader.take(upTo: 1)
            connection.socket.reset()
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream.port)) { gateway in
            let client = try gateway.connect()
            try client.get("/", fields: ["connection: upgrade", "upgrade: x"])
            #expect(try client.reader.responseHead().status == 101)
            if isClient {
                client.socket.reset()
                #expect(eventually { upstream.closedByGateway == 1 })
            } else {
                try client.send("x")
                #expect((try? client.reader.isAtEnd()) ?? true)
            }
        }
        #expect(log.map(\.outcome) == [isClient ? "clientClosed" : "responseTruncated"])
    }
}
