import Foundation
import Testing

/// The words of the business, so that tests of the system speak it.
extension RunningSystem {
    /// A name that no other test uses.
    static func unique(_ word: String) -> String { "\(word) \(UUID().uuidString.prefix(13))" }

    /// A number of a customer or an order that no other test uses.
    static func uniqueNumber() -> Int { Int.random(in: 1_000_000_000...9_000_000_000) }

    struct Line: Sendable {
        let item: Int
        let price: String
        let quantity: Int

        static func json(_ lines: [Line]) -> String {
            let texts = lines.map { "{\"id\": \($0.item), \"price\": \($0.price), \"quantity\": \($0.quantity)}" }
            return "[\(texts.joined(separator: ", "))]"
        }
    }

    /// - Returns: The new item's id.
    func createItem(_ name: String, price: String = "10.00", quantity: Int = 1) async throws -> Int {
        let answer = try await send(
            "POST", "/warehouse/items",
            json: "{\"name\": \"\(name)\", \"price\": \(price), \"quantity\": \(quantity)}")
        try #require(answer.status == 201, "\(answer)")
        return try #require(answer.json["id"]?.integer)
    }

    /// - Returns: The new order's id.
    func placeOrder(by customer: Int, _ lines: [Line]) async throws -> Int {
        let answer = try await send(
            "POST", "/sales/orders", json: "{\"customer_id\": \(customer), \"items\": \(Line.json(lines))}")
        try #require(answer.status == 201, "\(answer)")
        return try #require(answer.json["id"]?.integer)
    }

    /// Every element of a list, page by page.
    func all(_ path: String, over client: Client = .http2, limit: Int = 200) async throws -> [JSON] {
        var elements: [JSON] = []
        var cursor: String?
        for _ in 0..<10_000 {
            let query = "?limit=\(limit)" + (cursor.map { "&cursor=\($0)" } ?? "")
            let answer = try await send("GET", path + query, over: client)
            try #require(answer.status == 200, "\(answer)")
            let items = try #require(answer.json["items"]?.elements)
            #expect(items.count <= limit)
            elements += items
            cursor = answer.json["next"]?.string
            if cursor == nil { return elements }
        }
        throw HarnessError("\(path) does not end")
    }

    /// What was sold of one item, or nil.
    func sold(_ item: Int) async throws -> JSON? {
        try await all("/sales/sold_items").first { $0["item_id"]?.integer == item }
    }
}
