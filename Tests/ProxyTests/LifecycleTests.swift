import GatewayTestSupport
import Proxy
import Reactor
import Routing
import Testing
import Wire

/// New configurations, draining, and the end.
@Suite(.serialized, .timeLimit(.minutes(2))) struct LifecycleTests {
    @Test func `a new configuration keeps connections and requests`() async throws {
        let gate = Gate()
        let old = try ScriptedUpstream { connection in
            while let request = try connection.request() {
                if request.requestLine == "GET /slow" { gate.wait() }
                try connection.send(ScriptedUpstream.ok("old"))
            }
        }
        let new = try ScriptedUpstream.answering { _ in ScriptedUpstream.ok("new") }
        defer {
            old.stop()
            new.stop()
        }
        let site = Site(rules: [Site.Rule(path: "/", endpoints: [old.port])])
        let next = Site(rules: [Site.Rule(path: "/", endpoints: [new.port])])
        let log = try await withGateway(site) { gateway in
            let waiting = try gateway.connect()
            try waiting.get("/slow")
            #expect(eventually { old.requests.count == 1 })
            let client = try gateway.connect()
            try client.get("/")
            #expect(try client.response().text == "old")
            try gateway.gateway.replace(next.snapshot())
            #expect(client.eventuallyGets("/") { $0.text == "new" })
            // The request under way ends with the endpoint it began with, on the connection it came on.
            gate.open()
            #expect(try waiting.response().text == "old")
            try waiting.get("/")
            #expect(try waiting.response().text == "new")
            #expect(gateway.gateway.statistics.connectionsAccepted == 2)
            // Nothing of the old endpoint stays open.
            #expect(eventually { SocketTable.connections(touching: old.port) == 0 })
        }
        #expect(log.allSatisfy { $0.outcome == "forwarded" })
    }

    @Test func `an endpoint that stays keeps its connections`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let site = Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])
        try await withGateway(site) { gateway in
            let client = try gateway.connect()
            for _ in 0..<20 {
                try gateway.gateway.replace(site.snapshot())
                try client.get("/")
                #expect(try client.response().status == 200)
            }
        }
        #expect(upstream.connectionCount == 1)
    }

    @Test func `new certificates serve new connections`() async throws {
        let site = Site(rules: [])
        try await withGateway(site) { gateway in
            let client = try gateway.connectTLS()
            try gateway.gateway.replace(site.snapshot())
            try client.get("/none")
            #expect(try client.response().status == 404)
            let later = try gateway.connectTLS()
            try later.get("/none")
            #expect(try later.response().status == 404)
        }
    }

    @Test func `draining finishes what is under way and closes what is idle`() async throws {
        let gate = Gate()
        let upstream = try ScriptedUpstream { connection in
            while let request = try connection.request() {
                if request.requestLine == "GET /slow" { gate.wait() }
                try connection.send(ScriptedUpstream.ok(request.requestLine))
            }
        }
        defer { upstream.stop() }
        try await withGateway(Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])) { gateway in
            let idle = try gateway.connect()
            try idle.get("/")
            #expect(try idle.response().status == 200)
            let slow = try gateway.connect()
            try slow.get("/slow")
            #expect(eventually { upstream.requests.count == 2 })
            async let drained: Void = gateway.gateway.drain(deadlineSeconds: 60)
            #expect(await gateway.isDraining())
            #expect(try idle.reader.isAtEnd())
            idle.socket.close()
            gate.open()
            let response = try slow.response()
            #expect(response.text == "GET /slow")
            #expect(response["connection"] == "close")
            #expect(try slow.reader.isAtEnd())
            slow.socket.close()
            await drained
        }
    }

    @Test func `a drain that takes too long cuts what is left, and frees it`() async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        let log = try await withGateway(Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])) { gateway in
            let client = try gateway.connect()
            try client.get("/")
            let overTLS = try gateway.connectHTTP2()
            let stream = try #require(overTLS.peer.request("GET", "/"))
            try overTLS.flush()
            #expect(eventually { upstream.requests.count == 2 })
            await gateway.gateway.drain(deadlineSeconds: 0)
            #expect(try client.reader.isAtEnd())
            #expect(throws: StreamFailure.self) { try overTLS.pump { stream.closeCode != nil } }
            #expect(eventually { upstream.closedByGateway >= 2 })
        }
        #expect(log.count == 2, "also what was cut has its line")
    }

    @Test func `names the listener's address that is taken`() async throws {
        let site = Site(rules: [])
        try await withGateway(site) { gateway in
            let taken = try BlockingListener()
            let snapshot = try site.snapshot()
            let listener = Listener(index: 0, name: "http", address: "127.0.0.1", port: taken.port, tls: nil)
            let log = try AccessLog(path: "/dev/null")
            defer { log.close() }
            #expect(throws: ReactorError.cannotListen(address: "127.0.0.1", port: taken.port, errno: 98)) {
                _ = try Gateway(
                    snapshot: try Snapshot(
                        routes: snapshot.routes, listeners: [listener], limits: Limits(), verifier: ScriptedVerifier()),
                    workers: 1, accessLog: log)
            }
        }
    }

    /// In a process of its own, where every descriptor can be counted.
    @Test func `a gateway that ended leaves no descriptor behind`() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            // What Foundation and the runtime open once is open after the first round.
            var before = 0
            for round in 0..<4 {
                let upstream = try ScriptedUpstream.plain()
                let dead = try HTTP2Upstream { _, stream in stream.reset(errorCode: 2) }
                let site = Site(rules: [
                    Site.Rule(path: "/", endpoints: [upstream.port]),
                    Site.Rule(path: "/h2c", endpoints: [dead.port], wireProtocol: .h2c),
                ])
                try await withGateway(site, workers: 2) { gateway in
                    for _ in 0..<10 {
                        _ = try gateway.get("/")
                        _ = try gateway.get("/h2c")
                        _ = try gateway.connectHTTP2().get("/h2")
                        let vanishing = try gateway.connectTLS()
                        try vanishing.get("/")
                        vanishing.socket.reset()
                    }
                }
                upstream.stop()
                dead.stop()
                if round == 0 { before = SocketTable.descriptorCount }
            }
            precondition(SocketTable.descriptorCount <= before, "\(SocketTable.descriptorCount) after \(before)")
        }
        if let result, result.exitStatus != .exitCode(0) {
            Issue.record("\(String(decoding: result.standardErrorContent, as: UTF8.self))")
        }
    }
}
