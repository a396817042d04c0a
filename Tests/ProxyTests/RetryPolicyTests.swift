import GatewayTestSupport
import Glibc
import Proxy
import Routing
import Testing
import Wire

/// What is tried again elsewhere, how often, and what never is. Every test has one endpoint that fails in its way and one
/// that is well, asked in turn.
@Suite(.serialized, .timeLimit(.minutes(2))) struct RetryPolicyTests {
    private static let unavailable = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy"

    /// Never ejects, so that every second request meets the bad one first.
    private func site(_ ports: [UInt16], _ wireProtocol: Backend.WireProtocol = .http1) -> Site {
        var site = Site(rules: [Site.Rule(path: "/", endpoints: ports, wireProtocol: wireProtocol)])
        site.rules[0].traffic.loadBalancing.algorithm = .roundRobin
        site.rules[0].traffic.outliers.consecutiveFailures = 0
        site.rules[0].traffic.outliers.failurePercent = 0
        site.rules[0].traffic.retries.backoffMilliseconds = 1
        return site
    }

    /// Sends `count` requests one after the other and gives their statuses.
    private func statuses(_ gateway: GatewayUnderTest, _ count: Int, method: String = "GET") throws -> [Int] {
        let client = try gateway.connect()
        return try (0..<count).map { _ in
            try client.get("/", method: method)
            return try client.response().status
        }
    }

    // MARK: - Statuses

    @Test func `a status that is named is tried elsewhere, and the connection is kept`() async throws {
        let busy = try ScriptedUpstream.answering { _ in Self.unavailable }
        let good = try ScriptedUpstream.plain()
        defer {
            busy.stop()
            good.stop()
        }
        var site = site([busy.port, good.port])
        site.rules[0].traffic.retries.statuses = [503]
        let log = try await withGateway(site) { gateway in
            let found = try statuses(gateway, 10)
            #expect(found.allSatisfy { $0 == 200 })
            let endpoint = try #require(gateway.gateway.endpoints.first { $0.retries > 0 })
            #expect(endpoint.retries == 5)
        }
        #expect(log.count { $0.attempts == 2 } == 5)
        #expect(busy.connectionCount == 1, "the answer nobody wants was read to its end")
    }

    @Test func `the last attempt's answer is the answer`() async throws {
        let busy = try ScriptedUpstream.answering { _ in Self.unavailable }
        defer { busy.stop() }
        var site = site([busy.port])
        site.rules[0].traffic.retries.statuses = [503]
        let log = try await withGateway(site) { gateway in
            let response = try gateway.get("/")
            #expect(response.status == 503)
            #expect(response.text == "busy")
        }
        #expect(log.map(\.attempts) == [3])
        #expect(log.map(\.outcome) == ["forwarded"])
    }

    @Test func `a rule's own settings take the place of its backend's`() async throws {
        let busy = try ScriptedUpstream.answering { _ in Self.unavailable }
        defer { busy.stop() }
        var site = site([busy.port])
        var retries = RetrySettings()
        retries.maximumRetries = 1
        retries.statuses = [503]
        retries.backoffMilliseconds = 1
        site.rules[0].retries = retries
        let log = try await withGateway(site) { gateway in
            let response = try gateway.get("/")
            #expect(response.status == 503)
        }
        #expect(log.map(\.attempts) == [2])
    }

    @Test(arguments: ["POST", "PATCH"])
    func `what may have taken effect is not repeated`(method: String) async throws {
        let busy = try ScriptedUpstream.answering { _ in Self.unavailable }
        let good = try ScriptedUpstream.plain()
        defer {
            busy.stop()
            good.stop()
        }
        var site = site([busy.port, good.port])
        site.rules[0].traffic.retries.statuses = [503]
        let log = try await withGateway(site) { gateway in
            let found = try statuses(gateway, 6, method: method)
            #expect(found.count { $0 == 503 } == 3)
        }
        #expect(log.allSatisfy { $0.attempts == 1 })
    }

    @Test func `a status that is not named is an answer like any other`() async throws {
        let busy = try ScriptedUpstream.answering { _ in Self.unavailable }
        let good = try ScriptedUpstream.plain()
        defer {
            busy.stop()
            good.stop()
        }
        try await withGateway(site([busy.port, good.port])) { gateway in
            let found = try statuses(gateway, 6)
            #expect(found.count { $0 == 503 } == 3)
        }
    }

    @Test func `an answer too long to be read to its end costs its connection`() async throws {
        let busy = try ScriptedUpstream { connection in
            while try connection.request() != nil {
                try connection.send("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 10000000\r\n\r\n")
                connection.waitForEnd()
                return
            }
        }
        let good = try ScriptedUpstream.plain()
        defer {
            busy.stop()
            good.stop()
        }
        var site = site([busy.port, good.port])
        site.rules[0].traffic.retries.statuses = [503]
        try await withGateway(site) { gateway in
            let found = try statuses(gateway, 4)
            #expect(found.allSatisfy { $0 == 200 })
            #expect(eventually { busy.closedByGateway == 2 })
        }
    }

    @Test func `HTTP/2 answers that nobody wants are cancelled`() async throws {
        let busy = try HTTP2Upstream { peer, stream in
            var head = ResponseHead()
            head.status = 503
            peer.session.submitResponse(head, on: stream, endStream: false)
        }
        let good = try HTTP2Upstream.plain()
        defer {
            busy.stop()
            good.stop()
        }
        var site = site([busy.port, good.port], .h2c)
        site.rules[0].traffic.retries.statuses = [503]
        try await withGateway(site) { gateway in
            let found = try statuses(gateway, 6)
            #expect(found.allSatisfy { $0 == 200 })
            #expect(eventually { gateway.gateway.endpoints.allSatisfy { $0.requestsActive == 0 } })
        }
        #expect(busy.connectionCount == 1)
    }

    // MARK: - Budget

    @Test func `without a budget there is no retry that could cost an endpoint work`() async throws {
        let busy = try ScriptedUpstream.answering { _ in Self.unavailable }
        let good = try ScriptedUpstream.plain()
        defer {
            busy.stop()
            good.stop()
        }
        var site = site([busy.port, good.port])
        site.rules[0].traffic.retries.statuses = [503]
        site.rules[0].traffic.retries.budgetPercent = 0
        site.rules[0].traffic.retries.budgetMinimumPerSecond = 0
        try await withGateway(site) { gateway in
            let found = try statuses(gateway, 6)
            #expect(found.count { $0 == 503 } == 3)
            #expect(gateway.gateway.statistics.retriesOverBudget == 3)
            #expect(gateway.gateway.statistics.retries == 0)
        }
    }

    // MARK: - No answer

    @Test(arguments: ["GET", "POST"])
    func `an endpoint that closes without an answer is left for another, if that is safe`(method: String) async throws {
        let closing = try ScriptedUpstream { connection in _ = try connection.request() }
        let good = try ScriptedUpstream.plain()
        defer {
            closing.stop()
            good.stop()
        }
        let log = try await withGateway(site([closing.port, good.port])) { gateway in
            let found = try statuses(gateway, 6, method: method)
            #expect(found.count { $0 == 200 } == (method == "GET" ? 6 : 3))
        }
        #expect(log.allSatisfy { ($0.attempts ?? 0) <= (method == "GET" ? 2 : 1) })
    }

    @Test func `an attempt that takes too long is followed by another`() async throws {
        let silent = try ScriptedUpstream { connection in
            _ = try connection.request()
            connection.waitForEnd()
        }
        let good = try ScriptedUpstream.plain()
        defer {
            silent.stop()
            good.stop()
        }
        var site = site([silent.port, good.port])
        site.rules[0].backendRequestTimeout = 5_000
        let log = try await withGateway(site) { gateway in
            let found = try statuses(gateway, 2)
            #expect(found.allSatisfy { $0 == 200 })
            #expect(eventually { silent.closedByGateway == 1 })
            let endpoint = try #require(gateway.gateway.endpoints.first { $0.failuresTimeout > 0 })
            #expect(endpoint.failuresTimeout == 1)
        }
        #expect(log.compactMap(\.attempts).sorted() == [1, 2])
    }

    @Test func `the whole request has one deadline, whatever the attempts have`() async throws {
        let silent = try (0..<3).map { _ in
            try ScriptedUpstream { connection in
                _ = try connection.request()
                connection.waitForEnd()
            }
        }
        defer { for upstream in silent { upstream.stop() } }
        var site = site(silent.map(\.port))
        site.rules[0].backendRequestTimeout = 1_000
        site.rules[0].requestTimeout = 1_500
        let log = try await withGateway(site) { gateway in
            let response = try gateway.get("/")
            #expect(response.status == 504)
            #expect(response.text.contains("Request Deadline Exceeded"))
        }
        #expect(log.map(\.outcome) == ["deadlineExceeded"])
        // Two, if the machine is not so busy that the first one's end is seen late.
        #expect(log.allSatisfy { ($0.attempts ?? 0) <= 2 })
    }

    /// HTTPRoute `timeouts.backendRequest` is until the whole response is in.
    @Test func `an attempt's deadline cuts a response that trickles`() async throws {
        let trickling = try ScriptedUpstream { connection in
            _ = try connection.request()
            try connection.send("HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
            while (try? connection.send("x")) != nil { poll(nil, 0, 1) }
        }
        defer { trickling.stop() }
        var site = site([trickling.port])
        site.rules[0].backendRequestTimeout = 2_000
        let log = try await withGateway(site) { gateway in
            let response = try gateway.get("/")
            #expect(response.isCut)
        }
        #expect(log.map(\.outcome) == ["attemptTimeout"])
    }

    @Test(arguments: [Backend.WireProtocol.http1, .h2c])
    func `once a byte of the answer was sent on there is no other attempt`(wireProtocol: Backend.WireProtocol)
        async throws
    {
        let upstreams = try (0..<2).map { _ in
            try ScriptedUpstream { connection in
                _ = try connection.request()
                try connection.send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
            }
        }
        let multiplexed = try (0..<2).map { _ in
            try HTTP2Upstream { peer, stream in
                var head = ResponseHead()
                head.status = 200
                peer.session.submitResponse(head, on: stream, endStream: false)
                stream.write(Array("half".utf8).span)
                stream.reset(errorCode: 7)
            }
        }
        defer {
            for upstream in upstreams { upstream.stop() }
            for upstream in multiplexed { upstream.stop() }
        }
        let ports = wireProtocol == .http1 ? upstreams.map(\.port) : multiplexed.map(\.port)
        let log = try await withGateway(site(ports, wireProtocol)) { gateway in
            let client = try gateway.connect()
            try client.get("/")
            // It may break before its first byte has left us.
            if let response = try? client.response() { #expect(response.isCut || response.status == 503) }
        }
        if log.map(\.outcome) == ["responseTruncated"] { #expect(log.map(\.attempts) == [1]) }
    }

    // MARK: - Bodies

    /// The body of `count` bytes went to an endpoint that refused its stream: it did not process it.
    @Test(arguments: [1, 5_000, 16_384, 16_385, 200_000])
    func `a refused POST is sent again whole, as long as its body is here`(count: Int) async throws {
        let refused = Progress()
        let upstream = try HTTP2Upstream { peer, stream in
            guard stream.hasEnded else { return }
            if refused.increment() % 2 == 1 { return stream.reset(errorCode: 7) }
            peer.respond(200, on: stream, body: Array("\(stream.body.count) \(Pattern.matches(stream.body))".utf8))
        }
        defer { upstream.stop() }
        let log = try await withGateway(site([upstream.port], .h2c)) { gateway in
            let client = try gateway.connect()
            for _ in 0..<4 {
                try client.post("/", Pattern.bytes(count))
                let response = try client.response()
                if count <= 16_384 { #expect(response.text == "\(count) true") }
            }
            let multiplexed = try gateway.connectHTTP2()
            for _ in 0..<4 {
                let stream = try multiplexed.post("/", Pattern.bytes(count))
                if count <= 16_384 { #expect(stream.text == "\(count) true") }
            }
        }
        let expected = count <= 16_384 ? ["forwarded"] : ["forwarded", "upstreamClosed"]
        #expect(Set(log.map(\.outcome)) == Set(expected))
        #expect(log.allSatisfy { $0.attempts == (count <= 16_384 ? 2 : 1) })
    }

    @Test func `a PUT that a stale connection lost is sent again with its body`() async throws {
        let upstream = try ScriptedUpstream { connection in
            guard let request = try connection.request() else { return }
            try connection.send(ScriptedUpstream.ok("\(request.body.count) \(Pattern.matches(request.body))"))
            _ = try connection.request()
        }
        defer { upstream.stop() }
        let log = try await withGateway(site([upstream.port])) { gateway in
            let client = try gateway.connect()
            for _ in 0..<4 {
                try client.send("PUT / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9000\r\n\r\n")
                try client.stream.send(Pattern.bytes(9_000))
                #expect(try client.response().text == "9000 true")
            }
        }
        #expect(log.map(\.attempts) == [1, 2, 2, 2])
    }
}
