import ServiceKit
import Testing

@testable import Sales

struct `A new order` {
    private func line(_ itemID: Int64, price: Int64 = 100, quantity: Int64 = 1) -> OrderLine {
        OrderLine(itemID: itemID, price: Money(minorUnits: price), quantity: quantity)
    }

    @Test func `has each item on one line`() {
        let defects = #expect(throws: OrderDefects.self) {
            try NewOrder(customerID: 1, lines: [line(1), line(2), line(1), line(3), line(2), line(1)])
        }
        #expect(defects == OrderDefects(repeatedLines: [2, 4, 5], isTotalTooLarge: false))
    }

    @Test func `may cost a million million and not a cent more`() throws {
        let most = line(1, price: 100_000_000_000, quantity: 1000)
        #expect(throws: Never.self) { try NewOrder(customerID: 1, lines: [most, line(2, price: 0)]) }
        let defects = #expect(throws: OrderDefects.self) {
            try NewOrder(customerID: 1, lines: [most, line(2, price: 1)])
        }
        #expect(defects == OrderDefects(repeatedLines: [], isTotalTooLarge: true))
    }

    @Test(arguments: [
        [OrderLine(itemID: 1, price: Money(minorUnits: .max), quantity: 2)],
        [
            OrderLine(itemID: 1, price: Money(minorUnits: .max), quantity: 1),
            OrderLine(itemID: 2, price: Money(minorUnits: .max), quantity: 1),
        ],
    ])
    func `is refused, not wrapped, when its sum exceeds 64 bits`(lines: [OrderLine]) {
        let defects = #expect(throws: OrderDefects.self) { try NewOrder(customerID: 1, lines: lines) }
        #expect(defects?.isTotalTooLarge == true)
    }

    @Test func `of the demonstration has four lines and costs what accounting's demonstration says`() throws {
        let orders = try Demonstration.orders
        #expect(orders.map(\.lines.count) == [4, 4])
        let totals = orders.map { $0.lines.reduce(0) { $0 + $1.price.minorUnits * $1.quantity } }
        #expect(totals == [470_00, 420_00])
    }
}
