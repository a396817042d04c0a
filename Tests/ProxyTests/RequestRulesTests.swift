import GatewayTestSupport
import Proxy
import Testing
import Wire

/// Rules for requests that hold for HTTP/1.1 and HTTP/2 alike.
@Suite(.serialized, .timeLimit(.minutes(2))) struct RequestRulesTests {
    private func site(_ upstream: ScriptedUpstream) -> Site {
        Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])
    }

    @Test func `unknown methods pass, and what is none does not`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connect()
            for method in ["PROPFIND", "M-SEARCH", "VERSION_2", "QUERY"] {
                try client.get("/", method: method)
                #expect(try client.response().text == "\(method) /")
            }
            for method in ["get", "Get", "TRACE", "GET!", String(repeating: "A", count: 33)] {
                try client.get("/", method: method)
                #expect(try client.response().status == 501, "\(method)")
            }
            let http2 = try gateway.connectHTTP2()
            let lower = try #require(http2.peer.request("get", "/"))
            try http2.pump { lower.closeCode != nil }
            #expect(lower.status == 501)
        }
        #expect(upstream.requests.count == 4)
    }

    @Test func `HTTP/2 expects 100-continue or nothing, and a scheme of the web`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connectHTTP2()
            #expect(try client.get("/", fields: [("expect", "something")]).status == 417)
            let socket = try BlockingSocket(connectingTo: gateway.port("https"))
            let raw = try RawHTTP2(BlockingTLS(over: socket, protocols: ["h2"]))
            // :scheme "ftp", as a literal.
            let head: [UInt8] = [0x82, 0x84, 0x46, 3] + Array("ftp".utf8) + [0x41, 9] + Array("localhost".utf8)
            try raw.send(RawHTTP2.frame(1, 5, 1, head))
            var status: UInt8?
            while status == nil, let frame = try raw.next() {
                // :status 400 is entry 12 of the static table (RFC 7541, Appendix A).
                if frame.type == 1 { status = frame.payload.first }
                if frame.type == 3 { break }
            }
            #expect(status == nil || status == 0x8C)
        }
        #expect(upstream.requests.isEmpty)
    }

    @Test func `fields that say who the client is are ours, also with underscores`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let names = [
            "x_forwarded_for", "X_Forwarded-Host", "x_real_ip", "x-real_ip", "x_request_id", "x_authenticated_user",
            "x-gatehouse_subject", "x-authenticated-user", "x-real-ip", "x-gatehouse-x",
        ]
        try await withGateway(site(upstream)) { gateway in
            #expect(try gateway.get("/", fields: names.map { "\($0): forged" } + ["x_other: kept"]).status == 200)
            let client = try gateway.connect()
            try client.send(
                "POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
                    + "x-authenticated-user: forged\r\nx_forwarded_for: forged\r\nx-sum: 1\r\n\r\n")
            #expect(try client.response().status == 200)
        }
        for request in upstream.requests {
            #expect(!(request.fields + request.trailers).contains { $0.value == "forged" })
        }
        #expect(upstream.requests.first?["x_other"] == "kept")
        #expect(upstream.requests.last?.trailers.map(\.name) == ["x-sum"])
    }

    @Test(arguments: ["5;\r\n", "5 \r\n", "+5\r\n", "5\n"])
    func `a malformed chunk that comes with the head is the client's fault`(size: String) async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connect()
            let head = "POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
            try client.send("\(head)\(size)hello\r\n0\r\n\r\n")
            let response = try client.response()
            #expect(response.status == 400)
            #expect(response["connection"] == "close")
            #expect(try client.reader.isAtEnd())
        }
        #expect(upstream.connectionCount == 0)
    }
}
