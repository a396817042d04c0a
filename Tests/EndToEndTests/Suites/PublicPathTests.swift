import Testing

extension EndToEnd {
    /// What needs no token, and what is not there.
    @Suite struct PublicPaths {
        @Test(arguments: RunningSystem.Part.services, Client.allCases)
        func `a service's description is for everybody`(of part: RunningSystem.Part, over client: Client) async throws {
            let system = try RunningSystem.current
            let answer = try await system.send("GET", "/\(part)/openapi.json", over: client, as: .none)
            #expect(answer.status == 200, "\(answer)")
            #expect(answer.majorVersion == client.majorVersion)
            #expect(answer.json["openapi"]?.string?.hasPrefix("3.1") == true)
            #expect(answer.json["paths"]?.names?.contains(part.listPath) == true)
        }

        @Test(arguments: [Client.http1, .curlHTTP1], ["GET", "POST", "DELETE"])
        func `cleartext is sent on to https, whatever the method`(client: Client, method: String) async throws {
            let system = try RunningSystem.current
            let url = "http://localhost:\(system.ports.http)/warehouse/items?limit=2&cursor=a%20b"
            let answer = try await system.send(Request(method, url), client)
            #expect(answer.status == 308, "\(answer)")
            #expect(
                answer.header("location")
                    == "https://localhost:\(system.ports.https)/warehouse/items?limit=2&cursor=a%20b")
            #expect(answer.header("x-request-id")?.isEmpty == false)
        }

        @Test(arguments: Client.allCases)
        func `a path that no route serves is not found, with a token or without`(over client: Client) async throws {
            let system = try RunningSystem.current
            for path in ["/", "/nowhere", "/warehouses/items", "/identities/users"] {
                expectProblem(try await system.send("GET", path, over: client), 404)
                expectProblem(try await system.send("GET", path, over: client, as: .none), 404)
            }
        }

        @Test(arguments: RunningSystem.Part.services)
        func `what is for operators is behind no route`(of part: RunningSystem.Part) async throws {
            let system = try RunningSystem.current
            for path in ["/metrics", "/healthz", "/readyz"] {
                expectProblem(try await system.send("GET", path), 404)
                expectProblem(try await system.send("GET", "/\(part)\(path)"), 404)
            }
        }
    }
}
