import Testing

extension EndToEnd {
    /// What has to be refused: with the right status and a whole problem document, and with nothing done.
    @Suite struct Refusals {
        @Test(arguments: BadInput.values, Client.library)
        func `values that cannot be are refused, each one named`(_ input: BadInput, over client: Client) async throws {
            try await expectRefused(input, over: client)
        }

        @Test(arguments: RunningSystem.Part.services.flatMap { BadInput.bodies(of: $0.listPath) }, Client.library)
        func `a body that is not JSON is refused`(_ input: BadInput, over client: Client) async throws {
            try await expectRefused(input, over: client)
        }

        @Test(arguments: RunningSystem.Part.services.flatMap { BadInput.queries(of: $0.listPath) }, Client.library)
        func `an absurd question is refused`(_ input: BadInput, over client: Client) async throws {
            try await expectRefused(input, over: client)
        }

        @Test(
            arguments: BadInput.unknown(of: "/warehouse/items", change: "{\"quantity\": 1}")
                + BadInput.unknown(of: "/accounting/transactions", change: "{\"order_id\": 1}")
                + BadInput.unknown(of: "/sales/orders", change: "{\"customer_id\": 1}"), Client.library)
        func `what is not there is not found, by any method`(_ input: BadInput, over client: Client) async throws {
            try await expectRefused(input, over: client)
        }

        private func expectRefused(_ input: BadInput, over client: Client) async throws {
            let system = try RunningSystem.current
            let list = input.path.split(separator: "?")[0].split(separator: "/").prefix(2).joined(separator: "/")
            let before = input.method == "GET" ? [] : try await system.all("/\(list)")
            let answer = try await system.send(
                input.method, input.path, over: client, headers: input.headers, bytes: input.body)
            expectProblem(answer, input.status, fields: input.fields)
            #expect(answer.majorVersion == client.majorVersion)
            if input.status == 405 { #expect(answer.header("allow")?.contains("OPTIONS") == true) }
            if input.method != "GET" { #expect(try await system.all("/\(list)") == before, "something was stored") }
        }

        @Test(arguments: RunningSystem.Part.services)
        func `a cursor is for its own list`(of part: RunningSystem.Part) async throws {
            let system = try RunningSystem.current
            let other = part == .warehouse ? RunningSystem.Part.sales : .warehouse
            let page = try await system.send("GET", "\(other.listPath)?limit=1")
            let cursor = try #require(page.json["next"]?.string)
            let foreign = try await system.send("GET", "\(part.listPath)?cursor=\(cursor)")
            expectProblem(foreign, 422, fields: ["cursor"])
            let last = cursor.hasSuffix("A") ? "B" : "A"
            let damaged = try await system.send("GET", "\(other.listPath)?cursor=\(cursor.dropLast())\(last)")
            expectProblem(damaged, 422, fields: ["cursor"])
        }

        /// Beyond what a service takes (1 MiB), ten megabytes, and beyond what the gateway lets through (10 MiB).
        ///
        /// Over HTTP/1.1 the connection ends with the early answer. AsyncHTTPClient, still sending then, may report the
        /// closed connection instead of the answer it was given, so there curl alone asks.
        @Test(
            arguments: [(1 << 20) + 1, 10_000_000, (10 << 20) + 1], [Client.http2, .curlHTTP2, .curlHTTP1])
        func `a body that is too large is refused, and the next request served`(
            bytes: Int, over client: Client
        ) async throws {
            let system = try RunningSystem.current
            let name = String(repeating: "x", count: bytes - 12)
            for part in RunningSystem.Part.services {
                let refused = try await system.send(
                    "POST", part.listPath, over: client, json: "{\"name\": \"\(name)\"}")
                expectProblem(refused, 413)
                #expect(try await system.send("GET", part.listPath, over: client).status == 200)
            }
        }

        @Test(arguments: [(1 << 20) + 1, 10_000_000, (10 << 20) + 1])
        func `a body that is too large is refused without a declared length`(bytes: Int) async throws {
            let system = try RunningSystem.current
            let answer = try await system.send(
                "POST", "/warehouse/items", over: .curlHTTP1, headers: [("transfer-encoding", "chunked")],
                bytes: [UInt8](repeating: UInt8(ascii: " "), count: bytes))
            expectProblem(answer, 413)
        }

        @Test(arguments: Client.allCases)
        func `the largest body that a service takes arrives whole`(over client: Client) async throws {
            let system = try RunningSystem.current
            let order = RunningSystem.uniqueNumber()
            let text = "{\"order_id\": \(order), \"order_sum\": 1.00}"
            let padding = String(repeating: " ", count: (1 << 20) - text.utf8.count)
            let answer = try await system.send(
                "POST", "/accounting/transactions", over: client, json: padding + text)
            #expect(answer.status == 201, "\(answer)")
            #expect(answer.json["order_id"]?.integer == order)
        }

        @Test(arguments: [Client.curlHTTP2, .curlHTTP1])
        func `a path that can be read in two ways is refused`(over client: Client) async throws {
            let system = try RunningSystem.current
            for path in [
                "/warehouse/../accounting/transactions", "/warehouse/%2e%2e/accounting/transactions",
                "/warehouse//items", "/warehouse/./items", "/warehouse/items%2f1", "/warehouse%2Fitems",
                "/warehouse/items/%zz", "/warehouse/items/%5c1", "/warehouse/items/%00",
            ] {
                let answer = try await system.send("GET", path, over: client, as: .scopes("warehouse:read"))
                #expect(answer.header("content-type") == "application/problem+json", "\(path): \(answer)")
                #expect(answer.status == 400, "\(path): \(answer)")
            }
        }

        /// (AsyncHTTPClient cannot send such a header over HTTP/2: it writes it as one frame, larger than frames may be.)
        @Test(arguments: [Client.http1, .curlHTTP2, .curlHTTP1])
        func `a header without end is refused`(over client: Client) async throws {
            let system = try RunningSystem.current
            let header = ("x-large", String(repeating: "x", count: 40_000))
            expectProblem(try await system.send("GET", "/warehouse/items", over: client, headers: [header]), 431)
            #expect(try await system.send("GET", "/warehouse/items", over: client).status == 200)
        }

        @Test(arguments: Client.allCases)
        func `headers without number are refused`(over client: Client) async throws {
            let system = try RunningSystem.current
            let headers = (0..<200).map { (name: "x-many-\($0)", value: "1") }
            expectProblem(try await system.send("GET", "/warehouse/items", over: client, headers: headers), 431)
            #expect(try await system.send("GET", "/warehouse/items", over: client).status == 200)
        }

        @Test(arguments: [Client.http1, .curlHTTP1])
        func `a request line without end is refused`(over client: Client) async throws {
            let system = try RunningSystem.current
            let path = "/warehouse/items?cursor=\(String(repeating: "A", count: 9_000))"
            let answer = try await system.send("GET", path, over: client)
            #expect(answer.status == 414, "\(answer)")
            #expect(answer.header("content-type") == "application/problem+json")
        }
    }
}
