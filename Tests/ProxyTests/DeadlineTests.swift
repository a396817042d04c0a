import GatewayTestSupport
import Proxy
import Routing
import Testing
import Wire

/// Each deadline towards an endpoint has its own name in the log, and its own title.
@Suite(.serialized, .timeLimit(.minutes(2))) struct DeadlineTests {
    @Test(arguments: [Backend.WireProtocol.http1, .h2c])
    func `a response that stops is cut, and the endpoint is told`(wireProtocol: Backend.WireProtocol) async throws {
        let resets = Progress()
        let plain = try ScriptedUpstream { connection in
            _ = try connection.request()
            try connection.send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
            connection.waitForEnd()
            _ = resets.increment()
        }
        let multiplexed = try ScriptedUpstream { connection in
            let peer = try HTTP2Peer(role: .server)
            defer { peer.session.terminate() }
            peer.configure = { [unowned peer] stream in
                stream.received = { stream in
                    var head = ResponseHead()
                    head.status = 200
                    peer.session.submitResponse(head, on: stream, endStream: false)
                    stream.write(Array("half".utf8).span)
                }
            }
            while peer.accepted.allSatisfy({ $0.closeCode == nil }) {
                try connection.send(peer.output())
                let bytes = try connection.socket.receive()
                if bytes.isEmpty { return }
                try peer.receive(bytes)
            }
            if peer.accepted.first?.closeCode == 8 { _ = resets.increment() }  // CANCEL (RFC 9113 §7)
        }
        defer {
            plain.stop()
            multiplexed.stop()
        }
        let port = wireProtocol == .http1 ? plain.port : multiplexed.port
        var site = Site(rules: [Site.Rule(path: "/", endpoints: [port], wireProtocol: wireProtocol)])
        site.rules[0].traffic.timeouts.streamIdleMilliseconds = 300
        let log = try await withGateway(site) { gateway in
            let response = try gateway.get("/")
            #expect(response.isCut)
            #expect(response.text == "half")
            #expect(eventually { resets.value == 1 })
        }
        #expect(log.map(\.outcome) == ["streamIdleTimeout"])
    }

    @Test func `a client that leaves has its request cancelled at the endpoint`() async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        let site = Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try client.get("/")
            #expect(eventually { upstream.requests.count == 1 })
            client.socket.reset()
            #expect(eventually { upstream.closedByGateway == 1 })
            let multiplexed = try gateway.connectHTTP2()
            let stream = try #require(multiplexed.peer.request("GET", "/"))
            try multiplexed.flush()
            #expect(eventually { upstream.requests.count == 2 })
            stream.reset(errorCode: 8)
            try multiplexed.flush()
            #expect(eventually { upstream.closedByGateway == 2 })
            #expect(
                eventually {
                    let endpoint = gateway.gateway.endpoints.first
                    return endpoint?.requestsActive == 0 && endpoint?.connectionsOpen == 0
                })
        }
        #expect(log.map(\.outcome) == ["clientClosed", "clientClosed"])
    }

    /// The title is what a person reads first.
    @Test func `every problem says which deadline it was`() async throws {
        let silent = try ScriptedUpstream { connection in
            _ = try connection.request()
            connection.waitForEnd()
        }
        defer { silent.stop() }
        let expected = [
            "deadlineExceeded": ("Request Deadline Exceeded", "deadline-exceeded"),
            "attemptTimeout": ("Upstream Attempt Timeout", "attempt-timeout"),
            "responseTimeout": ("Upstream Response Timeout", "response-timeout"),
        ]
        for (outcome, (title, type)) in expected {
            var site = Site(rules: [Site.Rule(path: "/", endpoints: [silent.port])])
            if outcome == "deadlineExceeded" { site.rules[0].requestTimeout = 200 }
            if outcome == "attemptTimeout" { site.rules[0].backendRequestTimeout = 200 }
            site.rules[0].traffic.timeouts.responseHeadMilliseconds = outcome == "responseTimeout" ? 200 : 60_000
            site.rules[0].traffic.retries.maximumRetries = 0
            let log = try await withGateway(site) { gateway in
                let response = try gateway.get("/")
                #expect(response.status == 504)
                #expect(response.text.contains(title))
                #expect(response.text.contains("https://gatehouse.dev/problems/\(type)\""))
            }
            #expect(log.map(\.outcome) == [outcome])
        }
    }

    /// Its SETTINGS must be the first that it sends (RFC 9113 §3.4).
    @Test func `an endpoint of HTTP/2 that never says whether it takes tunnels has its deadline`() async throws {
        let silent = try ScriptedUpstream { $0.waitForEnd() }
        defer { silent.stop() }
        var site = Site(rules: [
            Site.Rule(path: "/", endpoints: [silent.port], wireProtocol: .h2c),
            Site.Rule(path: "/patient", endpoints: [silent.port], wireProtocol: .h2c),
        ])
        site.rules[0].traffic.timeouts.responseHeadMilliseconds = 200
        for number in site.rules.indices { site.rules[number].traffic.retries.maximumRetries = 0 }
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try client.get("/", fields: ["connection: upgrade", "upgrade: websocket", "sec-websocket-key: a"])
            #expect(try client.response().status == 504)
            // One that gives up before is forgotten.
            let leaving = try gateway.connect()
            try leaving.get("/patient", fields: ["connection: upgrade", "upgrade: websocket", "sec-websocket-key: a"])
            #expect(eventually { gateway.gateway.statistics.requestsOpen == 1 })
            leaving.socket.reset()
            #expect(eventually { gateway.gateway.statistics.requestsOpen == 0 })
        }
        #expect(log.first?.outcome == "responseTimeout")
        #expect(log.count == 2)
    }
}
