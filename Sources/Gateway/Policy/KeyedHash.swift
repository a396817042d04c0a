/// A multiply-and-fold hash of sixteen bytes at a step, keyed. It is not cryptographic: it keeps those who do not know the
/// key from choosing inputs that collide, and no more.
struct KeyedHash: Sendable {
    private let key: (UInt64, UInt64)

    init(key: (UInt64, UInt64)) { self.key = key }

    func hash(_ input: Span<UInt8>, _ salt: Int) -> UInt64 {
        let bytes = input.bytes
        var hash = key.0 ^ UInt64(truncatingIfNeeded: salt)
        var offset = 0
        while offset + 16 <= bytes.byteCount {
            let first = bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let second = bytes.unsafeLoadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)
            hash = Self.fold(first ^ key.1, second ^ hash)
            offset += 16
        }
        var tail: UInt64 = 0
        var tailHigh: UInt64 = 0
        while offset < input.count {
            tailHigh = tailHigh << 8 | tail >> 56
            tail = tail << 8 | UInt64(input[offset])
            offset += 1
        }
        return Self.fold(tail ^ key.1 ^ UInt64(input.count), tailHigh ^ hash)
    }

    /// Of two words.
    func hash(_ high: UInt64, _ low: UInt64, _ salt: UInt64) -> UInt64 {
        Self.fold(low ^ key.1 ^ 16, Self.fold(high ^ key.1, key.0 ^ salt) ^ key.0)
    }

    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }
}
