/// The id of a whole trace: sixteen bytes, not all zero (W3C Trace Context §3.2.2.3).
public struct TraceID: Sendable, Hashable, CustomStringConvertible {
    private let high: UInt64
    private let low: UInt64

    /// A random id.
    public static func random(using generator: inout some RandomNumberGenerator) -> TraceID {
        while true {
            if let id = TraceID(high: generator.next(), low: generator.next()) {
                return id
            }
        }
    }

    init?(high: UInt64, low: UInt64) {
        guard high != 0 || low != 0 else { return nil }
        self.high = high
        self.low = low
    }

    /// Thirty-two lower-case hexadecimal digits.
    public var description: String {
        var digits: [UInt8] = []
        digits.reserveCapacity(32)
        append(to: &digits)
        return String(decoding: digits, as: UTF8.self)
    }

    func append(to bytes: inout [UInt8]) {
        Hexadecimal.append(high, to: &bytes)
        Hexadecimal.append(low, to: &bytes)
    }
}

/// The id of one span of a trace: eight bytes, not all zero (W3C Trace Context §3.2.2.4, where it is `parent-id`).
public struct SpanID: Sendable, Hashable, CustomStringConvertible {
    private let value: UInt64

    /// A random id.
    public static func random(using generator: inout some RandomNumberGenerator) -> SpanID {
        while true {
            if let id = SpanID(generator.next()) {
                return id
            }
        }
    }

    init?(_ value: UInt64) {
        guard value != 0 else { return nil }
        self.value = value
    }

    /// Sixteen lower-case hexadecimal digits.
    public var description: String {
        var digits: [UInt8] = []
        digits.reserveCapacity(16)
        append(to: &digits)
        return String(decoding: digits, as: UTF8.self)
    }

    func append(to bytes: inout [UInt8]) {
        Hexadecimal.append(value, to: &bytes)
    }
}
