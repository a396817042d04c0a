import GatewayTestSupport
import Proxy
import Routing
import Testing
import Wire

/// The end of a gateway with work under way that has no end of its own.
@Suite(.serialized, .timeLimit(.minutes(2))) struct DrainTests {
    /// Agrees to every upgrade and gives back what it gets.
    private func echo() throws -> ScriptedUpstream {
        try ScriptedUpstream { connection in
            guard let request = try connection.request() else { return }
            let key = Array((request["sec-websocket-key"] ?? "").utf8)
            let accept = String(decoding: WebSocketHandshake.accept(for: key), as: UTF8.self)
            try connection.send(
                "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
                    + "sec-websocket-accept: \(accept)\r\n\r\n")
            while case let bytes = try connection.reader.take(upTo: 65_536), !bytes.isEmpty {
                try connection.send(bytes)
            }
        }
    }

    private func openTunnel(_ gateway: GatewayUnderTest) throws -> Client {
        let client = try gateway.connect()
        try client.get(
            "/", fields: ["connection: upgrade", "upgrade: websocket", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="])
        #expect(try client.reader.responseHead().status == 101)
        return client
    }

    private func openStream(_ client: HTTP2Client) throws -> RecordingStream {
        try client.pump { client.peer.session.peerTakesExtendedConnect }
        let stream = try #require(client.peer.request("CONNECT", "/", connectProtocol: "websocket", endStream: false))
        try client.pump { stream.hasHead }
        #expect(stream.status == 200)
        return stream
    }

    @Test func `tunnels go on while a drain waits, and end it when they end`() async throws {
        let upstream = try echo()
        defer { upstream.stop() }
        let site = Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])
        let log = try await withGateway(site) { gateway in
            let client = try openTunnel(gateway)
            let multiplexed = try gateway.connectHTTP2()
            let stream = try openStream(multiplexed)
            async let drained: Void = gateway.gateway.drain(deadlineSeconds: 60)
            #expect(await gateway.isDraining())
            try client.send("still")
            #expect(try client.reader.take(count: 5) == Array("still".utf8))
            stream.write(Array("there".utf8).span)
            try multiplexed.pump { stream.text == "there" }
            #expect(multiplexed.peer.isGoingAway)
            client.socket.shutdownSending()
            #expect(try client.reader.isAtEnd())
            stream.finish()
            try multiplexed.pump { stream.closeCode != nil }
            #expect(stream.closeCode == 0)
            client.socket.close()
            multiplexed.socket.close()
            await drained
        }
        #expect(log.map(\.outcome) == ["forwarded", "forwarded"])
    }

    /// A client that is told only by the end of its connection loses what it has just sent.
    @Test func `a request that comes when a drain has begun is answered, and is the last`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let site = Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])
        try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try client.get("/before")
            #expect(try client.response().status == 200)
            let begin = ContinuousClock.now
            async let drained: Void = gateway.gateway.drain(deadlineSeconds: 60)
            #expect(await gateway.isDraining())
            let answer = Result {
                try client.get("/after")
                return try client.response()
            }
            // After a second what is idle is closed: a machine that stalls for that long shows nothing.
            if ContinuousClock.now - begin < .milliseconds(900) {
                let response = try answer.get()
                #expect(response.text == "GET /after")
                #expect(response["connection"] == "close")
            }
            #expect(try client.reader.isAtEnd())
            client.socket.close()
            await drained
        }
    }

    @Test func `tunnels that stay open are cut at the deadline, and say so`() async throws {
        let upstream = try echo()
        defer { upstream.stop() }
        let site = Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])
        let log = try await withGateway(site) { gateway in
            let client = try openTunnel(gateway)
            let multiplexed = try gateway.connectHTTP2()
            let stream = try openStream(multiplexed)
            await gateway.gateway.drain(deadlineSeconds: 1)
            #expect(try client.reader.isAtEnd())
            #expect(throws: StreamFailure.self) { try multiplexed.pump { stream.closeCode != nil } }
        }
        #expect(log.map(\.outcome) == ["drainDeadline", "drainDeadline"])
    }

    @Test(arguments: [Backend.WireProtocol.http1, .h2c])
    func `a request without an answer is cut at the deadline, and not tried again`(
        wireProtocol: Backend.WireProtocol
    ) async throws {
        let plain = try ScriptedUpstream { connection in
            _ = try connection.request()
            connection.waitForEnd()
        }
        let multiplexed = try HTTP2Upstream { _, _ in }
        defer {
            plain.stop()
            multiplexed.stop()
        }
        let port = wireProtocol == .http1 ? plain.port : multiplexed.port
        let site = Site(rules: [Site.Rule(path: "/", endpoints: [port], wireProtocol: wireProtocol)])
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try client.get("/")
            #expect(eventually { gateway.gateway.endpoints.first?.requestsActive == 1 })
            await gateway.gateway.drain(deadlineSeconds: 1)
            #expect(try client.reader.isAtEnd())
        }
        #expect(log.map(\.outcome) == ["drainDeadline"])
        #expect(log.allSatisfy { $0.attempts == 1 })
    }
}
