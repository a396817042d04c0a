import HTTPTypes
import Postgres
import ServiceKit
import ServiceTestSupport
import Testing
import Warehouse

typealias RunningWarehouse = RunningService<WarehouseService>

/// Runs a warehouse and hands over a token that may do everything there.
func withWarehouse(
    _ test: @escaping @Sendable (_ warehouse: RunningWarehouse, _ token: String) async throws -> Void
) async throws {
    try await withService(WarehouseService.self) { warehouse in
        try await test(warehouse, try await warehouse.token(scopes: "warehouse:read warehouse:write"))
    }
}

@Suite(.timeLimit(.minutes(2))) struct ItemContractTests {
    @Test func `creates an item and reads it back, exactly`() async throws {
        try await withWarehouse { warehouse, token in
            let created = try await warehouse.send(
                .post, "/warehouse/items", token: token,
                json: #"""
                    {"name":"Kaffee ☕️","description":"a \"dark\" roast\n","country_of_origin":"Peru","price":12.3,"quantity":7}
                    """#)
            #expect(created.status == 201 && created.header("location") == "/warehouse/items/1")
            #expect(
                created.text
                    == #"{"id":1,"name":"Kaffee ☕️","description":"a \"dark\" roast\n","country_of_origin":"Peru","price":12.30,"quantity":7}"#
            )
            let read = try await warehouse.send(.get, "/warehouse/items/1", token: token)
            #expect(read.status == 200 && read.content == created.content)
            #expect(read.header("etag") == created.header("etag"))
        }
    }

    @Test func `needs only a name; the rest has defaults`() async throws {
        try await withWarehouse { warehouse, token in
            let created = try await warehouse.send(.post, "/warehouse/items", token: token, json: #"{"name":"Plain"}"#)
            #expect(created.status == 201)
            #expect(
                created.text
                    == #"{"id":1,"name":"Plain","description":"","country_of_origin":"Not defined","price":0.00,"quantity":1}"#
            )
        }
    }

    @Test func `keeps the largest price and quantity exactly`() async throws {
        try await withWarehouse { warehouse, token in
            let created = try await warehouse.send(
                .post, "/warehouse/items", token: token,
                json: #"{"name":"a","price":1000000000.00,"quantity":1000000000}"#)
            #expect(created.status == 201 && created.json["price"]?.digits == "1000000000.00")
            for body in [#"{"name":"b","price":1000000000.01}"#, #"{"name":"b","quantity":1000000001}"#] {
                #expect(try await warehouse.send(.post, "/warehouse/items", token: token, json: body).status == 422)
            }
        }
    }

    @Test(arguments: [
        (#"{}"#, ["name"]), (#"{"name":""}"#, ["name"]), (#"{"name":null}"#, ["name"]), (#"{"name":1}"#, ["name"]),
        (#"{"name":"a","price":-0.01}"#, ["price"]), (#"{"name":"a","quantity":-1}"#, ["quantity"]),
        (#"{"name":"a","price":1.005}"#, ["price"]), (#"{"name":"a","price":"1.00"}"#, ["price"]),
        (#"{"name":"a","price":true}"#, ["price"]), (#"{"name":"a","quantity":1.5}"#, ["quantity"]),
        (#"{"name":"a","quantity":9223372036854775808}"#, ["quantity"]),
        (#"{"name":"a","price":92233720368547758079.00}"#, ["price"]), (#"{"name":"a","colour":"red"}"#, ["colour"]),
        (#"{"name":"a","id":7}"#, ["id"]), (#"{"name":"a\u0000"}"#, ["name"]), (#"{"name":"a","name":"b"}"#, ["name"]),
        (
            #"{"description":7,"country_of_origin":"","price":-1,"quantity":"x","nmae":"a"}"#,
            ["nmae", "name", "description", "country_of_origin", "price", "quantity"]
        ),
        (#"[]"#, [""]), (#""name""#, [""]),
    ])
    func `refuses an item that is not valid, naming every field`(body: String, fields: [String]) async throws {
        try await withWarehouse { warehouse, token in
            let answer = try await warehouse.send(.post, "/warehouse/items", token: token, json: body)
            #expect(answer.status == 422 && answer.isProblem)
            #expect(answer.refusedFields == fields)
            let list = try await warehouse.send(.get, "/warehouse/items", token: token)
            #expect(list.json["items"]?.elements == [])
        }
    }

    @Test func `changes any subset and leaves the rest`() async throws {
        try await withWarehouse { warehouse, token in
            let path = "/warehouse/items/1"
            _ = try await warehouse.send(
                .post, "/warehouse/items", token: token,
                json: #"{"name":"a","description":"d","country_of_origin":"Peru","price":1.00,"quantity":5}"#)
            let steps = [
                (
                    #"{"price":2.50}"#,
                    #"{"id":1,"name":"a","description":"d","country_of_origin":"Peru","price":2.50,"quantity":5}"#
                ),
                (
                    #"{"quantity":0,"name":"b"}"#,
                    #"{"id":1,"name":"b","description":"d","country_of_origin":"Peru","price":2.50,"quantity":0}"#
                ),
                (
                    #"{"description":"","country_of_origin":"Chile"}"#,
                    #"{"id":1,"name":"b","description":"","country_of_origin":"Chile","price":2.50,"quantity":0}"#
                ),
                (
                    #"{}"#,
                    #"{"id":1,"name":"b","description":"","country_of_origin":"Chile","price":2.50,"quantity":0}"#
                ),
            ]
            var tags: Set<String> = []
            for (body, expected) in steps {
                let changed = try await warehouse.send(.put, path, token: token, json: body)
                #expect(changed.status == 200 && changed.text == expected)
                tags.insert(changed.header("etag") ?? "")
                #expect(try await warehouse.send(.get, path, token: token).content == changed.content)
            }
            #expect(tags.count == steps.count)
            for body in [#"{"price":-1}"#, #"{"quantity":null}"#, #"{"id":2}"#, #"{"name":""}"#] {
                let refused = try await warehouse.send(.put, path, token: token, json: body)
                #expect(refused.status == 422 && refused.isProblem, "\(body)")
            }
        }
    }

    @Test func `deletes an item once`() async throws {
        try await withWarehouse { warehouse, token in
            _ = try await warehouse.send(.post, "/warehouse/items", token: token, json: #"{"name":"a"}"#)
            let deleted = try await warehouse.send(.delete, "/warehouse/items/1", token: token)
            #expect(deleted.status == 204 && deleted.content.isEmpty)
            #expect(try await warehouse.send(.delete, "/warehouse/items/1", token: token).status == 404)
            #expect(try await warehouse.send(.get, "/warehouse/items/1", token: token).status == 404)
        }
    }

    @Test(arguments: [
        "1", "0", "-1", "9223372036854775807", "9223372036854775808", "abc", "1.0", "%31", "1%00", "null",
    ])
    func `answers 404 for unknown items on every method`(id: String) async throws {
        try await withWarehouse { warehouse, token in
            let path = "/warehouse/items/\(id)"
            for method in [HTTPRequest.Method.get, .head, .put, .delete] {
                let body = method == .put ? "{}" : nil
                let answer = try await warehouse.send(method, path, token: token, json: body)
                #expect(answer.status == 404 && (answer.isProblem || method == .head), "\(method)")
                let guarded = try await warehouse.send(
                    method, path, token: token, headers: ["if-match": "\"1\""], json: body)
                #expect(guarded.status == 404, "\(method)")
            }
        }
    }

    @Test func `guards changes and deletions by version`() async throws {
        try await withWarehouse { warehouse, token in
            let path = "/warehouse/items/1"
            let created = try await warehouse.send(.post, "/warehouse/items", token: token, json: #"{"name":"a"}"#)
            let first = try #require(created.header("etag"))
            let changed = try await warehouse.send(
                .put, path, token: token, headers: ["if-match": first], json: #"{"quantity":2}"#)
            let second = try #require(changed.header("etag"))
            #expect(changed.status == 200 && second != first)
            let stale = try await warehouse.send(
                .put, path, token: token, headers: ["if-match": first], json: #"{"quantity":3}"#)
            #expect(stale.status == 412 && stale.isProblem)
            let staleDeletion = try await warehouse.send(.delete, path, token: token, headers: ["if-match": first])
            #expect(staleDeletion.status == 412)
            let read = try await warehouse.send(.get, path, token: token)
            #expect(read.json["quantity"]?.integer == 2 && read.header("etag") == second)
            let deleted = try await warehouse.send(
                .delete, path, token: token, headers: ["if-match": "\(first), \(second)"])
            #expect(deleted.status == 204)
        }
    }

    @Test func `a name is unique within its country of origin`() async throws {
        try await withWarehouse { warehouse, token in
            for (body, status) in [
                (#"{"name":"a"}"#, 201), (#"{"name":"a"}"#, 409),
                (#"{"name":"a","country_of_origin":"Not defined"}"#, 409),
                (#"{"name":"a","country_of_origin":"Peru"}"#, 201), (#"{"name":"A"}"#, 201),
            ] {
                let answer = try await warehouse.send(.post, "/warehouse/items", token: token, json: body)
                #expect(answer.status == status, "\(body)")
                #expect(answer.isProblem == (status == 409))
            }
            let renamed = try await warehouse.send(
                .put, "/warehouse/items/1", token: token, json: #"{"country_of_origin":"Peru"}"#)
            #expect(renamed.status == 409 && renamed.isProblem)
            #expect(!renamed.text.contains("items_name"))
        }
    }

    @Test func `of twenty parallel creations of one item one succeeds`() async throws {
        try await withWarehouse { warehouse, token in
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        try await warehouse.send(.post, "/warehouse/items", token: token, json: #"{"name":"a"}"#).status
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.filter { $0 == 201 }.count == 1 && statuses.filter { $0 == 409 }.count == 19)
        }
    }

    @Test func `twenty parallel creations with one Idempotency-Key are one item and one answer`() async throws {
        try await withWarehouse { warehouse, token in
            let answers = try await withThrowingTaskGroup(of: TestAnswer.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        try await warehouse.send(
                            .post, "/warehouse/items", token: token, headers: ["idempotency-key": "once"],
                            json: #"{"name":"a"}"#)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.allSatisfy { $0.status == 201 && $0.content == answers[0].content })
            let list = try await warehouse.send(.get, "/warehouse/items", token: token)
            #expect(list.json["items"]?.elements?.count == 1)
        }
    }
}
