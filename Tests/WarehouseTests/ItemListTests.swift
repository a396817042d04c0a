import HTTPTypes
import Postgres
import ServiceKit
import ServiceTestSupport
import Testing
import Warehouse

@Suite(.timeLimit(.minutes(2))) struct ItemListTests {
    private static let fill: Statement = """
        INSERT INTO items (name, price_minor) SELECT 'item ' || n, n FROM generate_series(1, 450) AS n
        """

    private static func ids(_ answer: TestAnswer) -> [Int64] {
        answer.json["items"]?.elements?.compactMap { $0["id"]?.integer } ?? []
    }

    @Test func `lists all items, page by page, also while others come and go`() async throws {
        try await withWarehouse { warehouse, token in
            _ = try await warehouse.database.execute(Self.fill, [])
            let first = try await warehouse.send(.get, "/warehouse/items?limit=200", token: token)
            #expect(Self.ids(first) == Array(1...200))
            _ = try await warehouse.database.execute("DELETE FROM items WHERE id IN (5, 200, 201)", [])
            _ = try await warehouse.database.execute("INSERT INTO items (name) VALUES ('late')", [])
            let cursor = try #require(first.json["next"]?.string)
            let second = try await warehouse.send(.get, "/warehouse/items?limit=200&cursor=\(cursor)", token: token)
            #expect(Self.ids(second) == Array(202...401))
            let link = try #require(second.header("link"))
            let path = try #require(link.dropFirst().split(separator: ">").first)
            let third = try await warehouse.send(.get, String(path), token: token)
            #expect(Self.ids(third) == Array(402...451) && third.json["next"] == .null)
        }
    }

    @Test func `finds many items by their numbers in one request`() async throws {
        try await withWarehouse { warehouse, token in
            _ = try await warehouse.database.execute(Self.fill, [])
            let some = try await warehouse.send(.get, "/warehouse/items?id=7&id=3&id=9999&id=7", token: token)
            #expect(some.status == 200 && Self.ids(some) == [3, 7] && some.json["next"] == .null)
            #expect(some.json["items"]?[0]?["price"]?.digits == "0.03")
            let most = (1...200).map { "id=\($0)" }.joined(separator: "&")
            #expect(Self.ids(try await warehouse.send(.get, "/warehouse/items?\(most)", token: token)).count == 200)
            let tooMany = try await warehouse.send(.get, "/warehouse/items?\(most)&id=201", token: token)
            #expect(tooMany.status == 422 && tooMany.isProblem && tooMany.refusedFields == ["id"])
            for bad in ["0", "-1", "x", "", "9223372036854775808"] {
                #expect(try await warehouse.send(.get, "/warehouse/items?id=\(bad)", token: token).status == 422)
            }
        }
    }

    @Test func `an empty warehouse has an empty page`() async throws {
        try await withWarehouse { warehouse, token in
            let list = try await warehouse.send(.get, "/warehouse/items", token: token)
            #expect(list.status == 200 && list.text == #"{"items":[],"next":null}"#)
        }
    }
}
