import GatewayTestSupport
import Proxy
import Routing
import Testing

/// What is tried again, what waits, and what is refused because too much waits.
@Suite(.serialized, .timeLimit(.minutes(2))) struct RetryTests {
    private func site(_ upstream: ScriptedUpstream) -> Site {
        Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])
    }

    /// An endpoint that closes its idle connections as soon as a second request comes on them.
    private func forgetful() throws -> ScriptedUpstream {
        try ScriptedUpstream { connection in
            guard let request = try connection.request() else { return }
            try connection.send(ScriptedUpstream.ok("\(connection.number) \(request.requestLine)"))
            _ = try connection.reader.requestHead()
        }
    }

    @Test func `a GET that a stale connection lost is sent again on a fresh one`() async throws {
        let upstream = try forgetful()
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connect()
            for number in 0..<5 {
                try client.get("/\(number)")
                #expect(try client.response().text == "\(number) GET /\(number)")
            }
            #expect(gateway.gateway.statistics.retries == 4)
        }
        #expect(log.map(\.attempts) == [1, 2, 2, 2, 2])
    }

    @Test func `a POST that a stale connection lost is not`() async throws {
        let upstream = try forgetful()
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connect()
            try client.get("/")
            #expect(try client.response().status == 200)
            try client.post("/", Array("body".utf8))
            #expect(try client.response().status == 503)
            #expect(gateway.gateway.statistics.retries == 0)
        }
        #expect(log.map(\.outcome) == ["forwarded", "upstreamClosed"])
    }

    @Test func `with one of two endpoints dead every request is served`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let dead = try PortReservation()
        let site = Site(rules: [Site.Rule(path: "/", endpoints: [dead.port, upstream.port])])
        try await withGateway(site) { gateway in
            let client = try gateway.connect()
            for number in 0..<30 {
                try client.post("/\(number)", Array("body".utf8))
                #expect(try client.response().status == 200)
            }
            #expect(gateway.gateway.statistics.retries > 0)
        }
        #expect(upstream.requests.count == 30)
    }

    // MARK: - Full

    @Test func `requests wait for a connection, in order, and too many are refused`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let gate = Gate()
        let slow = try ScriptedUpstream { connection in
            while let request = try connection.request() {
                gate.wait()
                try connection.send(ScriptedUpstream.ok(request.requestLine))
            }
        }
        defer { slow.stop() }
        var site = site(slow)
        site.rules[0].traffic.pool.maximumConnections = 1
        site.rules[0].traffic.pool.maximumPendingRequests = 3
        try await withGateway(site) { gateway in
            let first = try gateway.connect()
            try first.get("/first")
            #expect(eventually { slow.requests.count == 1 })
            let waiting = try (0..<3).map { number in
                let client = try gateway.connect()
                try client.get("/waiting\(number)")
                #expect(eventually { gateway.gateway.statistics.requestsOpen == UInt64(number + 2) })
                return client
            }
            let refused = try gateway.get("/refused")
            #expect(refused.status == 503)
            #expect(gateway.count(.poolExhausted) == 1)
            // One that gives up leaves the queue.
            waiting[1].socket.reset()
            #expect(eventually { gateway.count(.clientClosed) == 1 })
            gate.open()
            #expect(try first.response().text == "GET /first")
            #expect(try waiting[0].response().text == "GET /waiting0")
            #expect(try waiting[2].response().text == "GET /waiting2")
        }
        #expect(slow.requests.map(\.requestLine) == ["GET /first", "GET /waiting0", "GET /waiting2"])
        #expect(slow.connectionCount == 1)
    }

    /// Two endpoints, both full: whoever waits too long at the first goes to the second, and is not served twice.
    @Test func `a request that waited too long is not served later as well`() async throws {
        let gate = Gate()
        let script: @Sendable (ScriptedUpstream.Connection) throws -> Void = { connection in
            while let request = try connection.request() {
                gate.wait()
                try connection.send(ScriptedUpstream.ok(request.requestLine))
            }
        }
        let upstreams = try (0..<2).map { _ in try ScriptedUpstream(script: script) }
        defer { for upstream in upstreams { upstream.stop() } }
        var site = Site(rules: [Site.Rule(path: "/", endpoints: upstreams.map(\.port))])
        site.rules[0].traffic.pool.maximumConnections = 1
        site.rules[0].traffic.pool.pendingTimeoutMilliseconds = 200
        try await withGateway(site) { gateway in
            var busy: [Client] = []
            // Until both connections are taken.
            while upstreams[0].requests.isEmpty || upstreams[1].requests.isEmpty {
                let client = try gateway.connect()
                try client.get("/busy")
                busy.append(client)
                let wanted = min(2, busy.count)
                // With bad luck the second waits at the first's endpoint; then the third decides.
                _ = eventually(within: 1) { upstreams[0].requests.count + upstreams[1].requests.count == wanted }
                if busy.count > 20 { break }
            }
            let late = try gateway.connect()
            try late.get("/late")
            #expect(try late.response().status == 503)
            gate.open()
            for client in busy { _ = try client.response() }
            for _ in 0..<10 {
                try late.get("/next")
                #expect(try late.response().text == "GET /next")
            }
        }
        let served = upstreams.flatMap { $0.requests.map(\.requestLine) }
        #expect(!served.contains("GET /late"))
        #expect(served.count { $0 == "GET /next" } == 10)
    }
}
