import GatewayTestSupport
import Proxy
import Routing
import Testing

/// Clients that vanish, half-close, or do not read.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ClientFaultTests {
    private func site(_ upstream: ScriptedUpstream) -> Site {
        Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])
    }

    @Test(arguments: [false, true])
    func `a client that vanishes before the answer closes the endpoint's connection`(overTLS: Bool) async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream)) { gateway in
            let client = try overTLS ? gateway.connectTLS() : gateway.connect()
            try client.get("/")
            #expect(eventually { upstream.requests.count == 1 })
            client.socket.reset()
            #expect(eventually { upstream.closedByGateway == 1 })
        }
        #expect(log.map(\.outcome) == ["clientClosed"])
        #expect(log.map(\.status) == [0])
        #expect(log.map(\.client) == ["127.0.0.1"])
    }

    @Test(arguments: [false, true])
    func `a client that vanishes in the middle of the answer does so too`(overTLS: Bool) async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            try connection.send("HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")
            // Fails when the gateway closes.
            while (try? connection.send(Pattern.bytes(100_000))) != nil {}
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream)) { gateway in
            let client = try overTLS ? gateway.connectTLS() : gateway.connect()
            try client.get("/")
            _ = try client.stream.receive()
            client.socket.close()
            #expect(eventually { upstream.closedByGateway == 1 })
        }
        #expect(log.map(\.outcome) == ["clientClosed"])
        #expect(log.map(\.status) == [200])
    }

    @Test(arguments: [false, true])
    func `a client that vanishes in the middle of its request does so too`(resets: Bool) async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.reader.requestHead()
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connect()
            try client.send("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\nhalf")
            #expect(eventually { upstream.connectionCount == 1 })
            if resets { client.socket.reset() } else { client.socket.shutdownSending() }
            #expect(eventually { upstream.closedByGateway == 1 })
        }
        #expect(log.map(\.outcome) == ["clientClosed"])
        #expect(log.map(\.requestBytes) == [4])
    }

    @Test(arguments: [false, true])
    func `a half-closed client gets the answers to all that it asked`(overTLS: Bool) async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let client = try overTLS ? gateway.connectTLS() : gateway.connect()
            let requests = (0..<5).map { "GET /\($0) HTTP/1.1\r\nhost: localhost\r\n\r\n" }
            try client.send(requests.joined())
            if let tls = client.stream as? BlockingTLS { tls.sendGoodbye() }
            client.socket.shutdownSending()
            for number in 0..<5 { #expect(try client.response().text == "GET /\(number)") }
            if !overTLS { #expect(try client.reader.isAtEnd()) }
        }
        #expect(upstream.requests.count == 5)
    }

    @Test func `a client that half-closes in the middle of a head is let go`() async throws {
        try await withGateway(Site(rules: [])) { gateway in
            let client = try gateway.connect()
            try client.send("GET / HTTP/1.1\r\nhos")
            client.socket.shutdownSending()
            #expect(try client.reader.isAtEnd())
            let silent = try gateway.connect()
            silent.socket.shutdownSending()
            #expect(try silent.reader.isAtEnd())
        }
    }

    @Test func `a client that stops reading is let go when the time is over`() async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            try connection.send("HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")
            // Fails when the gateway closes.
            while (try? connection.send(Pattern.bytes(100_000))) != nil {}
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        var site = site(upstream)
        site.limits.clientWriteTimeout = 500
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connect(receiveBuffer: 4096)
            try client.get("/")
            #expect(eventually { upstream.closedByGateway == 1 })
            client.socket.close()
        }
        #expect(log.map(\.status) == [200])
        #expect(log.allSatisfy { ["clientClosed", "clientStalled"].contains($0.outcome) })
    }

    @Test func `hundreds of clients are served at once`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        var site = site(upstream)
        site.rules[0].traffic.pool.maximumConnections = 32
        let log = try await withGateway(site, workers: 2) { gateway in
            let clients = try (0..<500).map { _ in try gateway.connect() }
            for round in 0..<3 {
                for (number, client) in clients.enumerated() { try client.get("/\(round)/\(number)") }
                for (number, client) in clients.enumerated() {
                    #expect(try client.response().text == "GET /\(round)/\(number)")
                }
            }
            #expect(gateway.gateway.statistics.connectionsOpen == 500)
            #expect(upstream.connectionCount <= 64)
            for client in clients { client.socket.close() }
            #expect(eventually { gateway.gateway.statistics.connectionsOpen == 0 })
        }
        #expect(log.count == 1500)
    }

    @Test func `accepts no more than it may hold, and goes on when there is room`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        var site = site(upstream)
        site.limits.connectionsPerWorker = 10
        try await withGateway(site) { gateway in
            let clients = try (0..<20).map { _ in try gateway.connect() }
            for client in clients { try client.get("/") }
            for client in clients[..<10] { #expect(try client.response().status == 200) }
            #expect(gateway.gateway.statistics.connectionsOpen == 10)
            for client in clients[..<10] { client.socket.close() }
            for client in clients[10...] { #expect(try client.response().status == 200) }
        }
    }
}
