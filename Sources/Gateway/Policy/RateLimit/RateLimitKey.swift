/// Whose bucket: a keyed hash of everything that a limit tells requests apart by.
///
/// 64 bits under a secret of the process. Two of a million keys share a bucket once in 37 million runs, and nobody outside
/// can make them.
public struct RateLimitKey: Sendable {
    private let hasher: KeyedHash
    private var value: UInt64 = 0x9E37_79B9_7F4A_7C15

    init(_ hasher: KeyedHash) { self.hasher = hasher }

    /// Each part is hashed with what came before as its salt, so that ("a", "bc") is not ("ab", "c").
    public mutating func add(_ part: Span<UInt8>) { value = hasher.hash(part, Int(truncatingIfNeeded: value)) }

    public mutating func add(_ part: [UInt8]) { add(part.span) }

    public mutating func add(_ high: UInt64, _ low: UInt64) { value = hasher.hash(high, low, value) }

    /// Never 0, which stands for an empty place.
    var fingerprint: UInt64 { value == 0 ? 1 : value }
}
