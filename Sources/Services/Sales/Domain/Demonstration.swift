import ServiceKit

/// The orders of a demonstration: two of four lines each.
///
/// The first three items are those of the warehouse's demonstration. The fourth is in no warehouse: it was sold once and
/// has been deleted since.
enum Demonstration {
    private static let withdrawnItem: Int64 = 1000

    static var orders: [NewOrder] {
        get throws(OrderDefects) {
            [try order(of: 1, quantities: [1, 2, 1, 1]), try order(of: 2, quantities: [1, 1, 1, 1])]
        }
    }

    private static func order(of customerID: Int64, quantities: [Int64]) throws(OrderDefects) -> NewOrder {
        let items: [(id: Int64, priceMinorUnits: Int64)] = [
            (1, 100_00), (2, 50_00), (3, 70_00), (withdrawnItem, 200_00),
        ]
        return try NewOrder(
            customerID: customerID,
            lines: zip(items, quantities).map { item, quantity in
                OrderLine(itemID: item.id, price: Money(minorUnits: item.priceMinorUnits), quantity: quantity)
            })
    }
}
