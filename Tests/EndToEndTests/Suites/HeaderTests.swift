import Foundation
import NIOHTTP1
import TestSupport
import Testing

extension EndToEnd {
    /// What a service hears of the client, and what of it the client decides.
    @Suite struct Headers {
        private static let forged = [
            "x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "gopher", "x-forwarded-host": "evil.example",
            "x-forwarded-port": "1", "forwarded": "for=203.0.113.7;host=evil.example", "x-real-ip": "203.0.113.7",
            "x-gatehouse-subject": "evil", "x-gatehouse-scope": "evil", "x-authenticated-user": "evil",
            "X-Authenticated-Scope": "evil",
        ]

        @Test(arguments: Client.allCases)
        func `identity that a client claims does not reach a service`(over client: Client) async throws {
            let system = try RunningSystem.current
            let id = UUID().uuidString
            let headers = Self.forged.map { (name: $0.key, value: $0.value) } + [("x-request-id", id)]
            let answer = try await system.send("GET", "/recorder/identity?q=1", over: client, headers: headers)
            #expect(answer.status == 200, "\(answer)")
            let recorded = system.recorder.recorded(requestID: id)
            let received = try #require(recorded.first)
            #expect(recorded.count == 1)
            #expect(received.uri == "/recorder/identity?q=1")
            #expect(received.headers["x-forwarded-for"] == ["127.0.0.1"])
            #expect(received.headers["x-forwarded-proto"] == ["https"])
            #expect(received.headers["x-forwarded-host"] == ["localhost:\(system.ports.https)"])
            #expect(received.headers["forwarded"].count == 1)
            for (name, value) in received.headers {
                #expect(!value.contains("evil") && !value.contains("203.0.113.7"), "\(name): \(value)")
            }
            #expect(received.headers["authorization"] == ["Bearer \(system.tokens.full)"])
        }

        @Test(arguments: [Client.http1, .curlHTTP1])
        func `what is for one hop ends at the gateway`(over client: Client) async throws {
            let system = try RunningSystem.current
            let id = UUID().uuidString
            let headers = [
                ("x-request-id", id), ("connection", "keep-alive, x-hop"), ("x-hop", "one"),
                ("keep-alive", "timeout=9"),
                ("proxy-authorization", "Basic eDp5"), ("te", "gzip"), ("x-end", "two"),
            ]
            let answer = try await system.send("GET", "/recorder/hop", over: client, headers: headers)
            #expect(answer.status == 200, "\(answer)")
            let received = try #require(system.recorder.recorded(requestID: id).first)
            for name in ["x-hop", "keep-alive", "proxy-authorization"] {
                #expect(!received.headers.contains(name: name), "\(name)")
            }
            #expect(received.headers["x-end"] == ["two"])
        }

        @Test(arguments: Client.allCases)
        func `a request keeps its id in every answer and on every hop`(over client: Client) async throws {
            let system = try RunningSystem.current
            let id = "order-77.A_\(UUID().uuidString)"
            func ask(_ path: String, as credential: Credential = .full) async throws -> Answer {
                try await system.send("GET", path, over: client, as: credential, headers: [("x-request-id", id)])
            }
            let good = try await ask("/warehouse/items")
            #expect(good.status == 200)
            #expect(good.header("x-request-id") == id)
            for (answer, status) in [
                (try await ask("/warehouse/items", as: .none), 401), (try await ask("/nowhere"), 404),
                (try await ask("/warehouse/items/9223372036854775807"), 404),
                (try await ask("/accounting/transactions?limit=0"), 422),
            ] {
                expectProblem(answer, status)
                #expect(answer.header("x-request-id") == id)
            }
            #expect(try await ask("/recorder/id").status == 200)
            #expect(system.recorder.recorded(requestID: id).count == 1)
        }

        @Test(arguments: Client.allCases, ["two words", "<script>", String(repeating: "x", count: 129)])
        func `an id that could smuggle something is replaced`(over client: Client, id: String) async throws {
            let system = try RunningSystem.current
            let answer = try await system.send("GET", "/nowhere", over: client, headers: [("x-request-id", id)])
            expectProblem(answer, 404)
            let given = try #require(answer.header("x-request-id"))
            #expect(given.wholeMatch(of: /[0-9a-f]{32}/) != nil, "\(given)")
        }

        @Test func `sales asks the warehouse under the caller's request id and trace`() async throws {
            let system = try RunningSystem.current
            let id = UUID().uuidString
            let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
            let answer = try await system.send(
                "GET", "/sales/sold_items",
                headers: [("x-request-id", id), ("traceparent", "00-\(trace)-00f067aa0ba902b7-01")])
            #expect(answer.status == 200, "\(answer)")
            let files = LogFiles(folder: system.logs)
            var spans: Set<String> = []
            for part in ["sales", "warehouse"] {
                let line = try await eventually("\(part)'s log names the request") {
                    files.records(of: "\(part).err").first {
                        $0["request_id"]?.string == id && $0["message"] == "request"
                    }
                }
                #expect(line["trace_id"]?.string == trace)
                spans.insert(try #require(line["span_id"]?.string))
            }
            #expect(spans.count == 2, "each hop is a span of its own")
        }
    }
}
