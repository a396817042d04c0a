/// Tokens that were refused a moment ago, so that a client that repeats a bad token costs a hash and not a verification.
///
/// A direct-mapped table of fixed size. It knows a token by two independent keyed hashes of 64 bits, and so for another
/// once in 2¹²⁸ tokens; then the other is refused for `lifetimeSeconds`. Only refusals that are the token's own are to be
/// kept, never that the gateway had no keys or no time. `removeAll()` is called when the keys change.
public struct RefusedTokens {
    /// Short, because a token that is not yet valid may be so in a moment.
    static let lifetimeSeconds: Int64 = 10

    private struct Entry {
        var hashes: (UInt64, UInt64) = (0, 0)
        var refusal = TokenRefusal.malformed
        var until: Int64 = 0
    }

    private var entries: [Entry]
    private let first: KeyedHash
    private let second: KeyedHash

    /// - Parameters:
    ///   - capacity: rounded up to a power of two.
    ///   - key: a secret of the process.
    public init(capacity: Int, key: (UInt64, UInt64)) {
        var size = 1
        while size < capacity { size <<= 1 }
        entries = Array(repeating: Entry(), count: size)
        first = KeyedHash(key: key)
        second = KeyedHash(key: (~key.1, key.0 &* 0x9E37_79B9_7F4A_7C15))
    }

    public func find(_ token: Span<UInt8>, provider: Int, nowSeconds: Int64) -> TokenRefusal? {
        let hash = first.hash(token, provider)
        let entry = entries[Int(truncatingIfNeeded: hash) & (entries.count - 1)]
        guard entry.until > nowSeconds, entry.hashes.0 == hash, entry.hashes.1 == second.hash(token, provider) else {
            return nil
        }
        return entry.refusal
    }

    /// Remembers that `token` was refused, if that was the token's fault.
    public mutating func insert(_ token: [UInt8], provider: Int, _ refusal: TokenRefusal, nowSeconds: Int64) {
        guard refusal != .keysNotLoaded, refusal != .overloaded, refusal != .unknownKey else { return }
        let hash = first.hash(token.span, provider)
        entries[Int(truncatingIfNeeded: hash) & (entries.count - 1)] = Entry(
            hashes: (hash, second.hash(token.span, provider)), refusal: refusal,
            until: nowSeconds + Self.lifetimeSeconds)
    }

    public mutating func removeAll() {
        for index in entries.indices { entries[index].until = 0 }
    }
}
