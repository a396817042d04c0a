/// Why the warehouse says no.
enum Refusal: Error, Sendable, Hashable {
    case noSuchItem(Int64)
    /// Another item has the same name and country of origin.
    case itemExists
    /// The change was meant for another version of the item.
    case versionChanged
}
