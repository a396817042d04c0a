import GatewayTestSupport
import Proxy
import Routing
import Testing
import Wire

/// What HTTP/2 endpoints and endpoints behind TLS do wrong, and what the client sees of it.
@Suite(.serialized, .timeLimit(.minutes(2))) struct HTTP2UpstreamFaultTests {
    private func site(_ port: UInt16) -> Site {
        Site(rules: [Site.Rule(path: "/", endpoints: [port], wireProtocol: .h2c)])
    }

    /// An endpoint that runs `script` when a stream's head is in, and closes when the script says so.
    private func endpoint(
        tls: BlockingTLSServer? = nil,
        _ script: @escaping @Sendable (HTTP2Peer, RecordingStream, ScriptedUpstream.Connection) throws -> Bool
    ) throws -> ScriptedUpstream {
        try ScriptedUpstream(tls: tls) { connection in
            let peer = try HTTP2Peer(role: .server)
            defer { peer.session.terminate() }
            var done = 0
            while true {
                try connection.send(peer.output())
                let bytes = try connection.stream.receive()
                if bytes.isEmpty { return }
                try peer.receive(bytes)
                while done < peer.accepted.count {
                    done += 1
                    if try !script(peer, peer.accepted[done - 1], connection) { return }
                }
            }
        }
    }

    private static func begin(_ peer: HTTP2Peer, _ stream: RecordingStream, _ connection: ScriptedUpstream.Connection)
        throws
    {
        var head = ResponseHead()
        head.status = 200
        peer.session.submitResponse(head, on: stream, endStream: false)
        stream.write(Array("half".utf8).span)
        try connection.send(peer.output())
    }

    enum Fault: CaseIterable { case reset, close, garbage, goAway, refused }

    @Test(arguments: Fault.allCases)
    func `a response that breaks off is seen to break off`(fault: Fault) async throws {
        let upstream = try endpoint { peer, stream, connection in
            try Self.begin(peer, stream, connection)
            switch fault {
            case .reset: stream.reset(errorCode: 2)
            case .refused: stream.reset(errorCode: 7)
            case .close: return false
            case .garbage: try connection.send(Array(repeating: 0xFF, count: 100))
            case .goAway:
                // GOAWAY with the last stream 0 and PROTOCOL_ERROR (RFC 9113 §6.8).
                try connection.send([0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
                return false
            }
            return true
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream.port)) { gateway in
            let client = try gateway.connect()
            try client.get("/")
            // It may have broken before its first byte was sent on.
            if let response = try? client.response() { #expect(response.isCut) }
            let multiplexed = try gateway.connectHTTP2()
            let stream = try #require(multiplexed.peer.request("GET", "/"))
            try multiplexed.pump { stream.closeCode != nil }
            #expect(stream.closeCode != 0)
        }
        #expect(log.map(\.outcome) == ["responseTruncated", "responseTruncated"])
    }

    @Test(arguments: Fault.allCases)
    func `an endpoint that breaks before it answers is a 5xx with a name`(fault: Fault) async throws {
        let upstream = try endpoint { _, stream, connection in
            switch fault {
            case .reset: stream.reset(errorCode: 2)
            case .refused: stream.reset(errorCode: 7)
            case .close: return false
            case .garbage: try connection.send(Array(repeating: 0xFF, count: 100))
            case .goAway:
                try connection.send([0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
                return false
            }
            return true
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream.port)) { gateway in
            let client = try gateway.connect()
            try client.post("/", Array("body".utf8))
            let response = try client.response()
            #expect(response.status == (fault == .garbage ? 502 : 503))
        }
        #expect(log.map(\.outcome) == [fault == .garbage ? "upstreamMalformed" : "upstreamClosed"])
        // Only what the endpoint says it did not process is sent again.
        let isSafe = fault == .refused || fault == .goAway
        #expect(log.map(\.attempts) == [isSafe ? 3 : 1])
    }

    @Test func `a stream after GOAWAY goes to another connection`() async throws {
        let upstream = try endpoint { peer, stream, connection in
            guard connection.number > 0 else {
                // It shuts down: stream 1 was not processed (RFC 9113 §6.8).
                try connection.send([0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
                return true
            }
            peer.respond(200, on: stream, body: Array("second".utf8))
            return true
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream.port)) { gateway in
            let client = try gateway.connect()
            try client.post("/", Array("body".utf8))
            #expect(try client.response().text == "second")
        }
        #expect(log.map(\.attempts) == [2])
    }

    @Test func `a connection that says nothing any more is left`() async throws {
        let upstream = try ScriptedUpstream { connection in
            let peer = try HTTP2Peer(role: .server)
            defer { peer.session.terminate() }
            peer.configure = { [unowned peer] stream in
                stream.received = { peer.respond(200, on: $0, body: Array("\(connection.number)".utf8)) }
            }
            // The first connection answers once and is dead from then on.
            while connection.number > 0 || peer.accepted.isEmpty {
                try connection.send(peer.output())
                let bytes = try connection.stream.receive()
                if bytes.isEmpty { return }
                try peer.receive(bytes)
            }
            try connection.send(peer.output())
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        var site = site(upstream.port)
        site.rules[0].traffic.timeouts.responseHeadMilliseconds = 3_000
        try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try client.get("/")
            #expect(try client.response().text == "0")
            // SETTINGS and their like may still come with the first that is lost, not with the next.
            var statuses: [Int] = []
            for _ in 0..<3 where statuses.last != 200 {
                try client.get("/")
                statuses.append(try client.response().status)
            }
            #expect(statuses.last == 200 && statuses.first == 504)
            try client.get("/")
            #expect(try client.response().text == "1")
        }
    }

    // MARK: - TLS

    private func tlsSite(_ port: UInt16, _ authority: CertificateAuthority) -> Site {
        var tls = BackendTLS(hostname: "service.example")
        tls.authorities = authority.certificatePEM
        return Site(rules: [Site.Rule(path: "/", endpoints: [port], tls: tls)])
    }

    @Test func `an endpoint that closes after the handshake may have taken the request`() async throws {
        let authority = try CertificateAuthority()
        let server = try BlockingTLSServer(authority.issue(names: ["service.example"]))
        let upstream = try ScriptedUpstream(tls: server) { connection in _ = try connection.request() }
        defer { upstream.stop() }
        var site = tlsSite(upstream.port, authority)
        site.rules[0].endpoints = [upstream.port, upstream.port]
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try client.post("/", Array("body".utf8))
            #expect(try client.response().status == 503)
        }
        #expect(log.map(\.outcome) == ["upstreamClosed"])
        #expect(upstream.requests.count == 1, "a POST is not sent twice")
    }

    @Test(arguments: [true, false])
    func `a response that ends with the connection ends with close_notify`(saysGoodbye: Bool) async throws {
        let authority = try CertificateAuthority()
        let server = try BlockingTLSServer(authority.issue(names: ["service.example"]))
        let upstream = try ScriptedUpstream(tls: server) { connection in
            _ = try connection.request()
            try connection.send("HTTP/1.1 200 OK\r\n\r\nall of it?")
            if saysGoodbye { (connection.stream as? BlockingTLS)?.sendGoodbye() }
        }
        defer { upstream.stop() }
        let log = try await withGateway(tlsSite(upstream.port, authority)) { gateway in
            let client = try gateway.connect()
            try client.get("/")
            if let response = try? client.response() { #expect(response.isCut == !saysGoodbye) }
        }
        #expect(log.map(\.outcome) == [saysGoodbye ? "forwarded" : "responseTruncated"])
    }
}
