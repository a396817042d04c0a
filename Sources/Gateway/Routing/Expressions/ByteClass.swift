/// A set of bytes.
struct ByteClass: Sendable, Hashable {
    /// Bit n of word m is byte 64 m + n.
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    static let none = ByteClass()
    static let all = ByteClass(0x00...0xff)
    static let digits = ByteClass(0x30...0x39)
    /// `\w`: letters, digits and "_".
    static let word = digits.union(ByteClass(0x41...0x5a)).union(ByteClass(0x61...0x7a)).union(ByteClass(0x5f...0x5f))
    /// `\s` of RE2: tab, line feed, form feed, carriage return, space.
    static let space = ByteClass(0x09...0x0a).union(ByteClass(0x0c...0x0d)).union(ByteClass(0x20...0x20))
    /// `.`: everything but a line feed.
    static let notLineFeed = ByteClass(0x0a...0x0a).complement

    init() {}

    init(_ range: ClosedRange<UInt8>) {
        for byte in range { insert(byte) }
    }

    func contains(_ byte: UInt8) -> Bool {
        let bit = UInt64(1) << UInt64(byte & 63)
        switch byte >> 6 {
        case 0: return words.0 & bit != 0
        case 1: return words.1 & bit != 0
        case 2: return words.2 & bit != 0
        default: return words.3 & bit != 0
        }
    }

    mutating func insert(_ byte: UInt8) {
        let bit = UInt64(1) << UInt64(byte & 63)
        switch byte >> 6 {
        case 0: words.0 |= bit
        case 1: words.1 |= bit
        case 2: words.2 |= bit
        default: words.3 |= bit
        }
    }

    func union(_ other: ByteClass) -> ByteClass {
        var result = self
        result.words.0 |= other.words.0
        result.words.1 |= other.words.1
        result.words.2 |= other.words.2
        result.words.3 |= other.words.3
        return result
    }

    var complement: ByteClass {
        var result = ByteClass()
        result.words = (~words.0, ~words.1, ~words.2, ~words.3)
        return result
    }

    /// With both cases of every ASCII letter in it.
    var ignoringCase: ByteClass {
        var result = self
        for upper in UInt8(0x41)...0x5a where contains(upper) || contains(upper | 0x20) {
            result.insert(upper)
            result.insert(upper | 0x20)
        }
        return result
    }

    static func == (left: ByteClass, right: ByteClass) -> Bool { left.words == right.words }

    func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}
