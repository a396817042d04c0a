import ServiceKit

/// The items of a demonstration: what `seed` stores, and what the orders of the sales demonstration sell.
enum Demonstration {
    static let items = [
        NewItem(
            name: "Espresso machine", description: "Two boilers, 15 bar", countryOfOrigin: "Italy",
            price: Money(minorUnits: 100_00), quantity: 10),
        NewItem(
            name: "Coffee grinder", description: "Conical burrs, 40 mm", countryOfOrigin: "Germany",
            price: Money(minorUnits: 50_00), quantity: 5),
        NewItem(
            name: "Milk frother", description: "Stainless steel, 500 ml", countryOfOrigin: "Switzerland",
            price: Money(minorUnits: 70_00), quantity: 7),
    ]
}
