import ServiceKit

/// The transactions of a demonstration: what `seed` stores for the two orders of the sales demonstration.
enum Demonstration {
    static let transactions = [
        NewTransaction(orderID: 1, sum: Money(minorUnits: 470_00)),
        NewTransaction(orderID: 2, sum: Money(minorUnits: 420_00)),
    ]
}
