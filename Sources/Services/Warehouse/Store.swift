import Postgres
import ServiceKit

/// The items in the database: SQL and the decoding of rows, nothing else.
struct Store: Sendable {
    private static let list: Statement = """
        SELECT id, name, description, country_of_origin, price_minor, price_currency, quantity, version
        FROM items WHERE id > $1 ORDER BY id LIMIT $2
        """

    /// The items whose ids are greater than `after`, at most `count`.
    func list(
        after: Int64, count: Int64, in database: any PostgresQuerying
    ) async throws(PostgresError) -> [Item] {
        try await decoded(database.query(Self.list, [after, count]))
    }

    private static let findSeveral: Statement = """
        SELECT id, name, description, country_of_origin, price_minor, price_currency, quantity, version
        FROM items WHERE id = ANY($1) ORDER BY id
        """

    /// The items with these ids, in the order of ids; ids without an item are skipped.
    func find(_ ids: [Int64], in database: any PostgresQuerying) async throws(PostgresError) -> [Item] {
        try await decoded(database.query(Self.findSeveral, [ids]))
    }

    private static let find: Statement = """
        SELECT id, name, description, country_of_origin, price_minor, price_currency, quantity, version
        FROM items WHERE id = $1
        """

    /// The item with this id, or nil.
    func find(_ id: Int64, in database: any PostgresQuerying) async throws(PostgresError) -> Item? {
        try await decoded(database.query(Self.find, [id])).first
    }

    private static let create: Statement = """
        INSERT INTO items (name, description, country_of_origin, price_minor, price_currency, quantity)
        VALUES ($1, $2, $3, $4, $5, $6)
        RETURNING id, name, description, country_of_origin, price_minor, price_currency, quantity, version
        """

    /// - Throws: ``Refusal/itemExists``, or `PostgresError`.
    func create(_ item: NewItem, in database: any PostgresQuerying) async throws -> Item {
        let items = try await refusingDuplicates {
            try await decoded(database.query(Self.create, Self.binds(item)))
        }
        guard let created = items.first else { throw PostgresError(.protocolViolation, "INSERT returned no row") }
        return created
    }

    private static let createMissing: Statement = """
        INSERT INTO items (name, description, country_of_origin, price_minor, price_currency, quantity)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT ON CONSTRAINT items_name_country_of_origin_key DO NOTHING
        """

    /// Creates the item unless there is one of its name and country of origin.
    func createIfMissing(_ item: NewItem, in database: any PostgresQuerying) async throws(PostgresError) {
        _ = try await database.execute(Self.createMissing, Self.binds(item))
    }

    private static let change: Statement = """
        UPDATE items
        SET name = COALESCE($3, name), description = COALESCE($4, description),
            country_of_origin = COALESCE($5, country_of_origin), price_minor = COALESCE($6, price_minor),
            price_currency = COALESCE($7, price_currency), quantity = COALESCE($8, quantity),
            version = version + 1, changed_at = now()
        WHERE id = $1 AND ($2::bigint[] IS NULL OR version = ANY($2))
        RETURNING id, name, description, country_of_origin, price_minor, price_currency, quantity, version
        """

    /// Changes an item whose version is one of `versions` (nil: any).
    ///
    /// - Returns: The changed item, or nil when there is none with this id and version.
    /// - Throws: ``Refusal/itemExists``, or `PostgresError`.
    func change(
        _ id: Int64, to change: ItemChange, versions: [Int64]?, in database: any PostgresQuerying
    ) async throws -> Item? {
        try await refusingDuplicates {
            try await decoded(
                database.query(
                    Self.change,
                    [
                        id, versions, change.name, change.description, change.countryOfOrigin,
                        change.price?.minorUnits, change.price?.currency.code, change.quantity,
                    ]))
        }.first
    }

    private static let delete: Statement = """
        DELETE FROM items WHERE id = $1 AND ($2::bigint[] IS NULL OR version = ANY($2))
        """

    /// Deletes an item whose version is one of `versions` (nil: any).
    ///
    /// - Returns: Whether there was one.
    func delete(
        _ id: Int64, versions: [Int64]?, in database: any PostgresQuerying
    ) async throws(PostgresError) -> Bool {
        try await database.execute(Self.delete, [id, versions]) == 1
    }

    // MARK: - Rows

    private static func binds(_ item: NewItem) -> [any PostgresBindable] {
        [
            item.name, item.description, item.countryOfOrigin, item.price.minorUnits, item.price.currency.code,
            item.quantity,
        ]
    }

    /// Decodes the columns that every statement above returns, in that order.
    private func decoded(_ rows: PostgresRows) throws(PostgresError) -> [Item] {
        var items: [Item] = []
        items.reserveCapacity(rows.count)
        for row in rows {
            let (id, name, description, country, price, currency, quantity, version) = try row.decode(
                Int64.self, String.self, String.self, String.self, Int64.self, String.self, Int64.self, Int64.self)
            guard let currency = Currency(code: currency) else {
                throw PostgresError(.decodingFailure, "column price_currency: not a currency code")
            }
            items.append(
                Item(
                    id: id, name: name, description: description, countryOfOrigin: country,
                    price: Money(minorUnits: price, currency: currency), quantity: quantity, version: version))
        }
        return items
    }

    /// Turns the violation of the uniqueness of items into the domain's word for it.
    private func refusingDuplicates(_ work: () async throws -> [Item]) async throws -> [Item] {
        do {
            return try await work()
        } catch let error as PostgresError where error.constraint == "items_name_country_of_origin_key" {
            throw Refusal.itemExists
        }
    }
}
