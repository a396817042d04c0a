/// Why sales says no.
enum Refusal: Error, Sendable, Hashable {
    case noSuchOrder(Int64)
    /// The change was meant for another version of the order.
    case versionChanged
}
