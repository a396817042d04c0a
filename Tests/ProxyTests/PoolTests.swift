import GatewayTestSupport
import Proxy
import Routing
import Testing
import Wire

@testable import struct Proxy.WaitingLine

@Suite struct WaitingLineTests {
    @Test func `first come, first served`() {
        var line = WaitingLine<Int>()
        for number in 0..<200 { _ = line.append(number) }
        #expect((0..<200).map { _ in line.popFirst() } == Array(0..<200))
        #expect(line.popFirst() == nil)
        #expect(line.isEmpty)
    }

    @Test func `who leaves is not served, and a served ticket does nothing`() {
        var line = WaitingLine<Int>()
        let tickets = (0..<100).map { line.append($0) }
        for ticket in tickets where ticket % 3 != 0 { line.remove(ticket: ticket) }
        #expect(line.count == 34)
        var served: [Int] = []
        while let next = line.popFirst() { served.append(next) }
        #expect(served == Array(stride(from: 0, to: 100, by: 3)))
        for ticket in tickets { line.remove(ticket: ticket) }
        let ticket = line.append(7)
        line.remove(ticket: tickets[0])
        #expect(line.count == 1)
        line.remove(ticket: ticket)
        #expect(line.isEmpty && line.length == 0)
    }

    @Test func `a line that moves does not grow`() {
        var line = WaitingLine<Int>()
        _ = line.append(-1)
        for number in 0..<10_000 {
            _ = line.append(number)
            #expect(line.popFirst() == number - 1)
        }
        #expect(line.length == 1)
    }
}

