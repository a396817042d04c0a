import ServiceKit

/// How orders and sold items look in JSON.
enum Shapes {
    static let price = Shape.money(minorUnits: OrderLimits.priceMinorUnits)
    static let quantity = Shape.integer(OrderLimits.quantity)

    /// An amount that is only written.
    static let exactAmount = Shape<ExactAmount>(
        schema: Schema(["type": "number", "format": "decimal", "multipleOf": .number("0.01"), "minimum": 0]),
        read: { _ throws(FieldErrors) in throw FieldErrors("is read-only") },
        write: { $1.number($0.digits) })
}

extension Order: Representable {
    static let representation = Representation<Order>(
        "Order", "What a customer bought.",
        [
            .init("id", .identifier, "The order's number.") { $0.id },
            .init("customer_id", .identifier, "The customer's number.") { $0.customerID },
            .init("date", .timestamp, "When the order was placed.") { $0.date },
            .init("items", .list(of: .representation, OrderLimits.lines), "The lines of the order.") { $0.lines },
        ])
}

extension OrderLine: Representable {
    static let representation = Representation<OrderLine>(
        "OrderLine", "One item of an order.",
        [
            .init("id", .identifier, "The item's number in the warehouse.") { $0.itemID },
            .init("price", Shapes.price, "The price of one, in euro with two decimals.") { $0.price },
            .init("quantity", Shapes.quantity, "How many were sold.") { $0.quantity },
        ])
}

extension OrderLine: RequestForm {
    private enum Fields {
        static let itemID = Field.required("id", .identifier, "The item's number in the warehouse.")
        static let price = Field.required(
            "price", Shapes.price, "The price of one, in euro with at most two decimals.")
        static let quantity = Field.required("quantity", Shapes.quantity, "How many are sold.")
    }

    static let form = Form<OrderLine>(
        "NewOrderLine", "One item of an order.", [Fields.itemID, Fields.price, Fields.quantity])

    init(_ values: FormValues) {
        itemID = values[Fields.itemID]
        price = values[Fields.price]
        quantity = values[Fields.quantity]
    }
}

extension NewOrder: RequestForm {
    private enum Fields {
        static let customerID = Field.required("customer_id", .identifier, "The customer's number.")
        static let lines = Field.required(
            "items", .list(of: Shape<OrderLine>.form, OrderLimits.lines),
            "The lines of the order, each for another item; together they cost at most a million million euro.")
    }

    static let form = Form<NewOrder>("NewOrder", "An order to place.", [Fields.customerID, Fields.lines])

    init(_ values: FormValues) throws(FieldErrors) {
        do throws(OrderDefects) {
            try self.init(customerID: values[Fields.customerID], lines: values[Fields.lines])
        } catch {
            throw FieldErrors(Self.fieldErrors(error))
        }
    }

    private static func fieldErrors(_ defects: OrderDefects) -> [FieldError] {
        var errors = defects.repeatedLines.map { index in
            FieldError(field: "items[\(index)].id", message: "is on an earlier line already")
        }
        if defects.isTotalTooLarge {
            errors.append(
                FieldError(field: "items", message: "must not cost more than \(OrderLimits.total) together"))
        }
        return errors
    }
}

extension OrderChange: RequestForm {
    private enum Fields {
        static let customerID = Field.required("customer_id", .identifier, "The number of the right customer.")
    }

    static let form = Form<OrderChange>(
        "OrderChange", "The only change that a placed order allows.", [Fields.customerID])

    init(_ values: FormValues) {
        customerID = values[Fields.customerID]
    }
}

extension SoldItem: Representable {
    static let representation = Representation<SoldItem>(
        "SoldItem", "What was sold of one item, in all orders together.",
        [
            .init("item_id", .identifier, "The item's number in the warehouse.") { $0.sales.itemID },
            .init("quantity", .integer(1...Int64.max), "How many were sold.") { $0.sales.quantity },
            .init("revenue", Shapes.exactAmount, "The sum of price times quantity, in euro with two decimals.") {
                $0.sales.revenue
            },
            .init("item", .nullable(.representation), "The warehouse's data; null when it has no such item any more.") {
                $0.item
            },
        ])
}

extension WarehouseItem: Representable {
    static let representation = Representation<WarehouseItem>(
        "WarehouseItem", "What the warehouse knows about an item.",
        [
            .init("name", .text(0...Int.max), "Its name.") { $0.name },
            .init("description", .text(0...Int.max), "What it is.") { $0.description },
            .init("country_of_origin", .text(0...Int.max), "Where it was made.") { $0.countryOfOrigin },
            .init("price", Shapes.exactAmount, "What one costs now, in euro with two decimals.") { $0.price },
        ])
}
