import GatewayTestSupport
import Proxy
import Routing
import Testing

/// What a client and an endpoint see of each other when nothing goes wrong.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ForwardingTests {
    private func site(_ upstream: ScriptedUpstream) -> Site {
        Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])
    }

    @Test(arguments: [false, true])
    func `keeps both connections alive`(overTLS: Bool) async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream)) { gateway in
            let client = try overTLS ? gateway.connectTLS() : gateway.connect()
            for number in 0..<5 {
                try client.get("/items/\(number)")
                let response = try client.response()
                #expect(response.status == 200)
                #expect(response.text == "GET /items/\(number)")
                #expect(response["connection"] == nil)
            }
            let statistics = gateway.gateway.statistics
            #expect(statistics.connectionsAccepted == 1)
            #expect(statistics.upstreamConnectionsOpened == 1)
            #expect(statistics.upstreamConnectionsReused == 4)
        }
        #expect(upstream.connectionCount == 1)
        #expect(log.map(\.outcome) == Array(repeating: "forwarded", count: 5))
        #expect(log.map(\.path) == (0..<5).map { "/items/\($0)" })
        #expect(log.allSatisfy { $0.client == "127.0.0.1" && ($0.tls != nil) == overTLS && $0.http == "1.1" })
        #expect(log.allSatisfy { $0.attempts == 1 && $0.route == "default/route0" })
    }

    @Test func `answers pipelined requests in their order`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connect()
            let requests = (0..<50).map { "GET /\($0) HTTP/1.1\r\nhost: localhost\r\n\r\n" }
            try client.send(requests.joined())
            for number in 0..<50 { #expect(try client.response().text == "GET /\(number)") }
        }
        #expect(log.count == 50)
    }

    @Test func `a body is followed by the next pipelined request`() async throws {
        let upstream = try ScriptedUpstream.answering { ScriptedUpstream.ok($0.text) }
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connect()
            let head = "POST / HTTP/1.1\r\nhost: localhost\r\n"
            try client.send(
                head + "content-length: 5\r\n\r\nfirst" + head + "content-length: 0\r\n\r\n"
                    + head + "transfer-encoding: chunked\r\n\r\n5\r\nthird\r\n0\r\n\r\n"
                    + "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
            #expect(try client.response().text == "first")
            #expect(try client.response().text.isEmpty)
            #expect(try client.response().text == "third")
            #expect(try client.response().text.isEmpty)
        }
        #expect(upstream.connectionCount == 1, "each request was sent whole, so the connection stayed in step")
    }

    /// A client that never reads its answers is not answered into unbounded memory.
    @Test func `holds back a client that pipelines and does not read`() async throws {
        try await withGateway(Site(rules: [])) { gateway in
            let client = try gateway.connect(receiveBuffer: 4096, deadlineSeconds: 1)
            let many = String(repeating: "GET /none HTTP/1.1\r\nhost: localhost\r\n\r\n", count: 20_000)
            #expect(throws: StreamFailure.timedOut) {
                for _ in 0..<64 { try client.send(many) }
            }
        }
    }

    @Test func `carries chunks and trailers both ways`() async throws {
        let upstream = try ScriptedUpstream { connection in
            while let request = try connection.request() {
                #expect(request["transfer-encoding"] == "chunked")
                #expect(request["content-length"] == nil)
                #expect(request.trailers.map(\.value) == ["of the request"])
                try connection.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\necho\r\n")
                try connection.send("3;ext=1\r\ned \r\n\(String(request.body.count, radix: 16))\r\n")
                try connection.send(request.body + Array("\r\n0\r\nx-trailer: of the response\r\n\r\n".utf8))
            }
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connect()
            for _ in 0..<3 {
                try client.send(
                    "POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
                try client.send("6\r\n world\r\n0\r\nx-trailer: of the request\r\n\r\n")
                let response = try client.response()
                #expect(response["transfer-encoding"] == "chunked")
                #expect(response.text == "echoed hello world")
                #expect(response.trailers.map(\.value) == ["of the response"])
            }
        }
        #expect(upstream.connectionCount == 1)
    }

    @Test func `HEAD, 204 and 304 have no body, and the connections go on`() async throws {
        let upstream = try ScriptedUpstream.answering { request in
            switch request.requestLine {
            case "HEAD /head": "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"
            case "HEAD /chunked": "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
            case "GET /204": "HTTP/1.1 204 No Content\r\n\r\n"
            case "GET /304": "HTTP/1.1 304 Not Modified\r\ncontent-length: 1000\r\netag: \"1\"\r\n\r\n"
            default: ScriptedUpstream.ok("body")
            }
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connect()
            try client.get("/head", method: "HEAD")
            #expect(try client.response(toHEAD: true)["content-length"] == "1000")
            try client.get("/chunked", method: "HEAD")
            #expect(try client.response(toHEAD: true).status == 200)
            try client.get("/204")
            #expect(try client.response().status == 204)
            try client.get("/304")
            let notModified = try client.response()
            #expect(notModified.status == 304 && notModified["etag"] == "\"1\"")
            try client.get("/")
            #expect(try client.response().text == "body")
        }
        #expect(upstream.connectionCount == 1)
    }

    @Test func `asks for the body of a client that waits for 100`() async throws {
        let upstream = try ScriptedUpstream.answering { ScriptedUpstream.ok($0.text) }
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connect()
            try client.send("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n")
            #expect(try client.response().status == 100)
            try client.send("body")
            #expect(try client.response().text == "body")
        }
        #expect(upstream.requests.first?["expect"] == nil, "the gateway answered the expectation itself")
    }

    @Test func `does not ask for a body that it refuses`() async throws {
        var site = Site(rules: [])
        site.limits.requestBodyBytes = 10
        try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try client.send("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n")
            let response = try client.response()
            #expect(response.status == 404)
            #expect(response["connection"] == "close")
            #expect(try client.reader.isAtEnd())
        }
    }

    @Test func `interim responses of the endpoint stay inside`() async throws {
        let upstream = try ScriptedUpstream.answering { _ in
            "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + ScriptedUpstream.ok("final")
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let response = try gateway.get("/")
            #expect(response.status == 200)
            #expect(response.text == "final")
            #expect(response["link"] == nil)
        }
    }

    @Test func `a response that ends with its connection is framed anew`() async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            try connection.send("HTTP/1.0 200 OK\r\n\r\nas long as it takes")
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connect()
            for _ in 0..<3 {
                try client.get("/")
                let response = try client.response()
                #expect(response["transfer-encoding"] == "chunked")
                #expect(response.text == "as long as it takes")
                #expect(!response.isCut)
            }
            let old = try gateway.connect()
            try old.send("GET / HTTP/1.0\r\nhost: localhost\r\n\r\n")
            let response = try old.response()
            #expect(response["transfer-encoding"] == nil)
            #expect(response.text == "as long as it takes")
        }
        #expect(upstream.connectionCount == 4)
    }

    @Test func `HTTP/1.0 is kept alive when it asks`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connect()
            try client.send("GET /1 HTTP/1.0\r\nhost: localhost\r\nconnection: keep-alive\r\n\r\n")
            #expect(try client.response()["connection"] == "keep-alive")
            try client.send("GET /2 HTTP/1.0\r\nhost: localhost\r\n\r\n")
            #expect(try client.response().text == "GET /2")
            #expect(try client.reader.isAtEnd())
        }
        #expect(log.map(\.http) == ["1.0", "1.0"])
    }

    @Test func `HTTP/1.0 without a host goes on with the endpoint's`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connect()
            try client.send("GET / HTTP/1.0\r\n\r\n")
            #expect(try client.response().status == 200)
        }
        #expect(upstream.requests.first?["host"] == "127.0.0.1:\(upstream.port)")
    }

    @Test func `ends the connection when the client asks`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connect()
            try client.get("/", fields: ["connection: close"])
            let response = try client.response()
            #expect(response["connection"] == "close")
            #expect(try client.reader.isAtEnd())
        }
        #expect(upstream.requests.first?["connection"] == nil, "the endpoint's connection is another matter")
    }

    @Test func `ends the endpoint's connection when the endpoint asks`() async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            try connection.send("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connect()
            for _ in 0..<3 {
                try client.get("/")
                let response = try client.response()
                #expect(response.text == "ok")
                #expect(response["connection"] == nil)
            }
            #expect(eventually { upstream.closedByGateway == 3 })
        }
    }

    @Test func `balances over the endpoints`() async throws {
        let upstreams = try (0..<3).map { _ in try ScriptedUpstream.plain() }
        defer { for upstream in upstreams { upstream.stop() } }
        let site = Site(rules: [Site.Rule(path: "/", endpoints: upstreams.map(\.port))])
        try await withGateway(site) { gateway in
            let client = try gateway.connect()
            for _ in 0..<150 {
                try client.get("/")
                #expect(try client.response().status == 200)
            }
        }
        // One at a time, so each choice is between two idle endpoints.
        for upstream in upstreams { #expect(upstream.requests.count > 20) }
        #expect(upstreams.reduce(0) { $0 + $1.requests.count } == 150)
    }
}
