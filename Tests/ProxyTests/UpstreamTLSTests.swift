import GatewayTestSupport
import Proxy
import Reactor
import Routing
import Testing
import Wire

/// TLS towards endpoints: whom the gateway believes, and what it says when it does not.
@Suite(.serialized, .timeLimit(.minutes(2))) struct UpstreamTLSTests {
    private let authority: CertificateAuthority
    private var tls = BackendTLS(hostname: "service.example")

    init() throws {
        authority = try CertificateAuthority()
        tls.authorities = authority.certificatePEM
    }

    private func site(_ port: UInt16, _ tls: BackendTLS, _ wireProtocol: Backend.WireProtocol = .http1) -> Site {
        Site(rules: [Site.Rule(path: "/", endpoints: [port], wireProtocol: wireProtocol, tls: tls)])
    }

    @Test(arguments: [true, false])
    func `an endpoint of the right name and authority is served from`(isTLS12: Bool) async throws {
        let server = try BlockingTLSServer(authority.issue(names: ["service.example"]), isTLS12: isTLS12)
        let upstream = try ScriptedUpstream.answering(tls: server) { request in
            ScriptedUpstream.ok("\(request.requestLine) \(request.body.count)")
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream.port, tls)) { gateway in
            let client = try gateway.connect()
            for _ in 0..<5 {
                try client.post("/", Pattern.bytes(100_000))
                #expect(try client.response().text == "POST / 100000")
            }
        }
        #expect(server.fullHandshakes == 1)
        #expect(server.serverNames == ["service.example"])
    }

    @Test func `HTTP/2 is spoken where the backend wants it`() async throws {
        let server = try BlockingTLSServer(authority.issue(names: ["service.example"]), protocols: ["h2"])
        let upstream = try HTTP2Upstream(tls: server) { peer, stream in
            guard stream.hasEnded else { return }
            let scheme = stream.request.withScheme {
                String(decoding: $0.withUnsafeBufferPointer { Array($0) }, as: UTF8.self)
            }
            peer.respond(200, on: stream, body: Array("\(scheme) \(stream.body.count)".utf8))
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream.port, tls, .h2c)) { gateway in
            let client = try gateway.connect()
            for _ in 0..<5 {
                try client.post("/", Pattern.bytes(100_000))
                #expect(try client.response().text == "https 100000")
            }
        }
        #expect(upstream.connectionCount == 1)
    }

    @Test(arguments: [true, false])
    func `later connections resume the session`(isTLS12: Bool) async throws {
        let server = try BlockingTLSServer(authority.issue(names: ["service.example"]), isTLS12: isTLS12)
        let upstream = try ScriptedUpstream(tls: server) { connection in
            while let request = try connection.request() {
                try connection.send(
                    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: \(request.requestLine.utf8.count)\r\n\r\n"
                        + request.requestLine)
                return
            }
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream.port, tls)) { gateway in
            let client = try gateway.connect()
            for _ in 0..<5 {
                try client.get("/")
                #expect(try client.response().text == "GET /")
            }
        }
        #expect(server.fullHandshakes == 1)
        #expect(server.resumedHandshakes == 4)
    }

    @Test func `one of the alternative names is enough`() async throws {
        let server = try BlockingTLSServer(authority.issue(names: ["other.example"]))
        let upstream = try ScriptedUpstream.answering(tls: server) { _ in ScriptedUpstream.ok("ok") }
        defer { upstream.stop() }
        var tls = tls
        tls.subjectAltNames = ["third.example", "other.example"]
        try await withGateway(site(upstream.port, tls)) { gateway in
            let response = try gateway.get("/")
            #expect(response.text == "ok")
        }
        #expect(server.serverNames == ["service.example"])
    }

    enum Flaw: CaseIterable {
        case otherAuthority, otherName, nameIsNotOfTheList, expired, notYetValid, systemAuthorities, noHTTP2, noTLS
    }

    @Test(arguments: Flaw.allCases)
    func `an endpoint that is not who it should be gets no request`(flaw: Flaw) async throws {
        var tls = tls
        var names = ["service.example"]
        var lifetime = -3600...86_400
        switch flaw {
        case .otherAuthority: tls.authorities = try CertificateAuthority(name: "Another").certificatePEM
        case .otherName: names = ["else.example"]
        case .nameIsNotOfTheList: tls.subjectAltNames = ["else.example"]
        case .expired: lifetime = -7200...(-3600)
        case .notYetValid: lifetime = 3600...7200
        case .systemAuthorities: tls.authorities = nil
        case .noHTTP2, .noTLS: break
        }
        let server = try BlockingTLSServer(authority.issue(names: names, lifetime: lifetime))
        let upstream = try ScriptedUpstream(tls: flaw == .noTLS ? nil : server) { connection in
            guard flaw == .noTLS else { return _ = try connection.request() }
            try connection.send("HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream.port, tls, flaw == .noHTTP2 ? .h2c : .http1)) { gateway in
            let client = try gateway.connect()
            try client.post("/", Array("secret".utf8))
            let response = try client.response()
            #expect(response.status == 503)
            #expect(response["retry-after"] != nil)
            #expect(response.text.contains("Upstream TLS Failed"))
            let endpoint = try #require(gateway.gateway.endpoints.first)
            #expect(endpoint.failuresTLS == 1)
            let reason = try #require(endpoint.lastTLSFailure)
            switch flaw {
            case .otherAuthority, .systemAuthorities: #expect(reason.contains("issuer") || reason.contains("self"))
            case .otherName, .nameIsNotOfTheList: #expect(reason.lowercased().contains("name mismatch"))
            case .expired: #expect(reason.contains("expired"))
            case .notYetValid: #expect(reason.contains("not yet valid"))
            case .noHTTP2: #expect(reason.contains("HTTP/2"))
            case .noTLS: #expect(!reason.isEmpty)
            }
        }
        #expect(log.map(\.outcome) == ["upstreamTLSFailed"])
        #expect(upstream.requests.isEmpty)
    }

    @Test(arguments: [true, false])
    func `an endpoint that asks who we are is told`(isTLS12: Bool) async throws {
        let clients = try CertificateAuthority(name: "Clients")
        let server = try BlockingTLSServer(
            authority.issue(names: ["service.example"]), clientAuthorityPEM: clients.certificatePEM, isTLS12: isTLS12)
        let upstream = try ScriptedUpstream.answering(tls: server) { _ in ScriptedUpstream.ok("ok") }
        defer { upstream.stop() }
        var known = tls
        let identity = try clients.issue(names: ["gateway.example"])
        known.clientCertificate = identity.certificatePEM
        known.clientKey = identity.privateKeyPEM
        try await withGateway(site(upstream.port, known)) { gateway in
            let response = try gateway.get("/")
            #expect(response.text == "ok")
        }
        let log = try await withGateway(site(upstream.port, tls)) { gateway in
            let response = try gateway.get("/")
            #expect(response.status == 503)
        }
        #expect(log.map(\.outcome) == ["upstreamTLSFailed"], "and without a certificate there is no answer")
        #expect(upstream.requests.count == 1)
    }

    @Test func `an endpoint that never finishes the handshake is given up in time`() async throws {
        let upstream = try ScriptedUpstream { connection in connection.waitForEnd() }
        defer { upstream.stop() }
        var site = site(upstream.port, tls)
        site.rules[0].traffic.timeouts.connectMilliseconds = 200
        let log = try await withGateway(site) { gateway in
            let response = try gateway.get("/")
            #expect(response.status == 503)
            #expect(eventually { upstream.closedByGateway == 1 })
        }
        #expect(log.map(\.outcome) == ["connectTimeout"])
    }

    @Test func `a configuration with unusable certificates is refused, and says which`() throws {
        var tls = tls
        tls.authorities = Array("no PEM".utf8)
        let site = site(1, tls)
        #expect(throws: UpstreamTLSError.self) { try site.snapshot() }
        do {
            _ = try site.snapshot()
        } catch let error as UpstreamTLSError {
            #expect(error.backend == "default/backend0:80")
            #expect("\(error)".contains("no authority"))
        }
    }
}
