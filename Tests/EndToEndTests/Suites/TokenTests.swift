import Testing

extension EndToEnd {
    /// Who may come in: at the gateway, and once more at each service.
    @Suite struct TokenChecks {
        /// A way in: through the gateway, or straight to a service as only a neighbour could.
        enum Door: CaseIterable, Sendable {
            case gateway, warehouse, accounting, sales

            private var service: RunningSystem.Part? {
                switch self {
                case .gateway: nil
                case .warehouse: .warehouse
                case .accounting: .accounting
                case .sales: .sales
                }
            }

            func ask(_ system: RunningSystem, _ credential: Credential, over client: Client) async throws -> Answer {
                guard let service else {
                    return try await system.send("GET", "/sales/orders", over: client, as: credential)
                }
                let token = try await system.token(credential)
                let url = "http://127.0.0.1:\(system.ports.services[service] ?? 0)\(service.listPath)"
                let headers = token.map { [(name: "authorization", value: "Bearer \($0)")] } ?? []
                return try await system.send(Request("GET", url, headers: headers), .http1)
            }
        }

        @Test(arguments: Client.allCases, RunningSystem.Part.services)
        func `without a token there is 401 and how to do it`(over client: Client, part: RunningSystem.Part) async throws
        {
            let system = try RunningSystem.current
            for method in ["GET", "POST", "PUT", "DELETE"] {
                let body = method == "POST" || method == "PUT" ? "{}" : nil
                let answer = try await system.send(method, part.listPath, over: client, as: .none, json: body)
                expectProblem(answer, 401)
                #expect(answer.header("www-authenticate") == "Bearer")
            }
        }

        @Test(arguments: BadToken.allCases, Door.allCases)
        func `no door accepts a bad token`(_ bad: BadToken, door: Door) async throws {
            let system = try RunningSystem.current
            let token = try await bad.make(with: system.tokens)
            for client in door == .gateway ? Client.allCases : [.http1] {
                let answer = try await door.ask(system, .token(token), over: client)
                expectProblem(answer, 401)
                let challenge = answer.header("www-authenticate") ?? ""
                #expect(challenge.hasPrefix("Bearer error=\"invalid_token\""), "\(challenge)")
                #expect(!answer.text.contains(token))
            }
        }

        @Test(arguments: Door.allCases)
        func `a good token is accepted again after a bad one`(door: Door) async throws {
            let system = try RunningSystem.current
            for _ in 0..<2 {
                #expect(try await door.ask(system, .full, over: .http2).status == 200)
                let bad = try await BadToken.tamperedSignature.make(with: system.tokens)
                #expect(try await door.ask(system, .token(bad), over: .http2).status == 401)
            }
        }

        @Test(arguments: RunningSystem.Part.services, Client.allCases)
        func `reading and writing need a scope each`(part: RunningSystem.Part, over client: Client) async throws {
            let system = try RunningSystem.current
            let others = RunningSystem.Part.services.filter { $0 != part }
                .map { "\($0):read \($0):write" }.joined(separator: " ")
            for (method, needed, other) in [("GET", "read", "write"), ("POST", "write", "read")] {
                let credential = Credential.scopes("\(others) \(part):\(other)")
                let body = method == "POST" ? "{}" : nil
                let answer = try await system.send(method, part.listPath, over: client, as: credential, json: body)
                expectProblem(answer, 403)
                #expect(
                    answer.header("www-authenticate")
                        == "Bearer error=\"insufficient_scope\", scope=\"\(part):\(needed)\"")
            }
            let reader = try await system.send("GET", part.listPath, over: client, as: .scopes("\(part):read"))
            #expect(reader.status == 200)
            let head = try await system.send("HEAD", part.listPath, over: client, as: .scopes("\(part):read"))
            #expect(head.status == 200)
            // The token is good enough, so it is the body that is refused.
            let writer = try await system.send(
                "POST", part.listPath, over: client, as: .scopes("\(part):write"), json: "{}")
            expectProblem(writer, 422)
        }

        @Test(arguments: Client.library)
        func `sold items need the warehouse's scope as well`(over client: Client) async throws {
            let system = try RunningSystem.current
            let alone = try await system.send("GET", "/sales/sold_items", over: client, as: .scopes("sales:read"))
            expectProblem(alone, 403)
            let both = try await system.send(
                "GET", "/sales/sold_items", over: client, as: .scopes("sales:read warehouse:read"))
            #expect(both.status == 200, "\(both)")
        }

        @Test func `two Authorization fields are none`() async throws {
            let system = try RunningSystem.current
            let fields = [("authorization", "Bearer \(system.tokens.full)")]
            for client in Client.library {
                let answer = try await system.send("GET", "/warehouse/items", over: client, headers: fields)
                expectProblem(answer, 401)
            }
        }
    }
}
