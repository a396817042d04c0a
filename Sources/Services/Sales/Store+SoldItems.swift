import Postgres

extension Store {
    /// The sums are `numeric`, hence exact however much was sold; multiplying by 0.01 keeps two decimals.
    private static let soldItems: Statement = """
        SELECT item_id, sum(quantity), (sum(price_minor::numeric * quantity) * 0.01)::text
        FROM order_lines WHERE item_id > $1 GROUP BY item_id ORDER BY item_id LIMIT $2
        """

    /// What was sold of the items whose ids are greater than `after`, for at most `count` items, in the order of ids.
    ///
    /// The orders as they are now: a deleted order does not count.
    func soldItems(
        after: Int64, count: Int64, in database: any PostgresQuerying
    ) async throws(PostgresError) -> [ItemSales] {
        var sold: [ItemSales] = []
        for row in try await database.query(Self.soldItems, [after, count]) {
            let (itemID, quantity, revenue) = try row.decode(Int64.self, Int64.self, String.self)
            sold.append(ItemSales(itemID: itemID, quantity: quantity, revenue: ExactAmount(digits: revenue)))
        }
        return sold
    }
}
