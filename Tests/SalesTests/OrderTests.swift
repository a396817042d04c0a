import HTTPTypes
import Postgres
import Sales
import ServiceKit
import ServiceTestSupport
import Testing

private let orders = "/sales/orders"

private func withSales(
    _ test: @escaping @Sendable (RunningService<SalesService>, _ token: String) async throws -> Void
) async throws {
    try await withService(SalesService.self) { service in
        try await test(service, service.token(scopes: "sales:read sales:write"))
    }
}

private let twoLines = """
    {"customer_id": 3, "items": [{"id": 9, "price": 100, "quantity": 2}, {"id": 4, "price": 0.5, "quantity": 1}]}
    """

@Suite(.timeLimit(.minutes(2)))
struct `Placing an order` {
    @Test func `answers with the order and where it is, its lines in their order`() async throws {
        try await withSales { service, token in
            let answer = try await service.send(.post, orders, token: token, json: twoLines)
            #expect(answer.status == 201)
            #expect(answer.header("location") == "\(orders)/1")
            #expect(answer.json["id"] == 1 && answer.json["customer_id"] == 3)
            #expect(
                answer.json["items"] == [
                    ["id": 9, "price": .number("100.00"), "quantity": 2],
                    ["id": 4, "price": .number("0.50"), "quantity": 1],
                ])
            let date = try #require(answer.json["date"]?.string)
            #expect(Timestamp(date)?.description == date)
            #expect(answer.json.members?.map(\.name) == ["id", "customer_id", "date", "items"])

            let read = try await service.send(.get, "\(orders)/1", token: token)
            #expect(read.status == 200 && read.content == answer.content)
            #expect(read.header("etag") == answer.header("etag"))
        }
    }

    @Test func `takes two hundred lines and no more`() async throws {
        try await withSales { service, token in
            let lines = (1...201).map { "{\"id\": \($0), \"price\": 1, \"quantity\": 1}" }
            for (count, status) in [(200, 201), (201, 422)] {
                let items = lines.prefix(count).joined(separator: ",")
                let json = "{\"customer_id\": 1, \"items\": [\(items)]}"
                let answer = try await service.send(.post, orders, token: token, json: json)
                #expect(answer.status == status)
            }
            let read = try await service.send(.get, "\(orders)/1", token: token)
            #expect(read.json["items"]?.elements?.compactMap { $0["id"]?.integer } == Array(1...200))
        }
    }

    @Test func `refuses bad input, and leaves no order and no line`() async throws {
        try await withSales { service, token in
            for (json, status, fields) in BadInput.placing {
                let answer = try await service.send(.post, orders, token: token, json: json)
                #expect(answer.status == status, "\(json)")
                #expect(answer.isProblem, "\(json)")
                #expect(answer.refusedFields == fields, "\(json)")
            }
            let rows = try await service.database.query(
                "SELECT (SELECT count(*) FROM orders) + (SELECT count(*) FROM order_lines)")
            #expect(try rows.first?.decode(0, as: Int64.self) == 0)
        }
    }

    @Test func `refuses ten megabytes, and text that is not UTF-8`() async throws {
        try await withSales { service, token in
            let big = Array(repeating: UInt8(ascii: " "), count: 10_000_000)
            #expect(try await service.send(.post, orders, token: token, bytes: big).status == 413)
            let broken = Array(#"{"customer_id": 1, "x"#.utf8) + [0xff] + Array(#"": []}"#.utf8)
            let answer = try await service.send(.post, orders, token: token, bytes: broken)
            #expect(answer.status == 400 && answer.isProblem)
        }
    }

    @Test func `does its work once per Idempotency-Key, however often it is sent at once`() async throws {
        try await withSales { service, token in
            let answers = try await withThrowingTaskGroup { group in
                for _ in 0..<20 {
                    group.addTask {
                        try await service.send(
                            .post, orders, token: token, headers: ["idempotency-key": "k-1"], json: twoLines)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.allSatisfy { $0.status == 201 })
            #expect(Set(answers.map(\.content)).count == 1)
            let rows = try await service.database.query("SELECT count(*) FROM order_lines")
            #expect(try rows.first?.decode(0, as: Int64.self) == 2)
        }
    }
}

@Suite(.timeLimit(.minutes(2)))
struct `A placed order` {
    @Test func `moves to another customer and changes in nothing else`() async throws {
        try await withSales { service, token in
            let created = try await service.send(.post, orders, token: token, json: twoLines)
            let path = "\(orders)/1"
            let stale = try await service.send(
                .put, path, token: token, headers: ["if-match": "\"7\""], json: #"{"customer_id": 5}"#)
            #expect(stale.status == 412 && stale.isProblem)
            let changed = try await service.send(
                .put, path, token: token, headers: ["if-match": "\"1\""], json: #"{"customer_id": 5}"#)
            #expect(changed.status == 200 && changed.header("etag") == "\"2\"")
            #expect(changed.json["customer_id"] == 5)
            #expect(changed.json["items"] == created.json["items"] && changed.json["date"] == created.json["date"])
            for json in [#"{"customer_id": 5, "items": []}"#, "{}", #"{"customer_id": "5"}"#] {
                #expect(try await service.send(.put, path, token: token, json: json).status == 422)
            }
            #expect(try await service.send(.get, path, token: token).content == changed.content)
        }
    }

    @Test func `is deleted with its lines, in the version that the caller has seen`() async throws {
        try await withSales { service, token in
            _ = try await service.send(.post, orders, token: token, json: twoLines)
            let path = "\(orders)/1"
            let stale = ["if-match": "W/\"1\""]
            #expect(try await service.send(.delete, path, token: token, headers: stale).status == 412)
            #expect(try await service.send(.delete, path, token: token).status == 204)
            #expect(try await service.send(.get, path, token: token).status == 404)
            #expect(try await service.send(.delete, path, token: token).status == 404)
            #expect(try await service.send(.put, path, token: token, json: #"{"customer_id": 5}"#).status == 404)
            let rows = try await service.database.query("SELECT count(*) FROM order_lines")
            #expect(try rows.first?.decode(0, as: Int64.self) == 0)
        }
    }

    @Test func `is listed with its lines, page by page`() async throws {
        try await withSales { service, token in
            for customer in 1...5 {
                let json = """
                    {"customer_id": \(customer), "items": [{"id": 2, "price": 1, "quantity": \(customer)}, \
                    {"id": 1, "price": 2, "quantity": 1}]}
                    """
                #expect(try await service.send(.post, orders, token: token, json: json).status == 201)
            }
            var seen: [JSONValue] = []
            var path: String? = "\(orders)?limit=2"
            while let next = path, seen.count < 10 {
                let page = try await service.send(.get, next, token: token)
                seen += page.json["items"]?.elements ?? []
                path = page.json["next"]?.string.map { "\(orders)?limit=2&cursor=\($0)" }
            }
            #expect(seen.compactMap { $0["customer_id"]?.integer } == [1, 2, 3, 4, 5])
            #expect(seen.compactMap { $0["items"]?[0]?["quantity"]?.integer } == [1, 2, 3, 4, 5])
            #expect(seen.allSatisfy { $0["items"]?.elements?.compactMap { $0["id"]?.integer } == [2, 1] })
        }
    }

    @Test(arguments: ["0", "2", "9223372036854775808", "abc"])
    func `is not found under an unknown number with any method`(id: String) async throws {
        try await withSales { service, token in
            let path = "\(orders)/\(id)"
            for method in [HTTPRequest.Method.get, .head, .delete] {
                let answer = try await service.send(method, path, token: token)
                #expect(answer.status == 404)
            }
            let change = try await service.send(.put, path, token: token, json: #"{"customer_id": 1}"#)
            #expect(change.status == 404 && change.isProblem)
        }
    }

    @Test func `comes twice from seeding, however often that runs`() async throws {
        try await withSales { service, token in
            try await withThrowingTaskGroup { group in
                for _ in 0..<4 { group.addTask { try await service.service.seed() } }
                try await group.waitForAll()
            }
            let list = try await service.send(.get, orders, token: token)
            #expect(list.json["items"]?.elements?.count == 2)
            #expect(list.json["items"]?.elements?.allSatisfy { $0["items"]?.elements?.count == 4 } == true)
        }
    }

    @Test func `is told in sales' own OpenAPI document`() async throws {
        try await withSales { service, _ in
            let answer = try await service.send(.get, "/sales/openapi.json")
            #expect(answer.status == 200)
            #expect(try await OpenAPIValidator.complaints(about: answer.text) == "")
            let paths = answer.json["paths"]?.members?.map(\.name) ?? []
            #expect(Set(["/sales/orders", "/sales/orders/{id}", "/sales/sold_items"]).isSubset(of: paths))
        }
    }
}

private enum BadInput {
    private static func order(_ items: String) -> String { "{\"customer_id\": 1, \"items\": \(items)}" }

    /// Bodies, the status they deserve, and the fields that the problem names.
    static let placing: [(json: String, status: Int, fields: [String])] = [
        (
            order(#"[{"id": 1, "price": 1, "quantity": 1}, {"id": 1, "price": 2, "quantity": 1}]"#), 422,
            ["items[1].id"]
        ),
        (order("[]"), 422, ["items"]),
        (order("{}"), 422, ["items"]),
        (order("[7]"), 422, ["items[0]"]),
        (order("[{}]"), 422, ["items[0].id", "items[0].price", "items[0].quantity"]),
        (order(#"[{"id": 1, "price": -0.01, "quantity": 0}]"#), 422, ["items[0].price", "items[0].quantity"]),
        (order(#"[{"id": 1, "price": 1.001, "quantity": -1}]"#), 422, ["items[0].price", "items[0].quantity"]),
        (order(#"[{"id": 1, "price": 1, "quantity": 1.5}]"#), 422, ["items[0].quantity"]),
        (order(#"[{"id": 1, "price": 1, "quantity": 9223372036854775808}]"#), 422, ["items[0].quantity"]),
        (order(#"[{"id": 1, "price": 1000000000, "quantity": 1000000000}]"#), 422, ["items"]),
        (order(#"[{"id": 1, "price": 1, "quantity": 1, "name": "x"}]"#), 422, ["items[0].name"]),
        (#"{"items": [{"id": 1, "price": 1, "quantity": 1}]}"#, 422, ["customer_id"]),
        (#"{"customer_id": 0, "items": [{"id": 1, "price": 1, "quantity": 1}]}"#, 422, ["customer_id"]),
        (#"{"customer_id": 1, "items": [{"id": 1, "price": 1, "quantity": 1}], "date": 1}"#, 422, ["date"]),
        ("[]", 422, [""]),
        ("{", 400, []),
        ("", 400, []),
    ]
}
