/// What a request's path must be. The texts of the first two begin with "/" and are in the canonical form that requests are
/// brought to.
public enum PathCondition: Sendable, Hashable, CustomStringConvertible {
    /// The whole path, byte for byte.
    case exact(String)
    /// Whole path elements: "/warehouse" holds for "/warehouse" and "/warehouse/items", not for "/warehousex".
    /// A slash at the end changes nothing.
    case prefix(String)
    /// The whole canonical path must match.
    case regularExpression(RegularExpression)

    public var description: String {
        switch self {
        case .exact(let path): "= \(path)"
        case .prefix(let path): path == "/" ? "/*" : "\(path)[/*]"
        case .regularExpression(let expression): "~ \(expression)"
        }
    }
}

/// What the value of a field or a query parameter must be.
public enum ValueCondition: Sendable, Hashable {
    /// Byte for byte.
    case exact([UInt8])
    case regularExpression(RegularExpression)

    public func matches(_ value: Span<UInt8>) -> Bool {
        switch self {
        case .exact(let expected):
            guard value.count == expected.count else { return false }
            for index in value.indices where value[index] != expected[index] { return false }
            return true
        case .regularExpression(let expression): return expression.matches(value)
        }
    }
}

extension ValueCondition: CustomStringConvertible {
    public var description: String {
        switch self {
        case .exact(let bytes): String(decoding: bytes, as: UTF8.self)
        case .regularExpression(let expression): "~ \(expression)"
        }
    }
}

/// A field that a request must carry with such a value. A field sent in several lines has their values joined by ","
/// (RFC 9110 §5.3).
public struct HeaderCondition: Sendable, Hashable, CustomStringConvertible {
    /// Lower case.
    public let name: String
    /// The bytes of `name`, for comparing without decoding.
    public let nameBytes: [UInt8]
    public let value: ValueCondition

    public init(name: String, value: ValueCondition) {
        self.name = name.lowercased()
        nameBytes = Array(self.name.utf8)
        self.value = value
    }

    public init(name: String, value: String) { self.init(name: name, value: .exact(Array(value.utf8))) }

    public var description: String { "\(name): \(value)" }
}

/// A query parameter that a request must carry with such a value. Of a parameter that is repeated the first counts.
///
/// Names and values of the request are read as forms write them: "+" is a space, and percent-encoded bytes are decoded.
public struct QueryCondition: Sendable, Hashable, CustomStringConvertible {
    /// Case-sensitive.
    public let name: String
    let nameBytes: [UInt8]
    public let value: ValueCondition

    public init(name: String, value: ValueCondition) {
        self.name = name
        nameBytes = Array(name.utf8)
        self.value = value
    }

    public var description: String { "\(name)=\(value)" }

    /// Whether the condition holds for a query, which is what follows the first "?". Allocates only when the value is
    /// encoded or meets a regular expression.
    public func holds(in query: Span<UInt8>) -> Bool {
        var start = 0
        while start < query.count {
            var end = start
            while end < query.count, query[end] != UInt8(ascii: "&") { end += 1 }
            var equals = start
            while equals < end, query[equals] != UInt8(ascii: "=") { equals += 1 }
            if Self.decodes(query.extracting(start..<equals), to: nameBytes) {
                let raw = query.extracting(min(equals + 1, end)..<end)
                if case .exact(let expected) = value { return Self.decodes(raw, to: expected) }
                return value.matches(Self.decoded(raw).span)
            }
            start = end + 1
        }
        return false
    }

    private static func decodes(_ raw: Span<UInt8>, to expected: [UInt8]) -> Bool {
        guard raw.count >= expected.count else { return false }
        var offset = 0
        for byte in expected {
            guard offset < raw.count, next(raw, &offset) == byte else { return false }
        }
        return offset == raw.count
    }

    private static func decoded(_ raw: Span<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        var offset = 0
        while offset < raw.count { bytes.append(next(raw, &offset)) }
        return bytes
    }

    /// The next byte that is meant. A "%" without two digits means itself.
    private static func next(_ raw: Span<UInt8>, _ offset: inout Int) -> UInt8 {
        let byte = raw[offset]
        offset += 1
        if byte == UInt8(ascii: "+") { return UInt8(ascii: " ") }
        guard byte == UInt8(ascii: "%"), offset + 1 < raw.count, let high = hexValue(raw[offset]),
            let low = hexValue(raw[offset + 1])
        else { return byte }
        offset += 2
        return high << 4 | low
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}
