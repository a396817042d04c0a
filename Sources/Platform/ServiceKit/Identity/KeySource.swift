/// Where the keys come from that verify tokens: a file, an issuer's address, or the service itself.
protocol KeySource: Sendable {
    /// The keys as of now; nil while there are none yet.
    func current(now: Double) async -> VersionedKeys?

    /// The keys after a token named one that is not among them; fetched again where that can help and is due.
    func current(missing keyID: String, now: Double) async -> VersionedKeys?

    /// Whether there are keys, without waiting for any.
    var isLoaded: Bool { get }
}

extension KeySource {
    func current(missing keyID: String, now: Double) async -> VersionedKeys? { await current(now: now) }
}

/// Keys, and a number that grows with every change of them: what was verified under a smaller one is verified again.
struct VersionedKeys: Sendable {
    let keys: KeySet
    let generation: Int
}
