import GatewayTestSupport
import Proxy
import Routing
import Testing

/// Which endpoint gets a request, and which gets none.
@Suite(.serialized, .timeLimit(.minutes(2))) struct BalancingTests {
    /// Endpoints that say which they are.
    private func named(_ count: Int) throws -> [ScriptedUpstream] {
        try (0..<count).map { number in try ScriptedUpstream.answering { _ in ScriptedUpstream.ok("\(number)") } }
    }

    private func site(_ upstreams: [ScriptedUpstream], _ algorithm: LoadBalancing.Algorithm = .leastRequests) -> Site {
        var site = Site(rules: [Site.Rule(path: "/", endpoints: upstreams.map(\.port))])
        site.rules[0].traffic.loadBalancing.algorithm = algorithm
        return site
    }

    @Test func `round robin is one after the other`() async throws {
        let upstreams = try named(3)
        defer { for upstream in upstreams { upstream.stop() } }
        try await withGateway(site(upstreams, .roundRobin)) { gateway in
            let client = try gateway.connect()
            for _ in 0..<12 {
                try client.get("/")
                #expect(try client.response().status == 200)
            }
        }
        #expect(upstreams.map(\.requests.count) == [4, 4, 4])
    }

    @Test func `the less busy endpoint is chosen`() async throws {
        let gate = Gate()
        let slow = try ScriptedUpstream { connection in
            while try connection.request() != nil {
                gate.wait()
                try connection.send(ScriptedUpstream.ok("slow"))
            }
        }
        let quick = try ScriptedUpstream.answering { _ in ScriptedUpstream.ok("quick") }
        defer {
            slow.stop()
            quick.stop()
        }
        try await withGateway(site([slow, quick])) { gateway in
            var held: [Client] = []
            // Until the slow one has a request, whichever of the first ones it is.
            while slow.requests.isEmpty && held.count < 100 {
                let client = try gateway.connect()
                try client.get("/")
                let served = UInt64(held.count)
                #expect(eventually { !slow.requests.isEmpty || gateway.count(.forwarded) == served + 1 })
                held.append(client)
            }
            let client = try gateway.connect()
            for _ in 0..<30 {
                try client.get("/")
                #expect(try client.response().text == "quick")
            }
            gate.open()
            for client in held { _ = try client.response() }
        }
        #expect(slow.requests.count == 1)
    }

    @Test(arguments: [
        (LoadBalancing.HashKey.header("x-user"), "x-user: "), (.cookie("session"), "cookie: other=1; session="),
    ])
    func `the same key goes to the same endpoint`(key: LoadBalancing.HashKey, field: String) async throws {
        let upstreams = try named(4)
        defer { for upstream in upstreams { upstream.stop() } }
        try await withGateway(site(upstreams, .consistentHash(key)), workers: 2) { gateway in
            var owners: [String: String] = [:]
            for round in 0..<3 {
                for user in 0..<24 {
                    let answer = try gateway.get("/", fields: ["\(field)user\(user)"]).text
                    if round == 0 { owners["\(user)"] = answer }
                    #expect(owners["\(user)"] == answer, "on every worker")
                }
            }
            #expect(Set(owners.values).count > 1)
        }
    }

    @Test func `a source address stays with its endpoint, and a request without the key is served`() async throws {
        let upstreams = try named(4)
        defer { for upstream in upstreams { upstream.stop() } }
        try await withGateway(site(upstreams, .consistentHash(.sourceAddress))) { gateway in
            let answers = try (0..<10).map { _ in try gateway.get("/").text }
            #expect(Set(answers).count == 1)
        }
        try await withGateway(site(upstreams, .consistentHash(.header("x-user")))) { gateway in
            let response = try gateway.get("/")
            #expect(response.status == 200)
        }
    }

    // MARK: - Ejection

    @Test func `an endpoint that fails is left alone, and taken back`() async throws {
        let isBroken = Gate()
        let bad = try ScriptedUpstream.answering { _ in
            isBroken.isShut
                ? "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n" : ScriptedUpstream.ok("recovered")
        }
        let good = try ScriptedUpstream.plain()
        defer {
            bad.stop()
            good.stop()
        }
        var site = site([bad, good], .roundRobin)
        site.rules[0].traffic.outliers.consecutiveFailures = 3
        site.rules[0].traffic.outliers.baseEjectionMilliseconds = 3_000
        try await withGateway(site) { gateway in
            let client = try gateway.connect()
            func statuses(_ count: Int) throws -> [Int] {
                try (0..<count).map { _ in
                    try client.get("/")
                    return try client.response().status
                }
            }
            #expect(try statuses(6).count { $0 == 503 } == 3)
            let begin = ContinuousClock.now
            let (later, seen) = (try statuses(10), bad.requests.count)
            // On a machine that stalled, the endpoint may have been taken back meanwhile.
            if ContinuousClock.now - begin < .seconds(2) {
                #expect(later.allSatisfy { $0 == 200 })
                #expect(seen == 3)
            }
            let endpoint = try #require(gateway.gateway.endpoints.first { $0.ejections > 0 })
            #expect(endpoint.ejections == 1)
            #expect(endpoint.failuresStatus == 3)
            isBroken.open()
            #expect(client.eventuallyGets("/") { $0.text == "recovered" })
        }
    }

    @Test func `the only endpoint is never left alone`() async throws {
        let upstream = try ScriptedUpstream.answering { _ in
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
        }
        defer { upstream.stop() }
        var site = site([upstream])
        site.rules[0].traffic.outliers.consecutiveFailures = 1
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connect()
            for _ in 0..<10 {
                try client.get("/")
                #expect(try client.response().status == 503)
            }
        }
        #expect(log.allSatisfy { $0.outcome == "forwarded" })
        #expect(upstream.requests.count == 10)
    }

    @Test func `connections that are refused eject, and after that cost nothing`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let dead = try PortReservation()
        var site = Site(rules: [Site.Rule(path: "/", endpoints: [dead.port, upstream.port])])
        site.rules[0].traffic.loadBalancing.algorithm = .roundRobin
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connect()
            for _ in 0..<40 {
                try client.post("/", Array("body".utf8))
                #expect(try client.response().status == 200)
            }
        }
        #expect(log.count { $0.attempts == 2 } == 5, "so many in a row as the settings say")
    }

    // MARK: - Slow start

    @Test func `an endpoint that comes later gets little at first`() async throws {
        let upstreams = try named(2)
        defer { for upstream in upstreams { upstream.stop() } }
        var site = site([upstreams[0]], .roundRobin)
        site.rules[0].traffic.loadBalancing.slowStartMilliseconds = 3_600_000
        try await withGateway(site) { gateway in
            let client = try gateway.connect()
            site.rules[0].endpoints = upstreams.map(\.port)
            try gateway.gateway.replace(site.snapshot())
            #expect(eventually { gateway.gateway.endpoints.count == 2 })
            for _ in 0..<100 {
                try client.get("/")
                #expect(try client.response().status == 200)
            }
        }
        // A tenth of its half; without slow start it would be 50.
        #expect(upstreams[1].requests.count < 25)
    }

    // MARK: - Reload

    @Test func `settings of a reload hold for connections that stay`() async throws {
        let upstreams = try named(2)
        defer { for upstream in upstreams { upstream.stop() } }
        var site = site(Array(upstreams.prefix(1)))
        try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try client.get("/")
            #expect(try client.response().text == "0")
            site.rules[0].traffic.pool.maximumRequestsPerConnection = 2
            try gateway.gateway.replace(site.snapshot())
            #expect(
                eventually {
                    guard (try? client.get("/")) != nil, (try? client.response()) != nil else { return false }
                    return upstreams[0].connectionCount >= 3
                })
            // Endpoints come and go, and the one that stays keeps what is known of it.
            site.rules[0].endpoints = upstreams.map(\.port)
            site.rules[0].traffic.loadBalancing.algorithm = .roundRobin
            try gateway.gateway.replace(site.snapshot())
            #expect(client.eventuallyGets("/") { $0.text == "1" })
            let known = try #require(gateway.gateway.endpoints.first { $0.endpoint.hasSuffix(":\(upstreams[0].port)") })
            #expect(known.requests >= 4)
            site.rules[0].endpoints = [upstreams[1].port]
            try gateway.gateway.replace(site.snapshot())
            #expect(eventually { gateway.gateway.endpoints.count == 1 })
            #expect(eventually { SocketTable.connections(touching: upstreams[0].port) == 0 })
        }
    }
}
