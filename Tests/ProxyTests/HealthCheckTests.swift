import GatewayTestSupport
import Proxy
import Routing
import Testing
import Wire

/// Endpoints that are asked whether they are well.
@Suite(.serialized, .timeLimit(.minutes(2))) struct HealthCheckTests {
    private func check() -> HealthCheckSettings {
        var check = HealthCheckSettings(path: "/healthz?deep=1")
        check.intervalMilliseconds = 50
        check.timeoutMilliseconds = 5_000
        check.healthyThreshold = 2
        check.unhealthyThreshold = 2
        return check
    }

    private func site(_ ports: [UInt16], _ wireProtocol: Backend.WireProtocol = .http1) -> Site {
        var site = Site(rules: [Site.Rule(path: "/", endpoints: ports, wireProtocol: wireProtocol)])
        site.rules[0].traffic.healthCheck = check()
        site.rules[0].traffic.loadBalancing.algorithm = .roundRobin
        return site
    }

    /// Answers health checks as the gate says, and other requests with its name.
    private func patient(_ name: String, _ isUnwell: Gate, tls: BlockingTLSServer? = nil) throws -> ScriptedUpstream {
        try ScriptedUpstream.answering(tls: tls) { request in
            guard request.requestLine.hasPrefix("GET /healthz") else { return ScriptedUpstream.ok(name) }
            return isUnwell.isShut ? ScriptedUpstream.ok("well") : "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"
        }
    }

    private func isHealthy(_ gateway: GatewayUnderTest, _ port: UInt16) -> Bool? {
        gateway.gateway.endpoints.first { $0.endpoint == "127.0.0.1:\(port)" }?.isHealthy
    }

    /// What the next requests get, on connections of their own, so that every worker has a part.
    private func names(_ gateway: GatewayUnderTest, _ count: Int) throws -> Set<String> {
        Set(try (0..<count).map { _ in try gateway.get("/").text })
    }

    @Test(arguments: [false, true])
    func `an unwell endpoint is not used by any worker, until it is well again`(overTLS: Bool) async throws {
        let authority = try CertificateAuthority()
        let server = try BlockingTLSServer(authority.issue(names: ["service.example"]))
        let isUnwell = Gate()
        let first = try patient("first", isUnwell, tls: overTLS ? server : nil)
        let second = try patient("second", Gate(), tls: overTLS ? server : nil)
        defer {
            first.stop()
            second.stop()
        }
        var site = site([first.port, second.port])
        if overTLS {
            var tls = BackendTLS(hostname: "service.example")
            tls.authorities = authority.certificatePEM
            site.rules[0].tls = tls
        }
        try await withGateway(site, workers: 2) { gateway in
            #expect(eventually { (try? names(gateway, 20)) == ["first", "second"] })
            isUnwell.open()
            #expect(eventually { isHealthy(gateway, first.port) == false })
            // The other worker hears of it a moment later.
            #expect(eventually { (try? names(gateway, 20)) == ["second"] })
            #expect(isHealthy(gateway, second.port) == true)
            isUnwell.shut()
            #expect(eventually { isHealthy(gateway, first.port) == true })
            #expect(eventually { (try? names(gateway, 20)) == ["first", "second"] })
        }
        let asked = first.requests.filter { $0.requestLine.hasPrefix("GET /healthz") }
        #expect(asked.allSatisfy { $0.requestLine == "GET /healthz?deep=1" && $0["host"] == "127.0.0.1:\(first.port)" })
    }

    @Test(arguments: [false, true])
    func `HTTP/2 endpoints are asked by HTTP/2`(overTLS: Bool) async throws {
        let authority = try CertificateAuthority()
        let server = try BlockingTLSServer(authority.issue(names: ["service.example"]), protocols: ["h2"])
        let isUnwell = Gate()
        let upstream = try HTTP2Upstream(tls: overTLS ? server : nil) { peer, stream in
            let isCheck = stream.request.targetString.hasPrefix("/healthz")
            peer.respond(isCheck && !isUnwell.isShut ? 503 : 200, on: stream, body: Array("first".utf8))
        }
        let other = try HTTP2Upstream(tls: overTLS ? server : nil) { peer, stream in
            peer.respond(200, on: stream, body: Array("second".utf8))
        }
        defer {
            upstream.stop()
            other.stop()
        }
        var site = site([upstream.port, other.port], .h2c)
        if overTLS {
            var tls = BackendTLS(hostname: "service.example")
            tls.authorities = authority.certificatePEM
            site.rules[0].tls = tls
        }
        try await withGateway(site) { gateway in
            #expect(eventually { (try? names(gateway, 4)) == ["first", "second"] })
            isUnwell.open()
            #expect(eventually { isHealthy(gateway, upstream.port) == false })
            #expect(eventually { (try? names(gateway, 10)) == ["second"] })
            isUnwell.shut()
            #expect(eventually { (try? names(gateway, 4)) == ["first", "second"] })
        }
    }

    enum Silence: CaseIterable { case noListener, noAnswer, garbage, closes }

    @Test(arguments: Silence.allCases)
    func `no good answer is a bad answer`(silence: Silence) async throws {
        let good = try ScriptedUpstream.plain()
        let bad = try ScriptedUpstream { connection in
            _ = try connection.request()
            switch silence {
            case .noListener, .closes: return
            case .noAnswer: connection.waitForEnd()
            case .garbage: try connection.send("garbage\r\n\r\n")
            }
        }
        defer {
            good.stop()
            bad.stop()
        }
        let nobody = try PortReservation()
        let port = silence == .noListener ? nobody.port : bad.port
        var site = site([port, good.port])
        if silence == .noAnswer { site.rules[0].traffic.healthCheck?.timeoutMilliseconds = 1_000 }
        try await withGateway(site) { gateway in
            #expect(eventually { isHealthy(gateway, port) == false })
            let client = try gateway.connect()
            for _ in 0..<10 {
                try client.get("/")
                #expect(try client.response().status == 200)
            }
            #expect(isHealthy(gateway, good.port) == true)
        }
    }

    @Test(arguments: [true, false])
    func `when all are unwell all are used, unless that is not wanted`(panics: Bool) async throws {
        let isUnwell = Gate()
        isUnwell.open()
        let upstream = try patient("only", isUnwell)
        defer { upstream.stop() }
        var site = site([upstream.port])
        if !panics { site.rules[0].traffic.outliers.panicThresholdPercent = 0 }
        let log = try await withGateway(site) { gateway in
            #expect(eventually { isHealthy(gateway, upstream.port) == false })
            let response = try gateway.get("/")
            #expect(response.status == (panics ? 200 : 503))
        }
        #expect(log.map(\.outcome) == [panics ? "forwarded" : "noHealthyEndpoint"])
    }

    @Test func `a reload begins and ends the checks`() async throws {
        let isUnwell = Gate()
        isUnwell.open()
        let first = try patient("first", isUnwell)
        let second = try patient("second", Gate())
        defer {
            first.stop()
            second.stop()
        }
        var site = site([first.port, second.port])
        site.rules[0].traffic.healthCheck = nil
        try await withGateway(site, workers: 2) { gateway in
            #expect(eventually { (try? names(gateway, 4)) == ["first", "second"] })
            site.rules[0].traffic.healthCheck = check()
            try gateway.gateway.replace(site.snapshot())
            #expect(eventually { (try? names(gateway, 20)) == ["second"] })
            site.rules[0].traffic.healthCheck = nil
            try gateway.gateway.replace(site.snapshot())
            #expect(eventually { (try? names(gateway, 20)) == ["first", "second"] })
            #expect(isHealthy(gateway, first.port) == true)
        }
    }
}
