import Foundation
import GatewayTestSupport
import Proxy
import Routing
import Testing

@Suite(.serialized, .timeLimit(.minutes(2))) struct ProblemTests {
    private struct Problem: Decodable {
        let type: String
        let title: String
        let status: Int
        let detail: String
        let code: String
        let instance: String?
    }

    @Test(arguments: [
        (nil, true), ("*/*", true), ("application/json", true), ("text/html, application/json;q=0.1", true),
        ("text/plain, */*;q=0.1", true), ("image/png", true), ("application/problem+json;q=0.2", true),
        ("text/plain", false), ("text/html,application/xhtml+xml", false), ("text/*;q=0.5", false),
        ("application/json;q=0, text/plain", false), ("application/json; q=0.000,*/*", false),
        ("text/plain, application/*;q=0", false),
    ])
    func `the form follows what the client takes`(accept: String?, isJSON: Bool) async throws {
        try await withGateway(Site(rules: [])) { gateway in
            let answer = try gateway.get("/nowhere", fields: accept.map { ["accept: \($0)"] } ?? [])
            #expect(answer.status == 404)
            #expect(answer["proxy-status"] == "gatehouse; error=destination_not_found; details=\"noRoute\"")
            #expect(answer["content-type"] == (isJSON ? "application/problem+json" : "text/plain; charset=utf-8"))
            if isJSON {
                let problem = try JSONDecoder().decode(Problem.self, from: Data(answer.body))
                #expect(problem.type == "https://gatehouse.dev/problems/no-route")
                #expect(problem.code == "noRoute" && problem.status == 404 && problem.instance == "/nowhere")
            } else {
                #expect(
                    answer.text.hasPrefix("404 Not Found\nNo route serves this path.\n\ncode: noRoute\nrequest id: "))
            }
        }
    }

    @Test func `an endpoint's failure says so to proxies`() async throws {
        let upstream = try ScriptedUpstream { connection in _ = try connection.request() }
        defer { upstream.stop() }
        var rule = Site.Rule(path: "/", endpoints: [upstream.port])
        rule.retries = RetrySettings()
        rule.retries?.maximumRetries = 0
        try await withGateway(Site(rules: [rule])) { gateway in
            let answer = try gateway.get("/")
            #expect(answer.status == 503)
            #expect(answer["proxy-status"] == "gatehouse; error=connection_terminated; details=\"upstreamClosed\"")
        }
    }

    /// docs/problems.md is where a `type` leads.
    @Test func `every outcome that can be answered is documented`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "docs/problems.md"), encoding: .utf8)
        for outcome in Outcome.allCases {
            #expect(page.contains("`\(outcome.rawValue)`"), "docs/problems.md says nothing of \(outcome.rawValue)")
        }
    }

    @Test func `a rule's own limits of body and head hold instead of the process's`() async throws {
        let upstream = try ScriptedUpstream.answering { ScriptedUpstream.ok("\($0.body.count)") }
        defer { upstream.stop() }
        var site = Site(rules: [
            Site.Rule(
                path: "/small", endpoints: [upstream.port],
                policies: RulePolicies(requestBodyBytes: 10, requestHeaderBytes: 400)),
            Site.Rule(path: "/large", endpoints: [upstream.port], policies: RulePolicies(requestBodyBytes: 5_000)),
            Site.Rule(path: "/", endpoints: [upstream.port]),
        ])
        site.limits.requestBodyBytes = 1_000
        try await withGateway(site) { gateway in
            let long = "x-long: \(String(repeating: "a", count: 500))"
            for (path, size, fields, status) in [
                ("/small", 10, [], 200), ("/small", 11, [], 413), ("/large", 5_000, [], 200),
                ("/large", 5_001, [], 413),
                ("/", 1_001, [], 413), ("/small", 1, [long], 431), ("/large", 1, [long], 200),
            ] as [(String, Int, [String], Int)] {
                let client = try gateway.connect()
                try client.post(path, Pattern.bytes(size), fields: fields)
                #expect(try client.response().status == status, "\(path) \(size)")
            }
            // Of a length that nobody said.
            let client = try gateway.connect()
            try client.send("POST /small HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n")
            try client.send("b\r\nhello world\r\n0\r\n\r\n")
            #expect(try client.response().status == 413)
        }
    }

    @Test func `the access log tells the fields that a policy names`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let names = ["x-tenant", "x-missing", "x-quote"]
        let rules = [
            Site.Rule(path: "/", endpoints: [upstream.port], policies: RulePolicies(loggedHeaders: names)),
            Site.Rule(path: "/quiet", endpoints: [upstream.port]),
        ]
        let long = String(repeating: "a", count: 300)
        let log = try await withGateway(Site(rules: rules)) { gateway in
            let fields = ["x-tenant: \(long)", "x-quote: \"}\\"]
            for path in ["/", "/quiet"] {
                let answer = try gateway.get(path, fields: fields)
                #expect(answer.status == 200)
            }
            let asked1 = try gateway.get("/")
            #expect(asked1.status == 200)
        }
        #expect(log.map(\.requestHeaders) == [["x-tenant": String(long.prefix(256)), "x-quote": "\"}\\"], nil, nil])
    }
}
