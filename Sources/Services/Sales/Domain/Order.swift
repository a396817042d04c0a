import ServiceKit

/// What a customer bought.
struct Order: Sendable, Hashable {
    let id: Int64
    let customerID: Int64
    /// When it was placed.
    let date: Timestamp
    /// In the order in which the customer gave them; no two are for the same item.
    let lines: [OrderLine]
    /// Grows by one with every change.
    let version: Int64
}

/// One item of an order, at the price it was sold for.
struct OrderLine: Sendable, Hashable {
    /// The item in the warehouse; sales does not check that it exists, because services do not share a database.
    let itemID: Int64
    /// The price of one.
    let price: Money
    let quantity: Int64
}

/// The bounds of an order's values.
enum OrderLimits {
    static let lines = 1...200
    /// In hundredths: up to a thousand million, as in the warehouse.
    static let priceMinorUnits: ClosedRange<Int64> = 0...100_000_000_000
    static let quantity: ClosedRange<Int64> = 1...1_000_000_000
    /// What a whole order may cost: up to a million million, as much as accounting records in one transaction.
    static let total = Money(minorUnits: 100_000_000_000_000)
}

/// An order that is to be placed; there is none whose lines break a rule.
struct NewOrder: Sendable, Hashable {
    let customerID: Int64
    let lines: [OrderLine]

    /// - Parameter lines: Each within ``OrderLimits``.
    /// - Throws: ``OrderDefects`` when an item stands on two lines, or when all lines together cost too much.
    init(customerID: Int64, lines: [OrderLine]) throws(OrderDefects) {
        var seen: Set<Int64> = []
        let repeated = lines.indices.filter { !seen.insert(lines[$0].itemID).inserted }
        let defects = OrderDefects(repeatedLines: repeated, isTotalTooLarge: !Self.isTotalAllowed(lines))
        guard defects.isEmpty else { throw defects }
        self.customerID = customerID
        self.lines = lines
    }

    private static func isTotalAllowed(_ lines: [OrderLine]) -> Bool {
        do {
            var total = Money.zero
            for line in lines {
                total = try total.adding(line.price.multiplied(by: line.quantity))
            }
            return total.minorUnits <= OrderLimits.total.minorUnits
        } catch {
            // A sum beyond 64 bits is beyond the limit, too.
            return false
        }
    }
}

/// Everything that is wrong with an order's lines taken together.
struct OrderDefects: Error, Sendable, Hashable {
    /// The positions, from 0, of lines whose item stands on an earlier line.
    let repeatedLines: [Int]
    /// Whether all lines together cost more than ``OrderLimits/total``.
    let isTotalTooLarge: Bool

    var isEmpty: Bool { repeatedLines.isEmpty && !isTotalTooLarge }
}

/// The only change that a placed order allows: it was another customer's.
struct OrderChange: Sendable, Hashable {
    let customerID: Int64
}
