import GatewayTestSupport
import Proxy
import Reactor
import Routing
import Testing
import Wire

/// Endpoints that reset, stall, half-close, or go away while the gateway waits; nothing may be left open afterwards.
@Suite(.serialized, .timeLimit(.minutes(2))) struct UpstreamResetTests {
    private func site(_ ports: [UInt16], _ wireProtocol: Backend.WireProtocol = .http1) -> Site {
        Site(rules: [Site.Rule(path: "/", endpoints: ports, wireProtocol: wireProtocol)])
    }

    @Test func `a reset before the answer is a 503`() async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            connection.socket.reset()
        }
        defer { upstream.stop() }
        let log = try await withGateway(site([upstream.port])) { gateway in
            let client = try gateway.connect()
            for _ in 0..<3 {
                try client.get("/")
                #expect(try client.response().status == 503)
            }
        }
        #expect(log.allSatisfy { $0.outcome == "upstreamClosed" && $0.attempts == 1 })
    }

    @Test func `a reset within the answer is seen as a cut`() async throws {
        let reading = Gate()
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            try connection.send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
            reading.wait()
            connection.socket.reset()
        }
        defer { upstream.stop() }
        let log = try await withGateway(site([upstream.port])) { gateway in
            let client = try gateway.connect()
            try client.get("/")
            #expect(try String(decoding: client.stream.receive(), as: UTF8.self).hasSuffix("half"))
            reading.open()
            // Cut, by an end or by a reset.
            #expect((try? client.stream.receive())?.isEmpty ?? true)
        }
        #expect(log.map(\.outcome) == ["responseTruncated"])
    }

    /// It sends no more, but reads on: what it said before is a whole answer.
    @Test func `an endpoint that half-closes after its answer has answered`() async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            try connection.send(ScriptedUpstream.ok("whole"))
            connection.socket.shutdownSending()
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        let log = try await withGateway(site([upstream.port])) { gateway in
            let client = try gateway.connect()
            for _ in 0..<5 {
                try client.post("/", Array("body".utf8))
                // The connection may be found closed when the next request comes, or be closed just then.
                let response = try client.response()
                #expect(response.text == "whole" || response.status == 503)
            }
            #expect(eventually { upstream.closedByGateway >= 1 })
        }
        #expect(log.first?.outcome == "forwarded")
    }

    @Test func `an endpoint that half-closes instead of answering is a 503`() async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            connection.socket.shutdownSending()
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        let log = try await withGateway(site([upstream.port])) { gateway in
            let response = try gateway.get("/")
            #expect(response.status == 503)
        }
        #expect(log.map(\.outcome) == ["upstreamClosed"])
    }

    @Test func `an endpoint that does not read a body is given up in time`() async throws {
        let upstream = try ScriptedUpstream(receiveBuffer: 4_096) { connection in
            _ = try connection.reader.requestHead()
            // Reads nothing until the gateway gives up.
            _ = eventually(within: 30) { SocketTable.connections(touching: connection.socket.localPort) < 2 }
        }
        defer { upstream.stop() }
        var site = site([upstream.port])
        site.rules[0].traffic.timeouts.responseHeadMilliseconds = 500
        site.rules[0].backendRequestTimeout = 1_000
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try client.send("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9000000\r\n\r\n")
            // The gateway stops reading, and answers.
            let stream = client.stream
            let sender = try WorkerThread(name: "sender") { try? stream.send(Pattern.bytes(9_000_000)) }
            let response = try client.response()
            #expect(response.status == 504)
            client.socket.interrupt()
            sender.join()
        }
        #expect(log.map(\.outcome) == ["attemptTimeout"])
    }

    @Test func `a stream that an endpoint resets is not sent there again`() async throws {
        let upstream = try HTTP2Upstream { peer, stream in
            if stream.request.targetString == "/reset" { return stream.reset(errorCode: 2) }
            peer.respond(200, on: stream, body: Array("ok".utf8))
        }
        defer { upstream.stop() }
        let log = try await withGateway(site([upstream.port], .h2c)) { gateway in
            let client = try gateway.connect()
            for path in ["/", "/reset", "/"] {
                try client.get(path)
                let response = try client.response()
                #expect(response.status == (path == "/reset" ? 503 : 200))
            }
        }
        #expect(log.map(\.attempts) == [1, 1, 1])
        #expect(upstream.connectionCount == 1)
    }

    @Test func `requests that wait for an endpoint that is taken away go to another`() async throws {
        let gate = Gate()
        let leaving = try ScriptedUpstream { connection in
            while try connection.request() != nil {
                gate.wait()
                try connection.send(ScriptedUpstream.ok("leaving"))
            }
        }
        let staying = try ScriptedUpstream.answering { _ in ScriptedUpstream.ok("staying") }
        defer {
            leaving.stop()
            staying.stop()
        }
        var site = site([leaving.port])
        site.rules[0].traffic.pool.maximumConnections = 1
        site.rules[0].traffic.pool.pendingTimeoutMilliseconds = 30_000
        try await withGateway(site) { gateway in
            let first = try gateway.connect()
            try first.get("/")
            #expect(eventually { leaving.requests.count == 1 })
            let waiting = try (0..<3).map { _ in try gateway.connect() }
            for client in waiting { try client.get("/") }
            #expect(eventually { gateway.gateway.endpoints.first?.requestsPending == 3 })
            site.rules[0].endpoints = [staying.port]
            try gateway.gateway.replace(site.snapshot())
            for client in waiting {
                let response = try client.response()
                #expect(response.text == "staying")
            }
            gate.open()
            let held = try first.response()
            #expect(held.text == "leaving")
            // `withGateway` looks for what is left of the new endpoints only.
            #expect(eventually { SocketTable.connections(touching: leaving.port) == 0 })
        }
    }
}
