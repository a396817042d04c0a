import ServiceKit

/// Something in stock that can be sold.
///
/// No two items have the same name and country of origin. (Once items have owners, the rule will hold per owner.)
struct Item: Sendable, Hashable {
    let id: Int64
    let name: String
    let description: String
    let countryOfOrigin: String
    /// The price of one.
    let price: Money
    /// How many are in stock.
    let quantity: Int64
    /// Grows by one with every change.
    let version: Int64
}

/// The bounds of an item's values.
enum ItemLimits {
    /// In Unicode scalars.
    static let name = 1...200
    static let description = 0...2_000
    static let countryOfOrigin = 1...100
    /// In hundredths: up to a thousand million.
    static let priceMinorUnits: ClosedRange<Int64> = 0...100_000_000_000
    static let quantity: ClosedRange<Int64> = 0...1_000_000_000

    /// What an item has that was created without these values.
    static let defaultDescription = ""
    static let defaultCountryOfOrigin = "Not defined"
    static let defaultPrice = Money.zero
    static let defaultQuantity: Int64 = 1

    /// How many items can be asked for by their numbers in one request.
    static let requestedIdentifiers = 200
}

/// An item that is to be created.
struct NewItem: Sendable, Hashable {
    let name: String
    let description: String
    let countryOfOrigin: String
    let price: Money
    let quantity: Int64

    init(
        name: String, description: String = ItemLimits.defaultDescription,
        countryOfOrigin: String = ItemLimits.defaultCountryOfOrigin, price: Money = ItemLimits.defaultPrice,
        quantity: Int64 = ItemLimits.defaultQuantity
    ) {
        self.name = name
        self.description = description
        self.countryOfOrigin = countryOfOrigin
        self.price = price
        self.quantity = quantity
    }
}

/// New values for some of an item's properties; nil leaves a property as it is.
struct ItemChange: Sendable, Hashable {
    let name: String?
    let description: String?
    let countryOfOrigin: String?
    let price: Money?
    let quantity: Int64?
}
