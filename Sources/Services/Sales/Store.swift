import Foundation
import Postgres
import ServiceKit

/// The orders in the database: SQL and the decoding of rows, nothing else. An order and its lines are always one
/// statement, so they are one transaction when written and one round trip when read.
struct Store: Sendable {
    private static let list: Statement = """
        SELECT o.id, o.customer_id, o.ordered_at, o.version, l.item_ids, l.prices, l.quantities
        FROM (SELECT id, customer_id, ordered_at, version FROM orders WHERE id > $1 ORDER BY id LIMIT $2) AS o
        CROSS JOIN LATERAL (
            SELECT array_agg(item_id ORDER BY position) AS item_ids,
                array_agg(price_minor ORDER BY position) AS prices,
                array_agg(quantity ORDER BY position) AS quantities
            FROM order_lines WHERE order_id = o.id) AS l
        ORDER BY o.id
        """

    /// The orders whose ids are greater than `after`, at most `count`.
    func list(after: Int64, count: Int64, in database: any PostgresQuerying) async throws(PostgresError) -> [Order] {
        try await orders(database.query(Self.list, [after, count]))
    }

    private static let find: Statement = """
        SELECT o.id, o.customer_id, o.ordered_at, o.version, l.item_ids, l.prices, l.quantities
        FROM orders AS o
        CROSS JOIN LATERAL (
            SELECT array_agg(item_id ORDER BY position) AS item_ids,
                array_agg(price_minor ORDER BY position) AS prices,
                array_agg(quantity ORDER BY position) AS quantities
            FROM order_lines WHERE order_id = o.id) AS l
        WHERE o.id = $1
        """

    /// The order with this id, or nil.
    func find(_ id: Int64, in database: any PostgresQuerying) async throws(PostgresError) -> Order? {
        try await orders(database.query(Self.find, [id])).first
    }

    private static let place: Statement = """
        WITH placed AS (INSERT INTO orders (customer_id) VALUES ($1) RETURNING id, ordered_at, version),
        lines AS (
            INSERT INTO order_lines (order_id, position, item_id, price_minor, quantity)
            SELECT placed.id, line.position, line.item_id, line.price_minor, line.quantity
            FROM placed, unnest($2::bigint[], $3::bigint[], $4::bigint[]) WITH ORDINALITY
                AS line (item_id, price_minor, quantity, position))
        SELECT id, ordered_at, version FROM placed
        """

    /// Places an order, dated now.
    func place(_ order: NewOrder, in database: any PostgresQuerying) async throws(PostgresError) -> Order {
        guard let row = try await database.query(Self.place, Self.binds(order)).first else {
            throw PostgresError(.protocolViolation, "INSERT returned no row")
        }
        let (id, date, version) = try row.decode(Int64.self, Date.self, Int64.self)
        return Order(
            id: id, customerID: order.customerID, date: Timestamp(date), lines: order.lines, version: version)
    }

    private static let change: Statement = """
        WITH changed AS (
            UPDATE orders SET customer_id = $3, version = version + 1, changed_at = now()
            WHERE id = $1 AND ($2::bigint[] IS NULL OR version = ANY($2))
            RETURNING id, customer_id, ordered_at, version)
        SELECT o.id, o.customer_id, o.ordered_at, o.version, l.item_ids, l.prices, l.quantities
        FROM changed AS o
        CROSS JOIN LATERAL (
            SELECT array_agg(item_id ORDER BY position) AS item_ids,
                array_agg(price_minor ORDER BY position) AS prices,
                array_agg(quantity ORDER BY position) AS quantities
            FROM order_lines WHERE order_id = o.id) AS l
        """

    /// Changes an order whose version is one of `versions` (nil: any).
    ///
    /// - Returns: The changed order, or nil when there is none with this id and version.
    func change(
        _ id: Int64, to change: OrderChange, versions: [Int64]?, in database: any PostgresQuerying
    ) async throws(PostgresError) -> Order? {
        try await orders(database.query(Self.change, [id, versions, change.customerID])).first
    }

    private static let delete: Statement = """
        DELETE FROM orders WHERE id = $1 AND ($2::bigint[] IS NULL OR version = ANY($2))
        """

    /// Deletes an order whose version is one of `versions` (nil: any), and its lines.
    ///
    /// - Returns: Whether there was one.
    func delete(
        _ id: Int64, versions: [Int64]?, in database: any PostgresQuerying
    ) async throws(PostgresError) -> Bool {
        try await database.execute(Self.delete, [id, versions]) == 1
    }

    // MARK: - Demonstration

    private static let lockDemonstration: Statement = "SELECT pg_advisory_xact_lock(hashtext('demonstration'))"

    private static let placeMissing: Statement = """
        WITH placed AS (
            INSERT INTO orders (customer_id)
            SELECT $1 WHERE NOT EXISTS (SELECT FROM orders WHERE customer_id = $1)
            RETURNING id)
        INSERT INTO order_lines (order_id, position, item_id, price_minor, quantity)
        SELECT placed.id, line.position, line.item_id, line.price_minor, line.quantity
        FROM placed, unnest($2::bigint[], $3::bigint[], $4::bigint[]) WITH ORDINALITY
            AS line (item_id, price_minor, quantity, position)
        """

    /// Places the orders of those customers who have none.
    func placeMissing(_ orders: [NewOrder], in transaction: PostgresTransaction) async throws(PostgresError) {
        _ = try await transaction.query(Self.lockDemonstration)
        for order in orders {
            try await transaction.execute(Self.placeMissing, Self.binds(order))
        }
    }

    // MARK: - Rows

    private static func binds(_ order: NewOrder) -> [any PostgresBindable] {
        [
            order.customerID, order.lines.map(\.itemID), order.lines.map(\.price.minorUnits),
            order.lines.map(\.quantity),
        ]
    }

    /// Decodes the columns that every statement above that reads orders returns, in that order.
    private func orders(_ rows: PostgresRows) throws(PostgresError) -> [Order] {
        var orders: [Order] = []
        orders.reserveCapacity(rows.count)
        for row in rows {
            let (id, customerID, date, version, itemIDs, prices, quantities) = try row.decode(
                Int64.self, Int64.self, Date.self, Int64.self, [Int64].self, [Int64].self, [Int64].self)
            let lines = itemIDs.indices.map { index in
                OrderLine(
                    itemID: itemIDs[index], price: Money(minorUnits: prices[index]), quantity: quantities[index])
            }
            orders.append(
                Order(id: id, customerID: customerID, date: Timestamp(date), lines: lines, version: version))
        }
        return orders
    }
}
