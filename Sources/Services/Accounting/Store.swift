import Foundation
import Postgres
import ServiceKit

/// The transactions in the database: SQL and the decoding of rows, nothing else.
struct Store: Sendable {
    private static let list: Statement = """
        SELECT id, order_id, sum_minor, sum_currency, recorded_at, version
        FROM transactions WHERE id > $1 AND voided_at IS NULL ORDER BY id LIMIT $2
        """

    /// The transactions whose ids are greater than `after`, at most `count`.
    func list(
        after: Int64, count: Int64, in database: any PostgresQuerying
    ) async throws(PostgresError) -> [Transaction] {
        try await transactions(database.query(Self.list, [after, count]))
    }

    private static let find: Statement = """
        SELECT id, order_id, sum_minor, sum_currency, recorded_at, version
        FROM transactions WHERE id = $1 AND voided_at IS NULL
        """

    /// The transaction with this id, or nil.
    func find(_ id: Int64, in database: any PostgresQuerying) async throws(PostgresError) -> Transaction? {
        try await transactions(database.query(Self.find, [id])).first
    }

    private static let record: Statement = """
        INSERT INTO transactions (order_id, sum_minor, sum_currency)
        VALUES ($1, $2, $3)
        RETURNING id, order_id, sum_minor, sum_currency, recorded_at, version
        """

    /// Records a transaction, dated now.
    func record(
        _ transaction: NewTransaction, in database: any PostgresQuerying
    ) async throws(PostgresError) -> Transaction {
        let rows = try await database.query(Self.record, Self.binds(transaction))
        guard let recorded = try transactions(rows).first else {
            throw PostgresError(.protocolViolation, "INSERT returned no row")
        }
        return recorded
    }

    private static let change: Statement = """
        UPDATE transactions
        SET order_id = $3, version = version + 1, changed_at = now()
        WHERE id = $1 AND voided_at IS NULL AND ($2::bigint[] IS NULL OR version = ANY($2))
        RETURNING id, order_id, sum_minor, sum_currency, recorded_at, version
        """

    /// Changes a transaction whose version is one of `versions` (nil: any).
    ///
    /// - Returns: The changed transaction, or nil when there is none with this id and version.
    func change(
        _ id: Int64, to change: TransactionChange, versions: [Int64]?, in database: any PostgresQuerying
    ) async throws(PostgresError) -> Transaction? {
        try await transactions(database.query(Self.change, [id, versions, change.orderID])).first
    }

    private static let void: Statement = """
        UPDATE transactions
        SET voided_at = now(), voided_by = $3, version = version + 1, changed_at = now()
        WHERE id = $1 AND voided_at IS NULL AND ($2::bigint[] IS NULL OR version = ANY($2))
        """

    /// Voids a transaction whose version is one of `versions` (nil: any).
    ///
    /// - Parameter subject: Who voids it.
    /// - Returns: Whether there was one.
    func void(
        _ id: Int64, by subject: String, versions: [Int64]?, in database: any PostgresQuerying
    ) async throws(PostgresError) -> Bool {
        try await database.execute(Self.void, [id, versions, subject]) == 1
    }

    // MARK: - Demonstration

    private static let lockDemonstration: Statement = "SELECT pg_advisory_xact_lock(hashtext('demonstration'))"

    private static let recordMissing: Statement = """
        INSERT INTO transactions (order_id, sum_minor, sum_currency)
        SELECT $1, $2, $3
        WHERE NOT EXISTS (SELECT FROM transactions WHERE order_id = $1 AND sum_minor = $2 AND sum_currency = $3)
        """

    /// Records those transactions whose like was never recorded, voided or not.
    func recordMissing(
        _ transactions: [NewTransaction], in transaction: PostgresTransaction
    ) async throws(PostgresError) {
        _ = try await transaction.query(Self.lockDemonstration)
        for missing in transactions {
            try await transaction.execute(Self.recordMissing, Self.binds(missing))
        }
    }

    // MARK: - Rows

    private static func binds(_ transaction: NewTransaction) -> [any PostgresBindable] {
        [transaction.orderID, transaction.sum.minorUnits, transaction.sum.currency.code]
    }

    /// Decodes the columns that every statement above returns, in that order.
    private func transactions(_ rows: PostgresRows) throws(PostgresError) -> [Transaction] {
        var transactions: [Transaction] = []
        transactions.reserveCapacity(rows.count)
        for row in rows {
            let (id, orderID, sum, currency, date, version) = try row.decode(
                Int64.self, Int64.self, Int64.self, String.self, Date.self, Int64.self)
            guard let currency = Currency(code: currency) else {
                throw PostgresError(.decodingFailure, "column sum_currency: not a currency code")
            }
            transactions.append(
                Transaction(
                    id: id, orderID: orderID, sum: Money(minorUnits: sum, currency: currency), date: Timestamp(date),
                    version: version))
        }
        return transactions
    }
}
