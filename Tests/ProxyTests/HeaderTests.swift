import GatewayTestSupport
import Proxy
import Testing

/// Which fields pass, which are changed, and which never do.
@Suite(.serialized, .timeLimit(.minutes(2))) struct HeaderTests {
    /// What the endpoint got, and what the client got, when these fields were sent.
    private func exchange(
        request fields: [String] = [], response: [String] = [], overTLS: Bool = false
    ) async throws -> (request: RawMessage, response: RawMessage) {
        let upstream = try ScriptedUpstream.answering { _ in
            (["HTTP/1.1 200 OK", "content-length: 2"] + response).joined(separator: "\r\n") + "\r\n\r\nok"
        }
        defer { upstream.stop() }
        var answer = RawMessage()
        try await withGateway(Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])) { gateway in
            let client = try overTLS ? gateway.connectTLS() : gateway.connect()
            try client.get("/a?b=c", fields: fields)
            answer = try client.response()
        }
        return (try #require(upstream.requests.first), answer)
    }

    @Test func `ordinary fields pass unchanged, repeated ones too`() async throws {
        let (request, response) = try await exchange(
            request: ["accept: a", "accept: b", "authorization: Basic eDp5", "cookie: a=1; b=2", "x-empty:"],
            response: ["set-cookie: a=1", "set-cookie: b=2", "server: upstream", "etag: \"7\""])
        #expect(request.all("accept") == ["a", "b"])
        #expect(request["authorization"] == "Basic eDp5")
        #expect(request["cookie"] == "a=1; b=2")
        #expect(request["x-empty"]?.isEmpty == true)
        #expect(request.requestLine == "GET /a?b=c")
        #expect(request.all("host") == ["localhost"])
        #expect(response.all("set-cookie") == ["a=1", "b=2"])
        #expect(response["server"] == "upstream")
        #expect(response["etag"] == "\"7\"")
    }

    @Test func `hop-by-hop fields and what Connection names end here, in both directions`() async throws {
        let hop = [
            "connection: keep-alive, x-secret-hop", "x-secret-hop: 1", "keep-alive: timeout=5",
            "proxy-connection: close",
            "te: gzip", "upgrade: websocket",
        ]
        let (request, response) = try await exchange(request: hop, response: hop)
        for name in ["connection", "x-secret-hop", "keep-alive", "proxy-connection", "te", "upgrade"] {
            #expect(request[name] == nil, "request: \(name)")
            #expect(response[name] == nil, "response: \(name)")
        }
    }

    @Test func `a client that accepts trailers is announced`() async throws {
        let (request, _) = try await exchange(request: ["te: trailers", "connection: te"])
        #expect(request["te"] == "trailers")
        #expect(request["connection"] == "te")
    }

    @Test func `a client cannot say who it is`() async throws {
        let lies = [
            "forwarded: for=1.2.3.4", "x-forwarded-for: 1.2.3.4", "X-Forwarded-Proto: https", "x-forwarded-host: evil",
            "x-forwarded-port: 1", "x-real-ip: 1.2.3.4", "x-gatehouse-subject: root", "X-Authenticated-User: root",
        ]
        let (request, _) = try await exchange(request: lies)
        #expect(request.all("x-forwarded-for") == ["127.0.0.1"])
        #expect(request.all("x-forwarded-proto") == ["http"])
        #expect(request.all("x-forwarded-host") == ["localhost"])
        #expect(request.all("forwarded") == ["for=127.0.0.1;host=\"localhost\";proto=http"])
        for name in ["x-forwarded-port", "x-real-ip", "x-gatehouse-subject", "x-authenticated-user"] {
            #expect(request[name] == nil, "\(name)")
        }
    }

    @Test func `the endpoint hears that the client came over TLS`() async throws {
        let (request, _) = try await exchange(overTLS: true)
        #expect(request["x-forwarded-proto"] == "https")
        #expect(request["forwarded"] == "for=127.0.0.1;host=\"localhost\";proto=https")
    }

    @Test(arguments: ["a", "Trace-01_b.C", String(repeating: "x", count: 128)])
    func `keeps a request id that is fit for a log`(id: String) async throws {
        let (request, response) = try await exchange(
            request: ["x-request-id: \(id)"], response: ["x-request-id: of the endpoint"])
        #expect(request.all("x-request-id") == [id])
        #expect(response.all("x-request-id") == [id])
    }

    @Test(arguments: ["", "a b", "\"", "é", String(repeating: "x", count: 129), "a,b"])
    func `replaces a request id that is not`(id: String) async throws {
        let (request, response) = try await exchange(request: ["x-request-id: \(id)"])
        let made = try #require(request["x-request-id"])
        #expect(made.count == 32 && made.allSatisfy(\.isHexDigit))
        #expect(request.all("x-request-id").count == 1)
        #expect(response.all("x-request-id") == [made])
    }

    @Test func `every request gets an id of its own, in its answer and in the log`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        var seen: [String] = []
        let log = try await withGateway(Site(rules: [Site.Rule(path: "/a", endpoints: [upstream.port])])) { gateway in
            let client = try gateway.connect()
            for path in ["/a", "/none", "/a", "/a/../b"] {
                try client.get(path)
                seen.append(try #require(try client.response()["x-request-id"]))
            }
        }
        #expect(Set(seen).count == 4)
        #expect(log.map(\.requestID) == seen)
    }
}
