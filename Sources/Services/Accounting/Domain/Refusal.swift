/// Why accounting says no.
enum Refusal: Error, Sendable, Hashable {
    /// There never was such a transaction, or it was voided.
    case noSuchTransaction(Int64)
    /// The change was meant for another version of the transaction.
    case versionChanged
}
