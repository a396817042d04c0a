import Wire

/// The place of a request in a distributed trace (W3C Trace Context, level 1, §3.2).
struct TraceContext: Equatable {
    /// The trace id; both zero: none.
    var high: UInt64 = 0
    var low: UInt64 = 0
    /// Whether the caller may have recorded it, and so should everybody after.
    var isSampled = false

    var isKnown: Bool { high | low != 0 }

    init() {}

    init(high: UInt64, low: UInt64, isSampled: Bool) {
        self.high = high
        self.low = low
        self.isSampled = isSampled
    }

    /// Reads a `traceparent`: `00-` trace id `-` parent id `-` flags, hexadecimal digits in lower case.
    ///
    /// - Returns: nil for any other text, for version ff, and for a trace id or parent id of zero. Of a later version the
    ///   part that is known is read, as §4.3 asks.
    init?(parsing text: Span<UInt8>) {
        guard text.count >= 55, text[2] == Self.dash, text[35] == Self.dash, text[52] == Self.dash else { return nil }
        guard let version = Self.hexadecimal(text.extracting(0..<2)), version != 0xff,
            text.count == 55 || version > 0 && text[55] == Self.dash
        else { return nil }
        guard let high = Self.hexadecimal(text.extracting(3..<19)),
            let low = Self.hexadecimal(text.extracting(19..<35)), high | low != 0,
            let parent = Self.hexadecimal(text.extracting(36..<52)), parent != 0,
            let flags = Self.hexadecimal(text.extracting(53..<55))
        else { return nil }
        self.init(high: high, low: low, isSampled: flags & 1 == 1)
    }

    /// How long a `traceparent` is.
    static let byteCount = 55

    /// Writes the `traceparent` that a request is forwarded with.
    ///
    /// - Parameter span: the id of our own part, not zero.
    func write(span: UInt64, into writer: inout ByteWriter) {
        writer.append(literal: "00-")
        writer.append(hexadecimal: high)
        writer.append(hexadecimal: low)
        writer.append(Self.dash)
        writer.append(hexadecimal: span)
        writer.append(literal: isSampled ? "-01" : "-00")
    }

    private static let dash = UInt8(ascii: "-")

    private static func hexadecimal(_ digits: Span<UInt8>) -> UInt64? {
        var number: UInt64 = 0
        for index in digits.indices {
            let byte = digits[index]
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x61...0x66: digit = byte - 0x61 + 10
            default: return nil
            }
            number = number << 4 | UInt64(digit)
        }
        return number
    }
}
