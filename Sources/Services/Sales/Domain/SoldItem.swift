/// What was sold of one item, in all orders together, and what the warehouse knows about the item.
struct SoldItem: Sendable, Hashable {
    let sales: ItemSales
    /// nil when the warehouse does not have the item any more; it was sold all the same.
    let item: WarehouseItem?
}

/// What was sold of one item, in all orders together.
struct ItemSales: Sendable, Hashable {
    let itemID: Int64
    let quantity: Int64
    /// In euro: the sum of price times quantity over all order lines.
    let revenue: ExactAmount
}

/// The warehouse's data of an item.
struct WarehouseItem: Sendable, Hashable {
    let name: String
    let description: String
    let countryOfOrigin: String
    /// What one costs now, which need not be what it was sold for.
    let price: ExactAmount
}

/// An amount of money as decimal digits, kept exactly as its source wrote it: a sum over all orders may have more than
/// the 64 bits of minor units that a single amount has.
struct ExactAmount: Sendable, Hashable {
    /// A JSON number in plain notation, for example `12.30`.
    let digits: String
}
