import Glibc
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct SoldItems {
        @Test func `what was sold is shown, not what is in stock`() async throws {
            let system = try RunningSystem.current
            let (chairs, tables) = (RunningSystem.unique("Chair"), RunningSystem.unique("Table"))
            let chair = try await system.createItem(chairs, price: "15.00", quantity: 40)
            let table = try await system.createItem(tables, price: "120.00", quantity: 50)
            let unsold = try await system.createItem(RunningSystem.unique("Bench"), price: "9.99", quantity: 60)
            let customer = RunningSystem.uniqueNumber()
            let first = try await system.placeOrder(
                by: customer,
                [
                    .init(item: chair, price: "12.34", quantity: 2), .init(item: table, price: "100.00", quantity: 3),
                ])
            _ = try await system.placeOrder(by: customer, [.init(item: chair, price: "0.66", quantity: 1)])

            let soldChairs = try #require(try await system.sold(chair))
            #expect(soldChairs["quantity"] == 3)
            #expect(soldChairs["revenue"] == .amount("25.34"))
            #expect(soldChairs["item"]?["name"]?.string == chairs)
            #expect(soldChairs["item"]?["price"] == .amount("15.00"), "what it costs now, not what it was sold for")
            let soldTables = try #require(try await system.sold(table))
            #expect(soldTables["quantity"] == 3)
            #expect(soldTables["revenue"] == .amount("300.00"))
            #expect(try await system.sold(unsold) == nil)
            let stock = try await system.send("GET", "/warehouse/items/\(chair)")
            #expect(stock.json["quantity"] == 40, "an order is no movement of stock")

            #expect(try await system.send("DELETE", "/sales/orders/\(first)").status == 204)
            #expect(try await system.sold(chair)?["quantity"] == 1)
            #expect(try await system.sold(table) == nil)
        }

        @Test func `an item that has left the warehouse stays sold`() async throws {
            let system = try RunningSystem.current
            let item = try await system.createItem(RunningSystem.unique("Relic"))
            _ = try await system.placeOrder(
                by: RunningSystem.uniqueNumber(), [.init(item: item, price: "1.00", quantity: 2)])
            #expect(try await system.send("DELETE", "/warehouse/items/\(item)").status == 204)
            let sold = try #require(try await system.sold(item))
            #expect(sold["quantity"] == 2)
            #expect(sold["item"] == .null)
        }

        @Test(arguments: Client.library)
        func `a warehouse that is gone means 503 within two seconds`(over client: Client) async throws {
            let system = try RunningSystem.current
            try await system.kill(.warehouse)
            try await restoring(system) {
                for _ in 0..<3 {
                    let answer = try await expect(within: .seconds(2)) {
                        try await system.send("GET", "/sales/sold_items", over: client)
                    }
                    expectProblem(answer, 503)
                    #expect(answer.header("retry-after") != nil)
                }
                let orders = try await expect(within: .seconds(2)) {
                    try await system.send("GET", "/sales/orders", over: client)
                }
                #expect(orders.status == 200)
            }
            #expect(try await system.send("GET", "/sales/sold_items", over: client).status == 200)
        }

        @Test func `a warehouse that hangs means 503 within two seconds`() async throws {
            let system = try RunningSystem.current
            try system.signal(.warehouse, SIGSTOP)
            do {
                for client in Client.library {
                    let answer = try await expect(within: .seconds(2)) {
                        try await system.send("GET", "/sales/sold_items", over: client)
                    }
                    expectProblem(answer, 503)
                }
                try system.signal(.warehouse, SIGCONT)
            } catch {
                try system.signal(.warehouse, SIGCONT)
                throw error
            }
            try await eventually("sold items are back") {
                try await system.send("GET", "/sales/sold_items").status == 200
            }
        }
    }
}

/// Does something to a system that is partly down, and brings it back up whatever happens.
func restoring(_ system: RunningSystem, _ work: () async throws -> Void) async throws {
    do {
        try await work()
    } catch {
        try await system.startWhatEnded()
        throw error
    }
    try await system.startWhatEnded()
}
