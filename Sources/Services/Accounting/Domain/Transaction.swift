import ServiceKit

/// The record that money was due for an order.
///
/// A ledger never forgets: a transaction's sum and date never change, and what is deleted is voided, which keeps it in
/// the database together with when and by whom. Voided transactions are not read, listed or changed any more.
struct Transaction: Sendable, Hashable {
    let id: Int64
    /// The order in sales; accounting does not check that it exists, because services do not share a database.
    let orderID: Int64
    /// What the order costs. Never negative; zero is the sum of an order whose items are free.
    let sum: Money
    /// When it was recorded.
    let date: Timestamp
    /// Grows by one with every change.
    let version: Int64
}

/// The bounds of a transaction's values.
enum TransactionLimits {
    /// In hundredths: up to a million million, which is also the largest order that sales takes.
    static let sumMinorUnits: ClosedRange<Int64> = 0...100_000_000_000_000
}

/// A transaction that is to be recorded.
struct NewTransaction: Sendable, Hashable {
    let orderID: Int64
    let sum: Money
}

/// The only change that a recorded transaction allows: it was meant for another order.
struct TransactionChange: Sendable, Hashable {
    let orderID: Int64
}
