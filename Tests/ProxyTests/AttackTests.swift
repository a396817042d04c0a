import GatewayTestSupport
import Proxy
import Routing
import Testing
import Wire

/// Both sides try to keep the gateway busy, to grow it, or to be someone else.
@Suite(.serialized, .timeLimit(.minutes(2))) struct AttackTests {
    private func site(_ upstream: ScriptedUpstream) -> Site {
        var site = Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])
        site.rules[0].traffic.retries.maximumRetries = 0
        return site
    }

    // MARK: - Endpoints

    enum Drip: String, CaseIterable {
        case interim = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
        case field = "x: y\r\n"
        case byte = "x"
    }

    /// Each piece comes well within the deadline; the head never does.
    @Test(arguments: Drip.allCases)
    func `a response's head that only drips has one deadline`(drip: Drip) async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            if drip != .interim { try connection.send("HTTP/1.1 200 OK\r\n") }
            // Ends when the gateway closes, or says 5xx long before.
            for _ in 0..<200 {
                try connection.send(drip.rawValue)
                _ = connection.isEnded(withinMilliseconds: 50)
            }
        }
        defer { upstream.stop() }
        var site = site(upstream)
        site.rules[0].traffic.timeouts.responseHeadMilliseconds = 400
        let log = try await withGateway(site) { gateway in
            let status = try gateway.get("/").status
            #expect(status == 504 || status == 502)
        }
        #expect(log.count == 1)
    }

    @Test func `a response's head without end is refused`() async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            try connection.send("HTTP/1.1 200 OK\r\n")
            // Fails when the gateway closes.
            let line = "x: " + String(repeating: "y", count: 1_000) + "\r\n"
            for _ in 0..<100_000 { try connection.send(line) }
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream)) { gateway in
            let response = try gateway.get("/")
            #expect(response.status == 502)
        }
        #expect(log.map(\.outcome) == ["upstreamMalformed"])
    }

    enum Loss: CaseIterable {
        case closesAfterTheHead, closesAfterTheBody, resets, garbage, interimThenClose
    }

    /// What the endpoint may have done once must not be asked for twice.
    @Test(arguments: Loss.allCases, ["POST", "PATCH"])
    func `a request that is not idempotent is never sent twice`(loss: Loss, method: String) async throws {
        let upstream = try ScriptedUpstream { connection in
            if loss == .closesAfterTheHead {
                _ = try connection.reader.requestHead()
                return
            }
            _ = try connection.request()
            switch loss {
            case .resets: connection.socket.reset()
            case .garbage: try connection.send("SSH-2.0-OpenSSH_9.2\r\n")
            case .interimThenClose: try connection.send("HTTP/1.1 103 Early Hints\r\n\r\n")
            case .closesAfterTheHead, .closesAfterTheBody: break
            }
        }
        defer { upstream.stop() }
        var site = Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])
        site.rules[0].traffic.retries.maximumRetries = 3
        site.rules[0].traffic.retries.statuses = [502, 503, 504]
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connect()
            let body = "hello"
            try client.send(
                "\(method) / HTTP/1.1\r\nhost: localhost\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)")
            let status = try client.response().status
            #expect(status == 502 || status == 503)
        }
        #expect(log.map(\.attempts) == [1])
        #expect(upstream.connectionCount == 1)
    }

    // MARK: - Clients

    /// A chunk extension, a trailer section and a chunk's size have bounds of their own: no body counts there.
    @Test(arguments: ["5;a=", "0\r\nx: ", "0000000000"])
    func `what surrounds a chunk cannot grow for ever`(begin: String) async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connect()
            try client.send("POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n\(begin)")
            let piece = String(repeating: "0", count: 1_000)
            // The gateway answers and closes in the middle of it.
            for _ in 0..<10_000 where (try? client.send(piece)) == nil { break }
            let status = (try? client.response())?.status
            #expect(status == nil || status == 400 || status == 431)
            #expect(eventually { gateway.gateway.statistics.connectionsOpen == 0 })
        }
        #expect(upstream.requests.isEmpty)
    }

    /// Servers that turn field names into variables read both spellings as one.
    @Test func `a client cannot say who it is with underscores either`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let fields = ["X_Forwarded_For: 1.2.3.4", "x_forwarded-proto: https", "X-Authenticated_Subject: root"]
            let response = try gateway.get("/", fields: fields)
            #expect(response.status == 200)
        }
        let request = try #require(upstream.requests.first)
        let names = request.fields.map { $0.name.replacing("_", with: "-") }
        #expect(names.count { $0 == "x-forwarded-for" } == 1)
        #expect(names.count { $0 == "x-forwarded-proto" } == 1)
        #expect(!names.contains { $0.hasPrefix("x-authenticated") })
    }

    @Test(arguments: [
        "PROXY TCP4 evil 10.0.0.1 1 2\r\n", "PROXY TCP4 1.2.3.4,5.6.7.8 10.0.0.1 1 2\r\n",
        "PROXY TCP4 2001:db8::1 10.0.0.1 1 2\r\n", "PROXY TCP4 1.2.3.4 10.0.0.1 1 2 3\r\n",
        "PROXY TCP4 1.2.3.4 10.0.0.1 65536 2\r\n", "PROXY TCP4 1.2.3.4  10.0.0.1 1 2\r\n",
        "PROXY tcp4 1.2.3.4 ::1 1 2\r\n",
        "PROXY TCP4 1.2.3.4 10.0.0.1 1 2\n", "proxy TCP4 1.2.3.4 10.0.0.1 1 2\r\n",
        "PROXY TCP4 1.2.3.256 10.0.0.1 1 2\r\n",
    ])
    func `a PROXY header that is not one closes the connection`(header: String) async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        var site = site(upstream)
        site.proxyProtocol = ProxyProtocolSettings()
        try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try? client.send("\(header)GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
            #expect((try? client.response()) == nil)
        }
        #expect(upstream.requests.isEmpty)
    }

    /// One byte of HPACK may stand for four kilobytes (CVE-2016-1544).
    @Test func `an HPACK bomb is stopped before it is unpacked`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let socket = try BlockingSocket(connectingTo: gateway.port("https"))
            defer { socket.close() }
            let client = RawHTTP2Client(try BlockingTLS(over: socket, protocols: ["h2"]))
            #expect(try client.handshake())
            // One field of 4,000 bytes enters the table, and is then named 12,000 times.
            let large = [0x40] + hpackString([UInt8(ascii: "x")]) + hpackString(Array(repeating: 121, count: 4_000))
            let block = Fields.get() + large + Array(repeating: 0xBE, count: 12_000)
            try client.send([.headers(1, block)])
            let end = try client.wait { $0.kind == .reset && $0.stream == 1 || $0.kind == .goAway }
            #expect(end != nil)
            // The connection, if it lives, serves others.
            try? client.send([.headers(3, Fields.get())])
            if end?.kind == .reset { #expect(try client.wait { $0.kind == .headers && $0.stream == 3 } != nil) }
        }
        #expect(upstream.requests.count <= 1)
    }
}

extension ScriptedUpstream.Connection {
    /// Waits until the gateway ends the connection, or for the time.
    fileprivate func isEnded(withinMilliseconds milliseconds: Int32) -> Bool {
        socket.isReadable(withinMilliseconds: milliseconds)
    }
}
