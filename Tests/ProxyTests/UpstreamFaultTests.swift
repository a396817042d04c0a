import GatewayTestSupport
import Proxy
import Routing
import Testing

/// What endpoints do wrong, and what the client sees of it.
@Suite(.serialized, .timeLimit(.minutes(2))) struct UpstreamFaultTests {
    private func site(_ upstreams: ScriptedUpstream...) -> Site {
        Site(rules: [Site.Rule(path: "/", endpoints: upstreams.map(\.port))])
    }

    // MARK: - No answer

    @Test func `an endpoint that refuses connections is a 503 at once`() async throws {
        let dead = try PortReservation()
        let log = try await withGateway(Site(rules: [Site.Rule(path: "/", endpoints: [dead.port])])) { gateway in
            let response = try gateway.get("/")
            #expect(response.status == 503)
            #expect(response["retry-after"] == "1")
        }
        // Not when the connect timeout has passed: that would be `connectTimeout`.
        #expect(log.map(\.outcome) == ["connectFailed"])
    }

    @Test func `a backend without endpoints is a 503`() async throws {
        let log = try await withGateway(Site(rules: [Site.Rule(path: "/")])) { gateway in
            let response = try gateway.get("/")
            #expect(response.status == 503)
        }
        #expect(log.map(\.outcome) == ["noEndpoint"])
    }

    /// With the backlog full, the kernel drops what comes: nobody ever answers.
    @Test func `an endpoint that never accepts is a 503 when the time is over`() async throws {
        let listener = try BlockingListener(backlog: 0)
        let fillers = try (0..<1).map { _ in try BlockingSocket(connectingTo: listener.port) }
        defer { for filler in fillers { filler.close() } }
        var site = Site(rules: [Site.Rule(path: "/", endpoints: [listener.port])])
        site.rules[0].traffic.timeouts.connectMilliseconds = 300
        let gateway = try GatewayUnderTest(site, workers: 1)
        let response = try gateway.get("/")
        #expect(response.status == 503)
        #expect(gateway.count(.connectTimeout) == 1)
        _ = try await gateway.stop(deadlineSeconds: 1)
    }

    @Test func `an endpoint that says nothing is a 504`() async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        var site = site(upstream)
        site.rules[0].traffic.timeouts.responseHeadMilliseconds = 200
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try client.get("/")
            #expect(try client.response().status == 504)
            #expect(eventually { upstream.closedByGateway == 1 })
            try client.get("/")
            #expect(try client.response().status == 504, "the client's connection lives on")
        }
        #expect(log.map(\.outcome) == ["responseTimeout", "responseTimeout"])
    }

    @Test(arguments: [true, false])
    func `a rule's own timeouts apply`(wholeRequest: Bool) async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        var site = site(upstream)
        site.rules[0].requestTimeout = wholeRequest ? 200 : nil
        site.rules[0].backendRequestTimeout = wholeRequest ? nil : 200
        try await withGateway(site) { gateway in
            let response = try gateway.get("/")
            #expect(response.status == 504)
        }
    }

    // MARK: - A wrong answer

    @Test(arguments: [
        "garbage\r\n\r\n", "HTTP/1.1 99 Low\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: \(String(repeating: "a", count: 40_000))\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n", "HTTP/1.1 20",
    ])
    func `an answer that is not HTTP, or ambiguous, is a 502`(answer: String) async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            try connection.send(answer)
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connect()
            try client.get("/")
            #expect(try client.response().status == 502)
            try client.get("/none")
            #expect(try client.response().status == 502, "the client's connection lives on")
        }
        #expect(log.map(\.outcome) == ["upstreamMalformed", "upstreamMalformed"])
        #expect(upstream.connectionCount == 2, "such a connection is not used again")
    }

    @Test func `an endpoint that closes without an answer is a 503`() async throws {
        let upstream = try ScriptedUpstream { connection in _ = try connection.request() }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream)) { gateway in
            let response = try gateway.get("/")
            #expect(response.status == 503)
        }
        #expect(log.map(\.outcome) == ["upstreamClosed"])
        #expect(upstream.requests.count == 1, "a fresh connection that closes is no reason to try again")
    }

    // MARK: - Half an answer

    @Test(
        arguments: [
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nXX\r\n",
        ], [false, true])
    func `a response that breaks off is seen to break off`(answer: String, overTLS: Bool) async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            try connection.send(answer)
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream)) { gateway in
            let client = try overTLS ? gateway.connectTLS() : gateway.connect()
            try client.get("/")
            do {
                let response = try client.response()
                #expect(response.status == 200)
                #expect(response.isCut)
            } catch {
                // It broke before its first byte was sent on.
                #expect(error as? StreamFailure != .timedOut)
            }
        }
        #expect(log.map(\.outcome) == ["responseTruncated"])
    }

    @Test func `HTTP/1.0 cannot take a broken response for a whole one`() async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            try connection.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connect()
            try client.send("GET / HTTP/1.0\r\nhost: localhost\r\n\r\n")
            #expect(throws: StreamFailure.reset) { try client.stream.receiveToEnd() }
        }
        #expect(log.map(\.outcome) == ["responseTruncated"])
    }

    @Test func `a response that stops is cut when the time is over`() async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            try connection.send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        var site = site(upstream)
        site.rules[0].traffic.timeouts.streamIdleMilliseconds = 200
        let log = try await withGateway(site) { gateway in
            let response = try gateway.get("/")
            #expect(response.isCut)
            #expect(response.text == "half")
        }
        #expect(log.map(\.outcome) == ["streamIdleTimeout"])
    }

    // MARK: - Out of step

    @Test func `bytes after a response close the endpoint's connection`() async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            try connection.send(ScriptedUpstream.ok("first") + "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged")
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connect()
            for _ in 0..<3 {
                try client.get("/")
                #expect(try client.response().text == "first")
            }
            #expect(eventually { upstream.closedByGateway == 3 })
        }
        #expect(upstream.connectionCount == 3)
    }

    @Test func `an endpoint that speaks unasked loses its connection`() async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            try connection.send(ScriptedUpstream.ok("ok"))
            // The client has its answer before this comes.
            _ = try connection.reader.take(upTo: 0)
            try connection.send("HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let response = try gateway.get("/")
            #expect(response.text == "ok")
        }
    }

    @Test func `an early answer reaches a client that is still sending`() async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.reader.requestHead()
            try connection.send("HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nno!")
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connect()
            try client.send("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n")
            try client.stream.send(Pattern.bytes(1000))
            let response = try client.response()
            #expect(response.status == 413)
            #expect(response.text == "no!")
            #expect(try client.reader.isAtEnd(), "what is left of the body cannot be told from a request")
            #expect(eventually { upstream.closedByGateway == 1 })
        }
        #expect(log.map(\.outcome) == ["forwarded"])
    }

    @Test func `an early answer is not lost when the endpoint resets the rest`() async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.reader.requestHead()
            _ = try connection.reader.take(upTo: 100)
            try connection.send("HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-length: 3\r\n\r\nno!")
        }
        defer { upstream.stop() }
        var answered = 0
        let log = try await withGateway(site(upstream)) { gateway in
            for _ in 0..<20 {
                let client = try gateway.connect()
                try client.post("/", Pattern.bytes(400_000))
                if try client.response().status == 401 { answered += 1 }
            }
        }
        #expect(log.count == 20)
        // The kernel may have thrown the answer away with the reset; usually it has not.
        #expect(answered >= 15, "\(answered) of 20")
    }
}
