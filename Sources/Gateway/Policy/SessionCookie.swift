/// The value of a session's cookie: which endpoint it belongs to, and until when, for those who have the key.
///
/// Forty hexadecimal digits: a keyed hash of the endpoint, which gives away no address; the second since 1970 at which the
/// session ends (0: never); and a keyed hash of both, so that nobody else makes such values.
public struct SessionCookie: Sendable, Equatable {
    /// Characters of `text`.
    public static let count = 40

    public let endpoint: UInt64
    /// 0: never.
    public let endSeconds: UInt32

    public init(endpoint: UInt64, endSeconds: UInt32) {
        self.endpoint = endpoint
        self.endSeconds = endSeconds
    }

    /// - Returns: nil for what this key has not made.
    public init?(_ text: Span<UInt8>, key: SipHash) {
        guard text.count == Self.count, let endpoint = Self.number(text.extracting(0..<16)),
            let end = Self.number(text.extracting(16..<24)), let seal = Self.number(text.extracting(24..<40))
        else { return nil }
        self.init(endpoint: endpoint, endSeconds: UInt32(truncatingIfNeeded: end))
        guard Self.seal(endpoint, endSeconds, key) == seal else { return nil }
    }

    /// How an endpoint is called in cookies.
    public static func name(of endpoint: [UInt8], key: SipHash) -> UInt64 { key.hash(endpoint.span) }

    public func text(key: SipHash) -> [UInt8] {
        Self.digits(endpoint, 16) + Self.digits(UInt64(endSeconds), 8)
            + Self.digits(Self.seal(endpoint, endSeconds, key), 16)
    }

    private static func seal(_ endpoint: UInt64, _ endSeconds: UInt32, _ key: SipHash) -> UInt64 {
        let text = digits(endpoint, 16) + digits(UInt64(endSeconds), 8) + [UInt8(ascii: "s")]
        return key.hash(text.span)
    }

    private static func digits(_ number: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).reversed().map { place in
            let digit = UInt8(truncatingIfNeeded: number >> UInt64(4 * place) & 0xf)
            return digit < 10 ? digit + 0x30 : digit - 10 + 0x61
        }
    }

    private static func number(_ text: Span<UInt8>) -> UInt64? {
        var number: UInt64 = 0
        for index in text.indices {
            switch text[index] {
            case 0x30...0x39: number = number << 4 | UInt64(text[index] - 0x30)
            case 0x61...0x66: number = number << 4 | UInt64(text[index] - 0x61 + 10)
            default: return nil
            }
        }
        return number
    }
}
