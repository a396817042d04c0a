import GatewayTestSupport
import Proxy
import Routing
import Testing
import Wire

/// Endpoints that answer and do not take the rest of the request: nothing of it stays with the gateway.
@Suite(.serialized, .timeLimit(.minutes(2))) struct StuckStreamTests {
    private func site(_ port: UInt16, _ wireProtocol: Backend.WireProtocol) -> Site {
        var site = Site(rules: [Site.Rule(path: "/", endpoints: [port], wireProtocol: wireProtocol)])
        site.rules[0].traffic.pool.maximumMultiplexedConnections = 1
        return site
    }

    /// One stream at a time, and no window for bodies: a stream that stays is in the way of the next request.
    private var narrow: HTTP2SessionSettings {
        var settings = HTTP2SessionSettings()
        settings.concurrentStreams = 1
        settings.streamWindow = 0
        return settings
    }

    private let websocket = ["connection: upgrade", "upgrade: websocket", "sec-websocket-key: MDEyMzQ1Njc4OWE="]

    private func isFree(_ gateway: GatewayUnderTest) -> Bool {
        eventually { gateway.gateway.endpoints.first?.requestsActive == 0 }
    }

    @Test func `an answer that comes before the body has left ends the stream`() async throws {
        let upstream = try HTTP2Upstream(settings: narrow) { peer, stream in
            if !stream.hasEnded || stream.request.methodIs("GET") {
                peer.respond(200, on: stream, body: Array(stream.request.targetString.utf8))
            }
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream.port, .h2c)) { gateway in
            let client = try gateway.connect()
            // The gateway knows the settings after the first one.
            try client.get("/first")
            #expect(try client.response().text == "/first")
            for number in 0..<5 {
                try client.post("/\(number)", Array("body".utf8))
                #expect(try client.response().text == "/\(number)")
                #expect(isFree(gateway))
            }
        }
        #expect(upstream.connectionCount == 1)
        #expect(log.allSatisfy { $0.outcome == "forwarded" })
    }

    @Test func `a tunnel that is declined with a body ends the stream`() async throws {
        let upstream = try HTTP2Upstream(settings: narrow) { peer, stream in
            let isTunnel = stream.request.methodIs("CONNECT")
            peer.respond(isTunnel ? 403 : 200, on: stream, body: Array(isTunnel ? "declined".utf8 : "plain".utf8))
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream.port, .h2c)) { gateway in
            let client = try gateway.connect()
            for _ in 0..<5 {
                try client.get("/", fields: websocket)
                let declined = try client.response()
                #expect(declined.status == 403 && declined.text == "declined")
                try client.get("/")
                #expect(try client.response().text == "plain")
                #expect(isFree(gateway))
            }
        }
        #expect(upstream.connectionCount == 1)
    }

    @Test(arguments: [Backend.WireProtocol.http1, .h2c])
    func `a tunnel's endpoint that ended and does not read is let go`(wireProtocol: Backend.WireProtocol) async throws {
        let plain = try ScriptedUpstream(receiveBuffer: 4_096) { connection in
            _ = try connection.request()
            try connection.send("HTTP/1.1 101 Yes\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
            connection.socket.shutdownSending()
            // Reads nothing until the gateway closes.
            _ = eventually(within: 30) { SocketTable.connections(touching: connection.socket.localPort) < 2 }
        }
        var settings = HTTP2SessionSettings()
        settings.streamWindow = 0
        let multiplexed = try HTTP2Upstream(settings: settings) { peer, stream in
            guard !stream.hasEnded else { return }
            peer.respond(200, on: stream, body: Array("bye".utf8))
        }
        defer {
            plain.stop()
            multiplexed.stop()
        }
        var site = site(wireProtocol == .http1 ? plain.port : multiplexed.port, wireProtocol)
        site.rules[0].traffic.timeouts.streamIdleMilliseconds = 1_000
        site.rules[0].traffic.pool.idleTimeoutMilliseconds = 300
        try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try client.get("/", fields: websocket)
            #expect(try client.reader.responseHead().status == 101)
            try? client.stream.send(Pattern.bytes(wireProtocol == .http1 ? 100_000 : 10_000))
            client.socket.shutdownSending()
            #expect(eventually { gateway.gateway.statistics.requestsOpen == 0 })
            #expect(
                eventually {
                    guard let endpoint = gateway.gateway.endpoints.first else { return false }
                    return endpoint.requestsActive == 0 && endpoint.connectionsOpen == 0
                })
        }
    }
}
