/// Text of the access log, written into memory that was measured before. Writing beyond it traps.
extension OutputSpan<UInt8> {
    mutating func append(literal text: StaticString) {
        text.withUTF8Buffer { append(bytes: $0.span) }
    }

    mutating func append(bytes: Span<UInt8>) {
        precondition(bytes.count <= freeCapacity, "the line was measured too short")
        withUnsafeMutableBufferPointer { buffer, initializedCount in
            bytes.withUnsafeBytes { source in
                // In bounds: count <= freeCapacity == buffer.count - initializedCount.
                // lint: allow(unsafe): a whole span at once; byte by byte is half the cost of a line
                UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[initializedCount...])
                    .copyMemory(from: source)
            }
            initializedCount += bytes.count
        }
    }

    mutating func append(decimal number: UInt64) {
        guard number >= 10 else { return append(48 + UInt8(truncatingIfNeeded: number)) }
        // From the last digit: divisions by a constant are multiplications.
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var first = 20
        var rest = number
        while rest > 0 {
            first -= 1
            digits[first] = 48 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        append(bytes: digits.span.extracting(first..<20))
    }

    /// Sixteen digits in lower case.
    mutating func append(hexadecimal number: UInt64) {
        append(eightDigits: UInt32(truncatingIfNeeded: number >> 32))
        append(eightDigits: UInt32(truncatingIfNeeded: number))
    }

    /// All eight at a time: each nibble in a byte of its own, then those above 9 moved to the letters.
    private mutating func append(eightDigits number: UInt32) {
        var word = UInt64(number)
        word = (word | word << 16) & 0x0000_FFFF_0000_FFFF
        word = (word | word << 8) & 0x00FF_00FF_00FF_00FF
        word = (word | word << 4) & 0x0F0F_0F0F_0F0F_0F0F
        let letters = ((word &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
        word = word &+ 0x3030_3030_3030_3030 &+ letters &* 39
        for shift in stride(from: UInt64(56), through: 0, by: -8) { append(UInt8(truncatingIfNeeded: word >> shift)) }
    }

    /// A JSON string (RFC 8259 §7); see `[UInt8].append(jsonString:)`. Takes at most six bytes for each, and two.
    mutating func append(jsonString text: Span<UInt8>) {
        append(UInt8(ascii: "\""))
        if Self.isPlain(text) {
            append(bytes: text)
        } else {
            for index in text.indices { append(jsonByte: text[index]) }
        }
        append(UInt8(ascii: "\""))
    }

    /// Whether no byte needs escaping: eight at a time, then the rest.
    private static func isPlain(_ text: Span<UInt8>) -> Bool {
        let bytes = text.bytes
        var index = 0
        while index + 8 <= text.count {
            // In bounds by the condition above.
            // lint: allow(unsafe): byte by byte this is a fifth of the cost of a line
            let word = bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            let control = (word &- each(0x20)) & ~word
            let special = zeros(word ^ each(0x22)) | zeros(word ^ each(0x5C)) | zeros(word ^ each(0x7F))
            if (word | control | special) & each(0x80) != 0 { return false }
            index += 8
        }
        while index < text.count {
            let byte = text[index]
            if byte < 0x20 || byte >= 0x7F || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return false }
            index += 1
        }
        return true
    }

    /// The same byte eight times.
    private static func each(_ byte: UInt64) -> UInt64 { byte &* 0x0101_0101_0101_0101 }

    /// The highest bit of a byte is set when it is zero, or a lower one is; no bit is when none is.
    private static func zeros(_ word: UInt64) -> UInt64 { (word &- each(0x01)) & ~word }

    private mutating func append(jsonByte byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            append(UInt8(ascii: "\\"))
            append(byte)
        case 0x20..<0x7F: append(byte)
        default:
            append(literal: "\\u00")
            let high = byte >> 4
            let low = byte & 15
            append(high < 10 ? 48 + high : 87 + high)
            append(low < 10 ? 48 + low : 87 + low)
        }
    }
}

/// The time of a log line, made anew once a second.
struct LogClock {
    private var second = Int64.min
    /// "2026-11-21T11:37:32.": what the lines of one second have in common.
    private var text: [UInt8] = []

    /// Writes `milliseconds` since 1970 in the form of RFC 3339, in UTC: 24 bytes.
    mutating func write(_ milliseconds: Int64, into line: inout OutputSpan<UInt8>) {
        let now = milliseconds >= 0 ? milliseconds / 1000 : (milliseconds - 999) / 1000
        if now != second {
            second = now
            text.removeAll(keepingCapacity: true)
            text.append(timestamp: now * 1000)
            text.removeLast(4)
        }
        line.append(bytes: text.span)
        let rest = UInt16(truncatingIfNeeded: milliseconds - now * 1000)
        line.append(48 + UInt8(truncatingIfNeeded: rest / 100))
        line.append(48 + UInt8(truncatingIfNeeded: rest / 10 % 10))
        line.append(48 + UInt8(truncatingIfNeeded: rest % 10))
        line.append(UInt8(ascii: "Z"))
    }
}
