import ServiceKit

/// How items look in JSON.
enum Shapes {
    static let name = Shape.text(ItemLimits.name)
    static let description = Shape.text(ItemLimits.description)
    static let countryOfOrigin = Shape.text(ItemLimits.countryOfOrigin)
    static let price = Shape.money(minorUnits: ItemLimits.priceMinorUnits)
    static let quantity = Shape.integer(ItemLimits.quantity)
}

extension Item: Representable {
    static let representation = Representation<Item>(
        "Item", "Something in stock that can be sold.",
        [
            .init("id", .identifier, "The item's number.") { $0.id },
            .init("name", Shapes.name, "Its name, unique within its country of origin.") { $0.name },
            .init("description", Shapes.description, "What it is.") { $0.description },
            .init("country_of_origin", Shapes.countryOfOrigin, "Where it was made.") { $0.countryOfOrigin },
            .init("price", Shapes.price, "The price of one, in euro with two decimals.") { $0.price },
            .init("quantity", Shapes.quantity, "How many are in stock.") { $0.quantity },
        ])
}

extension NewItem: RequestForm {
    private enum Fields {
        static let name = Field.required("name", Shapes.name, "Its name, unique within its country of origin.")
        static let description = Field.defaulted(
            "description", Shapes.description, "What it is.", ItemLimits.defaultDescription)
        static let countryOfOrigin = Field.defaulted(
            "country_of_origin", Shapes.countryOfOrigin, "Where it was made.", ItemLimits.defaultCountryOfOrigin)
        static let price = Field.defaulted(
            "price", Shapes.price, "The price of one, in euro with at most two decimals.", ItemLimits.defaultPrice)
        static let quantity = Field.defaulted(
            "quantity", Shapes.quantity, "How many are in stock.", ItemLimits.defaultQuantity)
    }

    static let form = Form<NewItem>(
        "NewItem", "An item to create.",
        [Fields.name, Fields.description, Fields.countryOfOrigin, Fields.price, Fields.quantity])

    init(_ values: FormValues) {
        self.init(
            name: values[Fields.name], description: values[Fields.description],
            countryOfOrigin: values[Fields.countryOfOrigin], price: values[Fields.price],
            quantity: values[Fields.quantity])
    }
}

extension ItemChange: RequestForm {
    private enum Fields {
        static let name = Field.optional("name", Shapes.name, "Its new name.")
        static let description = Field.optional("description", Shapes.description, "Its new description.")
        static let countryOfOrigin = Field.optional(
            "country_of_origin", Shapes.countryOfOrigin, "Its new country of origin.")
        static let price = Field.optional("price", Shapes.price, "The new price of one.")
        static let quantity = Field.optional("quantity", Shapes.quantity, "How many are in stock now.")
    }

    static let form = Form<ItemChange>(
        "ItemChange", "New values for any of an item's properties; the others stay.",
        [Fields.name, Fields.description, Fields.countryOfOrigin, Fields.price, Fields.quantity])

    init(_ values: FormValues) {
        name = values[Fields.name]
        description = values[Fields.description]
        countryOfOrigin = values[Fields.countryOfOrigin]
        price = values[Fields.price]
        quantity = values[Fields.quantity]
    }
}
