import ServiceKit

/// How transactions look in JSON.
enum Shapes {
    static let sum = Shape.money(minorUnits: TransactionLimits.sumMinorUnits)
}

extension Transaction: Representable {
    static let representation = Representation<Transaction>(
        "Transaction", "The record that money was due for an order.",
        [
            .init("id", .identifier, "The transaction's number.") { $0.id },
            .init("order_id", .identifier, "The number of the order in sales.") { $0.orderID },
            .init("sum", Shapes.sum, "What the order costs, in euro with two decimals.") { $0.sum },
            .init("date", .timestamp, "When the transaction was recorded.") { $0.date },
        ])
}

extension NewTransaction: RequestForm {
    private enum Fields {
        static let orderID = Field.required("order_id", .identifier, "The number of the order in sales.")
        static let sum = Field.required(
            "order_sum", Shapes.sum, "What the order costs, in euro with at most two decimals; zero when it is free.")
    }

    static let form = Form<NewTransaction>(
        "NewTransaction", "A transaction to record.", [Fields.orderID, Fields.sum])

    init(_ values: FormValues) {
        orderID = values[Fields.orderID]
        sum = values[Fields.sum]
    }
}

extension TransactionChange: RequestForm {
    private enum Fields {
        static let orderID = Field.required("order_id", .identifier, "The number of the order it was meant for.")
    }

    static let form = Form<TransactionChange>(
        "TransactionChange", "The only change that a recorded transaction allows.", [Fields.orderID])

    init(_ values: FormValues) {
        orderID = values[Fields.orderID]
    }
}
