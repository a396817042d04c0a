import GatewayTestSupport
import Proxy
import Routing
import Testing

/// Requests that the gateway answers itself, before any endpoint hears of them.
@Suite(.serialized, .timeLimit(.minutes(2))) struct RefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let request: String
        let status: Int
        let outcome: Outcome
        var keepsAlive = false

        var testDescription: String { name }
    }

    private static func get(_ target: String, _ fields: String = "") -> String {
        "GET \(target) HTTP/1.1\r\nhost: localhost\r\n\(fields)\r\n"
    }

    static let cases = [
        Case(name: "no route", request: get("/none"), status: 404, outcome: .noRoute, keepsAlive: true),
        Case(
            name: "a path that only begins like a route", request: get("/apix"), status: 404, outcome: .noRoute,
            keepsAlive: true),
        Case(
            name: "dot segments that leave the route", request: get("/api/%2e%2e/secret"), status: 400,
            outcome: .ambiguousTarget, keepsAlive: true),
        Case(
            name: "an encoded slash", request: get("/api%2Fx"), status: 400, outcome: .ambiguousTarget,
            keepsAlive: true),
        Case(name: "a backslash", request: get("/api\\x"), status: 400, outcome: .ambiguousTarget, keepsAlive: true),
        Case(name: "no HTTP at all", request: "hello\r\n\r\n", status: 400, outcome: .malformedRequest),
        Case(
            name: "TLS on the cleartext port", request: "\u{16}\u{3}\u{1}\r\n\r\n", status: 400,
            outcome: .malformedRequest),
        Case(name: "no host", request: "GET /api HTTP/1.1\r\n\r\n", status: 400, outcome: .malformedRequest),
        Case(
            name: "two hosts", request: get("/api", "host: other\r\n"), status: 400, outcome: .malformedRequest),
        Case(
            name: "length and chunks", status400: get("/api", "content-length: 1\r\ntransfer-encoding: chunked\r\n")),
        Case(name: "two lengths", status400: get("/api", "content-length: 1\r\ncontent-length: 2\r\n")),
        Case(name: "a folded line", status400: get("/api", "a: b\r\n c\r\n")),
        Case(name: "space before the colon", status400: get("/api", "a : b\r\n")),
        Case(name: "a bare line feed", status400: "GET /api HTTP/1.1\nhost: localhost\n\n"),
        Case(
            name: "an unknown transfer coding", request: get("/api", "transfer-encoding: gzip, chunked\r\n"),
            status: 501, outcome: .malformedRequest),
        Case(name: "chunked not last", status400: get("/api", "transfer-encoding: chunked, gzip\r\n")),
        Case(
            name: "CONNECT", request: "CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n", status: 501,
            outcome: .malformedRequest),
        Case(
            name: "HTTP/2.0", request: "GET /api HTTP/2.0\r\nhost: a\r\n\r\n", status: 505, outcome: .malformedRequest),
        Case(
            name: "another expectation", request: get("/api", "expect: something\r\n"), status: 417,
            outcome: .malformedRequest),
        Case(
            name: "a long target", request: get("/" + String(repeating: "a", count: 9_000)), status: 414,
            outcome: .headTooLarge),
        Case(
            name: "a large field", request: get("/api", "a: \(String(repeating: "b", count: 40_000))\r\n"), status: 431,
            outcome: .headTooLarge),
        Case(
            name: "many fields", request: get("/api", (0..<101).map { "a\($0): b\r\n" }.joined()), status: 431,
            outcome: .headTooLarge),
        Case(
            name: "a body that is said to be too large",
            request: "POST /api HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1001\r\n\r\n", status: 413,
            outcome: .bodyTooLarge),
        Case(
            name: "a length beyond all numbers",
            status400: "POST /api HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999999999999\r\n\r\n"),
    ]

    @Test(arguments: cases)
    func `is answered with a problem, and never forwarded`(refused: Case) async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        var site = Site(rules: [Site.Rule(path: "/api", endpoints: [upstream.port])])
        site.limits.requestBodyBytes = 1000
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try client.send(refused.request)
            let response = try client.response()
            #expect(response.status == refused.status)
            #expect(response["content-type"] == "application/problem+json")
            #expect(response["cache-control"] == "no-store")
            #expect(response["x-request-id"]?.count == 32)
            #expect(response.text.contains("\"status\":\(refused.status)"))
            #expect(response.text.contains("\"request_id\":\"\(response["x-request-id"] ?? "-")\""))
            if refused.keepsAlive {
                try client.get("/api")
                #expect(try client.response().status == 200)
            } else {
                #expect(response["connection"] == "close")
                #expect(try client.reader.isAtEnd())
            }
            #expect(gateway.count(refused.outcome) == 1)
        }
        #expect(log.first?.outcome == refused.outcome.rawValue)
        #expect(log.first?.status == refused.status)
        #expect(upstream.requests.count == (refused.keepsAlive ? 1 : 0))
    }

    /// The whole body is on its way when the answer comes, as with most clients.
    @Test(arguments: ["content-length: 300000", "transfer-encoding: chunked"])
    func `a body that grows too large is refused, and the connection ends`(framing: String) async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        var site = Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])
        site.limits.requestBodyBytes = framing.hasPrefix("c") ? 200_000 : 100_000
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try client.send("POST / HTTP/1.1\r\nhost: localhost\r\n\(framing)\r\n\r\n")
            if framing.hasPrefix("t") {
                for _ in 0..<30 { try client.send("2710\r\n\(String(repeating: "x", count: 10_000))\r\n") }
                try client.send("0\r\n\r\n")
            } else {
                try client.stream.send(Pattern.bytes(300_000))
            }
            let response = try client.response()
            #expect(response.status == 413)
            #expect(response["connection"] == "close")
            #expect(try client.reader.isAtEnd())
        }
        #expect(log.map(\.outcome) == ["bodyTooLarge"])
    }

    @Test func `a malformed chunk ends the request`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let log = try await withGateway(Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])) { gateway in
            let client = try gateway.connect()
            try client.send(
                "POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n")
            let response = try client.response()
            #expect(response.status == 400)
            #expect(response["connection"] == "close")
        }
        #expect(log.map(\.outcome) == ["malformedRequest"])
        #expect(upstream.requests.isEmpty, "the endpoint never got a whole request")
    }

    @Test func `the plain port sends clients to https, whatever they asked`() async throws {
        let redirect = Redirect(scheme: "https", port: nil, statusCode: 308)
        let log = try await withGateway(Site(rules: [Site.Rule(path: "/", redirect: redirect)])) { gateway in
            let client = try gateway.connect()
            try client.get("/warehouse/items?limit=2")
            let response = try client.response()
            #expect(response.status == 308)
            #expect(response["location"] == "https://localhost/warehouse/items?limit=2")
            #expect(response["content-length"] == "0")
            try client.get("/x", method: "HEAD")
            #expect(try client.response(toHEAD: true).status == 308)
            try client.post("/y", Array("body".utf8))
            let posted = try client.response()
            #expect(posted.status == 308)
            #expect(posted["connection"] == "close", "the body was not read")
        }
        #expect(log.map(\.outcome) == ["redirected", "redirected", "redirected"])
    }

    @Test func `a redirect to a port names it`() async throws {
        let redirect = Redirect(scheme: "https", port: 8443, statusCode: 301)
        try await withGateway(Site(rules: [Site.Rule(path: "/", redirect: redirect)])) { gateway in
            let client = try gateway.connect()
            try client.send("GET /a HTTP/1.1\r\nhost: LocalHost:8080\r\n\r\n")
            #expect(try client.response()["location"] == "https://localhost:8443/a")
        }
    }

    @Test func `a host that another listener serves is misdirected`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        var site = Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])
        site.descriptions = [
            ListenerDescription(name: "https", port: 443, transport: .https, hostname: .exact("localhost")),
            ListenerDescription(name: "other", port: 444, transport: .https, hostname: .exact("other.example")),
        ]
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connectTLS()
            try client.send("GET / HTTP/1.1\r\nhost: other.example\r\n\r\n")
            #expect(try client.response().status == 421)
            try client.send("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
            #expect(try client.response().status == 200)
        }
        #expect(log.map(\.outcome) == ["misdirected", "forwarded"])
    }

    @Test func `a head that does not come to its end is given up`() async throws {
        var site = Site(rules: [])
        site.limits.requestHeadTimeout = 2_000
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try client.send("GET / HTTP/1.1\r\nhost: loc")
            let response = try client.response()
            #expect(response.status == 408)
            #expect(response["connection"] == "close")
            #expect(try client.reader.isAtEnd())
            // One that never begins is not worth an answer.
            let silent = try gateway.connect()
            #expect(try silent.reader.isAtEnd())
        }
        #expect(log.map(\.outcome) == ["requestHeadTimeout"])
    }

    @Test func `a handshake that does not come to its end is given up`() async throws {
        var site = Site(rules: [])
        site.limits.handshakeTimeout = 300
        try await withGateway(site) { gateway in
            let silent = try BlockingSocket(connectingTo: gateway.port("https"))
            #expect(try silent.receiveToEnd().isEmpty)
            #expect(eventually { gateway.gateway.statistics.connectionsOpen == 0 })
            #expect(gateway.gateway.statistics.handshakesFailed == 1)
        }
    }

    @Test func `an idle connection is closed in silence`() async throws {
        var site = Site(rules: [])
        site.limits.clientIdleTimeout = 300
        try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try client.get("/none")
            #expect(try client.response().status == 404)
            #expect(try client.reader.isAtEnd())
        }
    }

    @Test func `a body that stops on its way is given up`() async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.reader.requestHead()
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        var site = Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])
        site.limits.requestBodyTimeout = 1_000
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try client.send("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n12345")
            let response = try client.response()
            #expect(response.status == 408)
            #expect(response["connection"] == "close")
            #expect(eventually { upstream.closedByGateway == 1 })
        }
        #expect(log.map(\.outcome) == ["requestBodyTimeout"])
        #expect(log.map(\.requestBytes) == [5])
    }
}

extension RefusalTests.Case {
    fileprivate init(name: String, status400 request: String) {
        self.init(name: name, request: request, status: 400, outcome: .malformedRequest)
    }
}