/// Bounds of the connections to an endpoint.
@Suite(.serialized, .timeLimit(.minutes(2))) struct PoolTests {
    @Test func `a connection serves no more requests than it may`() async throws {
        let upstream = try ScriptedUpstream { connection in
            while let request = try connection.request() {
                try connection.send(ScriptedUpstream.ok("\(connection.number) \(request.requestLine)"))
            }
        }
        defer { upstream.stop() }
        var site = Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])
        site.rules[0].traffic.pool.maximumRequestsPerConnection = 3
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connect()
            for number in 0..<9 {
                try client.get("/")
                #expect(try client.response().text == "\(number / 3) GET /")
            }
        }
        #expect(log.allSatisfy { $0.attempts == 1 })
    }

    @Test func `an HTTP/2 connection serves no more requests than it may`() async throws {
        let upstream = try HTTP2Upstream.plain()
        defer { upstream.stop() }
        var site = Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port], wireProtocol: .h2c)])
        site.rules[0].traffic.pool.maximumRequestsPerConnection = 3
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connect()
            for number in 0..<9 {
                try client.get("/\(number)")
                #expect(try client.response().text == "GET /\(number)")
            }
        }
        #expect(upstream.connectionCount == 3)
        #expect(log.allSatisfy { $0.attempts == 1 })
    }

    @Test func `an idle connection is closed when its time is over`() async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            try connection.send(ScriptedUpstream.ok("ok"))
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        var site = Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])
        site.rules[0].traffic.pool.idleTimeoutMilliseconds = 100
        try await withGateway(site) { gateway in
            let response = try gateway.get("/")
            #expect(response.text == "ok")
            #expect(eventually { upstream.closedByGateway == 1 })
            // The endpoint sees the connection end before the pool counts it.
            #expect(
                eventually {
                    guard let endpoint = gateway.gateway.endpoints.first else { return false }
                    return endpoint.connectionsOpen == 0 && endpoint.connectionsIdle == 0
                        && endpoint.connectionsOpened == 1
                })
        }
    }

    /// A load that rises: each request finds a connection that is open already, or is being opened.
    @Test func `the next connection is open before it is needed, one at a time and within the limit`() async throws {
        let gate = Gate()
        let upstream = try ScriptedUpstream { connection in
            while let request = try connection.request() {
                gate.wait()
                try connection.send(ScriptedUpstream.ok(request.requestLine))
            }
        }
        defer { upstream.stop() }
        var site = Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])
        site.rules[0].traffic.pool.maximumConnections = 4
        site.rules[0].traffic.pool.idleTimeoutMilliseconds = 60_000
        try await withGateway(site) { gateway in
            func endpoint(_ isWanted: (EndpointStatistics) -> Bool) -> Bool {
                eventually { gateway.gateway.endpoints.first.map(isWanted) ?? false }
            }
            var clients: [Client] = []
            func ask() throws {
                let client = try gateway.connect()
                try client.get("/")
                clients.append(client)
            }
            try ask()
            #expect(endpoint { $0.requestsActive == 1 && $0.connectionsOpen == 1 })
            #expect(eventually { upstream.requests.count == 1 })
            // One request alone costs the endpoint no second connection; two do, and a third is open then.
            try ask()
            #expect(endpoint { $0.requestsActive == 2 && $0.connectionsOpened == 3 && $0.connectionsIdle == 1 })
            try ask()
            #expect(endpoint { $0.requestsActive == 3 && $0.connectionsReused == 1 && $0.connectionsOpened == 4 })
            #expect(endpoint { $0.connectionsIdle == 1 })
            try ask()
            #expect(endpoint { $0.requestsActive == 4 && $0.connectionsReused == 2 && $0.connectionsIdle == 0 })
            gate.open()
            for client in clients { #expect(try client.response().status == 200) }
        }
        #expect(upstream.connectionCount == 4)
        #expect(upstream.requests.count == 4)
    }

    @Test func `a connection that was opened ahead and not needed is closed, and a stale one is retried`() async throws
    {
        let gate = Gate()
        let upstream = try ScriptedUpstream { connection in
            // The third one is ended by the endpoint while it idles.
            if connection.number == 2 { return }
            while try connection.request() != nil {
                gate.wait()
                try connection.send(ScriptedUpstream.ok("ok"))
            }
        }
        defer { upstream.stop() }
        let site = Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])
        try await withGateway(site) { gateway in
            let clients = try (0..<2).map { _ in try gateway.connect() }
            for client in clients {
                try client.get("/")
                #expect(eventually { gateway.gateway.endpoints.first?.requestsActive ?? 0 >= 1 })
            }
            #expect(eventually { upstream.connectionCount >= 3 })
            let third = try gateway.connect()
            try third.get("/")
            gate.open()
            #expect(try third.response().status == 200)
            for client in clients { #expect(try client.response().status == 200) }
        }
    }

    @Test(arguments: [Backend.WireProtocol.http1, .h2c])
    func `who waits too long for a connection is told so`(wireProtocol: Backend.WireProtocol) async throws {
        let gate = Gate()
        var settings = HTTP2SessionSettings()
        settings.concurrentStreams = 1
        let http1 = try ScriptedUpstream { connection in
            while try connection.request() != nil {
                gate.wait()
                try connection.send(ScriptedUpstream.ok("ok"))
            }
        }
        let http2 = try HTTP2Upstream(settings: settings) { peer, stream in
            gate.wait()
            peer.respond(200, on: stream, body: Array("ok".utf8))
        }
        defer {
            http1.stop()
            http2.stop()
        }
        let port = wireProtocol == .http1 ? http1.port : http2.port
        var site = Site(rules: [Site.Rule(path: "/", endpoints: [port], wireProtocol: wireProtocol)])
        site.rules[0].traffic.pool.maximumConnections = 1
        site.rules[0].traffic.pool.maximumMultiplexedConnections = 1
        site.rules[0].traffic.pool.pendingTimeoutMilliseconds = 200
        let log = try await withGateway(site) { gateway in
            // The limit of streams is known after the first answer.
            if wireProtocol == .h2c { gate.open() }
            let first = try gateway.connect()
            try first.get("/first")
            if wireProtocol == .h2c {
                #expect(try first.response().text == "ok")
                gate.shut()
                try first.get("/first")
            }
            #expect(eventually { gateway.gateway.endpoints.first?.requestsActive == 1 })
            let late = try gateway.connect()
            try late.get("/late")
            let response = try late.response()
            #expect(response.status == 503)
            #expect(response["retry-after"] == "1")
            #expect(response.text.contains("Pending Request Timeout"))
            #expect(gateway.gateway.endpoints.first?.pendingTimedOut == 1)
            gate.open()
            #expect(try first.response().text == "ok")
        }
        #expect(log.count { $0.outcome == "pendingTimeout" } == 1)
    }

    @Test func `another HTTP/2 connection is open before one is full`() async throws {
        let gate = Gate()
        var settings = HTTP2SessionSettings()
        settings.concurrentStreams = 10
        let upstream = try HTTP2Upstream(settings: settings) { peer, stream in
            if stream.request.targetString == "/held" { gate.wait() }
            peer.respond(200, on: stream, body: Array("ok".utf8))
        }
        defer { upstream.stop() }
        let site = Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port], wireProtocol: .h2c)])
        try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try client.get("/")
            #expect(try client.response().text == "ok")
            // The endpoint's thread is held by the first, so all of them are open at once.
            let clients = try (0..<8).map { _ in try gateway.connect() }
            for client in clients { try client.get("/held") }
            #expect(eventually { upstream.connectionCount == 2 })
            #expect(gateway.gateway.endpoints.first?.requestsActive == 8)
            gate.open()
            for client in clients { #expect(try client.response().text == "ok") }
        }
        #expect(upstream.connectionCount == 2)
    }
}
