import GatewayTestSupport
import Proxy
import Routing
import Testing

/// What filters do to requests and responses, over real sockets.
@Suite(.serialized, .timeLimit(.minutes(2))) struct FilterTests {
    /// What the endpoint got, what the client got, and the access log, when this was sent through these filters.
    private func exchange(
        _ target: String = "/a?b=c", method: String = "GET", path: String = "/", filters: FilterChain?,
        backend: FilterChain? = nil, request fields: [String] = [], response: [String] = []
    ) async throws -> (request: RawMessage?, response: RawMessage, log: [LogLine]) {
        let upstream = try ScriptedUpstream.answering { _ in
            (["HTTP/1.1 200 OK", "content-length: 2"] + response).joined(separator: "\r\n") + "\r\n\r\nok"
        }
        defer { upstream.stop() }
        var answer = RawMessage()
        let rule = Site.Rule(path: path, endpoints: [upstream.port], filters: filters, backendFilters: backend)
        let log = try await withGateway(Site(rules: [rule])) { gateway in
            let client = try gateway.connect()
            try client.get(target, method: method, fields: fields)
            answer = try client.response()
        }
        return (upstream.requests.first, answer, log)
    }

    private typealias Field = HeaderChanges.Field

    @Test func `header modifiers set, add and remove, the rule's before the backend's`() async throws {
        let changes = HeaderChanges(
            set: [Field(name: "X-Set", value: "new")], add: [Field(name: "x-add", value: "2")], remove: ["X-Gone"])
        let last = HeaderChanges(set: [Field(name: "x-last", value: "backend")])
        let (request, response, _) = try await exchange(
            filters: FilterChain(requestHeaders: changes, responseHeaders: changes),
            backend: FilterChain(requestHeaders: last, responseHeaders: last),
            request: ["x-set: old", "x-set: older", "x-add: 1", "x-gone: 1", "x-last: client"],
            response: ["x-set: old", "x-add: 1", "x-gone: 1", "x-last: endpoint"])
        for message in [try #require(request), response] {
            #expect(message.all("x-set") == ["new"])
            #expect(message.all("x-add") == ["1", "2"])
            #expect(message["x-gone"] == nil)
            #expect(message.all("x-last") == ["backend"])
        }
    }

    @Test(arguments: [
        ("/old", "/new", "/old/a?x=1", "/new/a?x=1"), ("/old", "/new", "/old", "/new"),
        ("/old/", "/new/", "/old/a", "/new/a"), ("/old", "/", "/old/a", "/a"), ("/old", "/", "/old", "/"),
        ("/old", "", "/old", "/"), ("/", "/new", "/a/b", "/new/a/b"), ("/old", "/new", "/old/?x", "/new/?x"),
    ])
    func `a prefix is rewritten, the query stays, and the log tells what the client sent`(
        prefix: String, replacement: String, target: String, expected: String
    ) async throws {
        let rewrite = URLRewrite(hostname: "inside.example.com", path: .prefix(prefix, to: replacement))
        let (request, _, log) = try await exchange(target, path: prefix, filters: FilterChain(rewrite: rewrite))
        #expect(request?.requestLine == "GET \(expected)")
        #expect(request?.all("host") == ["inside.example.com"])
        #expect(request?["x-forwarded-host"] == "localhost")
        #expect(log.first?.path == String(target.prefix { $0 != "?" }))
        #expect(log.first?.host == "localhost")
    }

    @Test func `a full path is rewritten`() async throws {
        let rewrite = URLRewrite(path: .full(Array("/x/y".utf8)))
        let (request, _, _) = try await exchange(filters: FilterChain(rewrite: rewrite))
        #expect(request?.requestLine == "GET /x/y?b=c")
        #expect(request?.all("host") == ["localhost"])
    }

    @Test(arguments: [
        (PathChange.full(Array("/new".utf8)), "/old/a?x=1", "http://localhost/new?x=1"),
        (PathChange.prefix("/old", to: "/new"), "/old/a?x=1", "http://localhost/new/a?x=1"),
    ])
    func `a redirect changes the path`(change: PathChange, target: String, location: String) async throws {
        let redirect = Redirect(scheme: "http", path: change, statusCode: 301)
        try await withGateway(Site(rules: [Site.Rule(path: "/old", redirect: redirect)])) { gateway in
            let answer = try gateway.get(target)
            #expect(answer.status == 301)
            #expect(answer["location"] == location)
        }
    }

    // MARK: - CORS

    private static let cors = CrossOriginRules(
        origins: [
            .exact(Array("https://shop.example.com".utf8)),
            .pattern(before: Array("https://".utf8), after: Array(".example.org:8443".utf8)),
        ],
        methods: ["GET", "PUT"], headers: ["x-a", "content-type"], exposedHeaders: ["etag"], maximumAgeSeconds: 600,
        allowsCredentials: true)

    @Test(arguments: ["https://shop.example.com", "https://a.b.example.org:8443"])
    func `a preflight of an allowed origin is answered by the gateway`(origin: String) async throws {
        let (request, response, log) = try await exchange(
            method: "OPTIONS", filters: FilterChain(crossOrigin: Self.cors),
            request: ["origin: \(origin)", "access-control-request-method: PUT"])
        #expect(request == nil)
        #expect(response.status == 204)
        #expect(response["access-control-allow-origin"] == origin)
        #expect(response["access-control-allow-methods"] == "GET, PUT")
        #expect(response["access-control-allow-headers"] == "x-a, content-type")
        #expect(response["access-control-max-age"] == "600")
        #expect(response["access-control-allow-credentials"] == "true")
        #expect(log.first?.outcome == "preflight")
    }

    @Test(arguments: [
        "https://evil.example.com", "https://shop.example.com.evil.org", "https://evil.org/.example.org:8443",
        "https://.example.org:8443", "http://shop.example.com", "null",
    ])
    func `another origin is allowed nothing`(origin: String) async throws {
        let (request, preflight, _) = try await exchange(
            method: "OPTIONS", filters: FilterChain(crossOrigin: Self.cors),
            request: ["origin: \(origin)", "access-control-request-method: PUT"])
        #expect(request == nil)
        #expect(preflight.fields.allSatisfy { !$0.name.hasPrefix("access-control-") })
        let (_, response, _) = try await exchange(
            filters: FilterChain(crossOrigin: Self.cors), request: ["origin: \(origin)"],
            response: ["access-control-allow-origin: *"])
        #expect(response.status == 200)
        #expect(response["access-control-allow-origin"] == nil, "the endpoint does not decide")
        #expect(response["vary"] == "origin")
    }

    @Test func `a response and a problem tell the browser who may read it`() async throws {
        let origin = "origin: https://shop.example.com"
        let (_, response, _) = try await exchange(filters: FilterChain(crossOrigin: Self.cors), request: [origin])
        #expect(response.all("access-control-allow-origin") == ["https://shop.example.com"])
        #expect(response["access-control-expose-headers"] == "etag")
        let rule = Site.Rule(path: "/", endpoints: [], filters: FilterChain(crossOrigin: Self.cors))
        try await withGateway(Site(rules: [rule])) { gateway in
            let problem = try gateway.get("/", fields: [origin])
            #expect(problem.status == 503)
            #expect(problem["access-control-allow-origin"] == "https://shop.example.com")
        }
    }

    @Test func `any origin without credentials is a star, with credentials the origin itself`() async throws {
        var rules = CrossOriginRules(origins: [.any], methods: ["*"])
        let fields = ["origin: https://a.org", "access-control-request-method: PURGE"]
        let (_, open, _) = try await exchange(
            method: "OPTIONS", filters: FilterChain(crossOrigin: rules), request: fields)
        #expect(open["access-control-allow-origin"] == "*")
        #expect(open["access-control-allow-methods"] == "*")
        rules.allowsCredentials = true
        let (_, named, _) = try await exchange(
            method: "OPTIONS", filters: FilterChain(crossOrigin: rules), request: fields)
        #expect(named["access-control-allow-origin"] == "https://a.org")
        #expect(named["access-control-allow-methods"] == "PURGE")
    }

    @Test func `OPTIONS without a preflight's fields is the endpoint's`() async throws {
        let (request, _, _) = try await exchange(method: "OPTIONS", filters: FilterChain(crossOrigin: Self.cors))
        #expect(request?.requestLine == "OPTIONS /a?b=c")
    }

    // MARK: - Shares that do not resolve

    @Test func `a rule that does not resolve is a 500 that says so`() async throws {
        let rule = Site.Rule(path: "/", unresolvedWeight: 1)
        let log = try await withGateway(Site(rules: [rule])) { gateway in
            let answer = try gateway.get("/")
            #expect(answer.status == 500)
            #expect(answer.text.contains("route-unresolved"))
        }
        #expect(log.first?.outcome == "routeUnresolved")
    }
}
