import GatewayTestSupport
import Proxy
import Reactor
import Testing
import Wire

/// Connections that are given up: each is counted by its reason, and has a line in the access log.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ConnectionOutcomeTests {
    /// Runs `body`, and gives the lines about connections when `outcome` was counted.
    private func lines(
        _ site: Site, until outcome: ConnectionOutcome, count: UInt64 = 1,
        _ body: (GatewayUnderTest) throws -> [any AnyObject]
    ) async throws -> [ConnectionLine] {
        var kept: GatewayUnderTest?
        try await withGateway(site) { gateway in
            kept = gateway
            // What the body gives is kept open: the gateway is to close it.
            let held = try body(gateway)
            #expect(eventually { gateway.gateway.statistics.connectionsGivenUp[outcome] == count })
            withExtendedLifetime(held) {}
        }
        let lines = try #require(kept).connectionLines
        #expect(lines.allSatisfy { $0.event == "connection" && $0.client == "127.0.0.1" })
        return lines
    }

    @Test func `a handshake without an end`() async throws {
        var site = Site(rules: [])
        site.limits.handshakeTimeout = 200
        let lines = try await lines(site, until: .handshakeTimeout) { gateway in
            [try BlockingSocket(connectingTo: gateway.port("https"))]
        }
        #expect(lines.map(\.outcome) == ["handshakeTimeout"])
        #expect(lines.map(\.listener) == ["https"])
    }

    @Test func `a handshake that fails, with the reason`() async throws {
        let lines = try await lines(Site(rules: []), until: .handshakeFailed, count: 2) { gateway in
            let plain = try BlockingSocket(connectingTo: gateway.port("https"))
            try plain.send(Array("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n".utf8))
            let other = try BlockingSocket(connectingTo: gateway.port("https"))
            #expect(throws: StreamFailure.brokenTLS) { try BlockingTLS(over: other, protocols: ["spdy/3"]) }
            // Who only looks whether the port is open has failed at nothing.
            let probe = try BlockingSocket(connectingTo: gateway.port("https"))
            probe.close()
            return [plain, other]
        }
        #expect(lines.map(\.outcome) == ["handshakeFailed", "handshakeFailed"])
        #expect(lines.contains { $0.reason == "http request" })
        #expect(lines.allSatisfy { $0.reason?.isEmpty == false })
    }

    @Test func `a PROXY header that does not come, and one that is none`() async throws {
        var site = Site(rules: [])
        site.limits.handshakeTimeout = 2_000
        site.proxyProtocol = ProxyProtocolSettings()
        let lines = try await lines(site, until: .proxyHeaderTimeout) { gateway in
            let wrong = try gateway.connect()
            try wrong.get("/")
            #expect(eventually { gateway.gateway.statistics.connectionsGivenUp[.proxyHeaderRefused] == 1 })
            let silent = try gateway.connect()
            try silent.send("PROXY TCP4 ")
            return [silent, wrong]
        }
        #expect(lines.map(\.outcome) == ["proxyHeaderRefused", "proxyHeaderTimeout"])
    }

    @Test(arguments: ["http", "https"])
    func `a request that never begins`(listener: String) async throws {
        var site = Site(rules: [])
        site.limits.requestHeadTimeout = 200
        let lines = try await lines(site, until: .requestHeadTimeout) { gateway in
            listener == "http" ? [try gateway.connect()] : [try gateway.connectHTTP2()]
        }
        #expect(lines.map(\.outcome) == ["requestHeadTimeout"])
    }

    @Test func `more connections than a client may have`() async throws {
        var site = Site(rules: [])
        site.limits.connectionsPerClient = 1
        let lines = try await lines(site, until: .tooManyOfClient) { gateway in
            let first = try gateway.connect()
            try first.get("/none")
            #expect(try first.response().status == 404)
            return [first, try gateway.connect()]
        }
        #expect(lines.map(\.outcome) == ["tooManyOfClient"])
    }

    @Test(arguments: [false, true])
    func `a client that takes nothing`(overHTTP2: Bool) async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            try connection.send("HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")
            while (try? connection.send(Pattern.bytes(100_000))) != nil {}
        }
        defer { upstream.stop() }
        var site = Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])
        site.limits.clientWriteTimeout = 500
        var kept: GatewayUnderTest?
        let log = try await withGateway(site) { gateway in
            kept = gateway
            if overHTTP2 {
                var settings = HTTP2SessionSettings()
                settings.streamWindow = 16 << 20
                settings.connectionWindow = 16 << 20
                let socket = try BlockingSocket(connectingTo: gateway.port("http"), receiveBuffer: 4_096)
                let client = try HTTP2Client(
                    socket, socket: socket, peer: HTTP2Peer(role: .client, settings: settings))
                _ = try #require(client.peer.request("GET", "/"))
                try client.flush()
                #expect(eventually { gateway.gateway.statistics.requestsOpen == 0 && upstream.requests.count == 1 })
                withExtendedLifetime(client) {}
            } else {
                let client = try gateway.connect(receiveBuffer: 4_096)
                try client.get("/")
                #expect(eventually { gateway.gateway.statistics.requestsOpen == 0 && upstream.requests.count == 1 })
                withExtendedLifetime(client) {}
            }
        }
        // The stream's own deadline and the connection's are equally long: either may be first to see it.
        #expect(log.map(\.outcome) == ["clientStalled"])
        #expect(try #require(kept).connectionLines.allSatisfy { $0.outcome == "writeTimeout" })
    }

    /// An attack must not fill the disk.
    @Test func `lines about connections are few, the count is exact`() async throws {
        var site = Site(rules: [])
        site.limits.connectionsPerClient = 1
        let attempts = 500
        let lines = try await lines(site, until: .tooManyOfClient, count: UInt64(attempts)) { gateway in
            let first = try gateway.connect()
            try first.get("/none")
            #expect(try first.response().status == 404)
            for _ in 0..<attempts { _ = try? gateway.connect() }
            return [first]
        }
        #expect(lines.count < attempts)
        #expect(!lines.isEmpty)
    }
}
