import Testing

extension EndToEnd {
    /// Every resource, through every client.
    @Suite struct FirstRequests {
        @Test(arguments: Client.allCases)
        func `an item is created, read, changed, listed and deleted`(over client: Client) async throws {
            let system = try RunningSystem.current
            let name = RunningSystem.unique("Lamp")
            let created = try await system.send(
                "POST", "/warehouse/items", over: client,
                json: "{\"name\": \"\(name)\", \"country_of_origin\": \"Finland\", \"price\": 12.3, \"quantity\": 5}")
            #expect(created.status == 201, "\(created)")
            #expect(created.majorVersion == client.majorVersion)
            #expect(created.text.contains("\"price\":12.30"), "money has two decimals: \(created.text)")
            let id = try #require(created.json["id"]?.integer)
            #expect(created.header("location") == "/warehouse/items/\(id)")
            #expect(created.json["description"] == "")

            let path = "/warehouse/items/\(id)"
            let read = try await system.send("GET", path, over: client)
            #expect(read.status == 200)
            #expect(read.json == created.json)
            let tag = try #require(read.header("etag"))
            let known = try await system.send("GET", path, over: client, headers: [("if-none-match", tag)])
            #expect(known.status == 304)
            #expect(known.content.isEmpty)

            let changed = try await system.send(
                "PUT", path, over: client, headers: [("if-match", tag)], json: "{\"quantity\": 7}")
            #expect(changed.status == 200, "\(changed)")
            #expect(changed.json["quantity"] == 7)
            #expect(changed.json["name"]?.string == name)
            let late = try await system.send(
                "PUT", path, over: client, headers: [("if-match", tag)], json: "{\"quantity\": 8}")
            expectProblem(late, 412)

            let listed = try await system.all("/warehouse/items", over: client)
            #expect(listed.first { $0["id"]?.integer == id } == changed.json)
            let deleted = try await system.send("DELETE", path, over: client)
            #expect(deleted.status == 204)
            #expect(deleted.content.isEmpty)
            expectProblem(try await system.send("GET", path, over: client), 404)
        }

        @Test(arguments: Client.allCases)
        func `a transaction is recorded, read, moved and voided`(over client: Client) async throws {
            let system = try RunningSystem.current
            let order = RunningSystem.uniqueNumber()
            let created = try await system.send(
                "POST", "/accounting/transactions", over: client,
                json: "{\"order_id\": \(order), \"order_sum\": 1234.5}")
            #expect(created.status == 201, "\(created)")
            #expect(created.json.names == ["id", "order_id", "sum", "date"])
            #expect(created.text.contains("\"sum\":1234.50"), "\(created.text)")
            let id = try #require(created.json["id"]?.integer)
            let path = "/accounting/transactions/\(id)"
            let moved = try await system.send("PUT", path, over: client, json: "{\"order_id\": \(order + 1)}")
            #expect(moved.status == 200, "\(moved)")
            #expect(moved.json["order_id"]?.integer == order + 1)
            #expect(moved.json["date"] == created.json["date"])
            #expect(try await system.send("GET", path, over: client).json == moved.json)
            #expect(try await system.send("DELETE", path, over: client).status == 204)
            expectProblem(try await system.send("GET", path, over: client), 404)
            expectProblem(try await system.send("DELETE", path, over: client), 404)
            let ids = try await system.all("/accounting/transactions", over: client).map { $0["id"]?.integer }
            #expect(!ids.contains(id))
        }

        @Test(arguments: Client.allCases)
        func `an order is placed, read, given to another customer and deleted`(over client: Client) async throws {
            let system = try RunningSystem.current
            let customer = RunningSystem.uniqueNumber()
            let placed = try await system.send(
                "POST", "/sales/orders", over: client,
                json: """
                    {"customer_id": \(customer), "items": [{"id": 1, "price": 12.34, "quantity": 2},
                     {"id": 2, "price": 100, "quantity": 3}]}
                    """)
            #expect(placed.status == 201, "\(placed)")
            #expect(placed.json["items"]?.elements?.count == 2)
            #expect(placed.json["items"]?.elements?.first?["price"] == .amount("12.34"))
            let id = try #require(placed.json["id"]?.integer)
            let path = "/sales/orders/\(id)"
            let given = try await system.send("PUT", path, over: client, json: "{\"customer_id\": \(customer + 1)}")
            #expect(given.status == 200, "\(given)")
            #expect(given.json["customer_id"]?.integer == customer + 1)
            #expect(given.json["items"] == placed.json["items"])
            #expect(try await system.send("GET", path, over: client).json == given.json)
            #expect(try await system.send("DELETE", path, over: client).status == 204)
            expectProblem(try await system.send("GET", path, over: client), 404)
        }

        @Test(arguments: Client.allCases)
        func `HEAD answers as GET does, without the body`(over client: Client) async throws {
            let system = try RunningSystem.current
            let read = try await system.send("GET", "/warehouse/items/1", over: client)
            let head = try await system.send("HEAD", "/warehouse/items/1", over: client)
            #expect(head.status == 200)
            #expect(head.content.isEmpty)
            #expect(head.header("etag") == read.header("etag"))
            #expect(head.header("content-length") == "\(read.content.count)")
        }

        @Test(arguments: Client.library)
        func `a list is read page by page, each element once`(over client: Client) async throws {
            let system = try RunningSystem.current
            let name = RunningSystem.unique("Paged")
            for number in 1...5 { _ = try await system.createItem("\(name) \(number)") }
            let pages = try await system.all("/warehouse/items", over: client, limit: 2)
            let whole = try await system.all("/warehouse/items", over: client)
            #expect(pages == whole)
            #expect(pages.count { $0["name"]?.string?.hasPrefix(name) == true } == 5)
            let first = try await system.send("GET", "/warehouse/items?limit=2", over: client)
            let cursor = try #require(first.json["next"]?.string)
            let link = try #require(first.header("link"))
            #expect(link.contains("cursor=\(cursor)") && link.contains("rel=\"next\""), "\(link)")
        }

        @Test func `the demonstration data is there once, however often it is seeded`() async throws {
            let system = try RunningSystem.current
            let lists = RunningSystem.Part.services.map(\.listPath)
            var before: [[JSON]] = []
            for list in lists { before.append(try await system.all(list)) }
            for part in RunningSystem.Part.services { _ = try await system.runService(part, "seed") }
            for (list, known) in zip(lists, before) { #expect(try await system.all(list) == known) }

            let items = before[0].prefix(3).map { [$0["price"], $0["quantity"]] }
            #expect(items == [[100, 10], [50, 5], [70, 7]])
            #expect(before[1].count >= 2)
            #expect(before[2].prefix(2).map { $0["items"]?.elements?.count } == [4, 4])
        }
    }
}
