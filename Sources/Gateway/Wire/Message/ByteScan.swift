internal import Glibc

/// The bytes of the grammar that the parsers name.
enum ASCII {
    static let tab: UInt8 = 0x09
    static let lineFeed: UInt8 = 0x0A
    static let carriageReturn: UInt8 = 0x0D
    static let space: UInt8 = 0x20
    static let quote: UInt8 = 0x22
    static let hash: UInt8 = 0x23
    static let percent: UInt8 = 0x25
    static let comma: UInt8 = 0x2C
    static let dot: UInt8 = 0x2E
    static let slash: UInt8 = 0x2F
    static let zero: UInt8 = 0x30
    static let nine: UInt8 = 0x39
    static let colon: UInt8 = 0x3A
    static let semicolon: UInt8 = 0x3B
    static let equals: UInt8 = 0x3D
    static let questionMark: UInt8 = 0x3F
    static let at: UInt8 = 0x40
    static let openBracket: UInt8 = 0x5B
    static let backslash: UInt8 = 0x5C
    static let closeBracket: UInt8 = 0x5D
    static let delete: UInt8 = 0x7F

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte &- zero < 10 }

    /// SP or HTAB: what RFC 9110 §5.6.3 calls optional whitespace.
    @inline(__always)
    static func isWhitespace(_ byte: UInt8) -> Bool { byte == space || byte == tab }

    @inline(__always)
    static func lowercased(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

    /// The value of a hexadecimal digit of either case, nil for any other byte.
    @inline(__always)
    static func hexValue(_ byte: UInt8) -> UInt8? {
        if byte &- zero < 10 { return byte &- zero }
        let letter = (byte | 0x20) &- 0x61
        return letter < 6 ? letter + 10 : nil
    }

    /// The upper-case hexadecimal digit for a value below 16.
    @inline(__always)
    static func upperHexDigit(_ value: UInt8) -> UInt8 { value < 10 ? zero + value : 0x37 + value }
}

/// A set of ASCII bytes as two words: membership costs a shift, no memory and no initialisation at run time.
///
/// `ByteSetTests` compares each constant with the characters that the RFC lists.
struct ByteSet: Sendable {
    let low: UInt64
    let high: UInt64

    @inline(__always)
    func contains(_ byte: UInt8) -> Bool {
        byte < 0x80 && (byte < 0x40 ? low : high) >> UInt64(byte & 0x3F) & 1 == 1
    }

    /// `tchar`, RFC 9110 §5.6.2.
    @inline(__always)
    static var token: ByteSet { ByteSet(low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE) }

    /// `unreserved`, RFC 3986 §2.3.
    @inline(__always)
    static var unreserved: ByteSet { ByteSet(low: 0x03FF_6000_0000_0000, high: 0x47FF_FFFE_87FF_FFFE) }

    /// `pchar` without its percent-encoded form, RFC 3986 §3.3.
    @inline(__always)
    static var pathCharacter: ByteSet { ByteSet(low: 0x2FFF_7FD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFF) }
}

/// Searches and comparisons over bytes. Every unsafe load here is preceded by the bound that proves it.
enum ByteScan {
    /// The offset of the first control byte (below 0x20 or 0x7F) other than HTAB in `bytes[start..<end]`, or `end`.
    ///
    /// Eight bytes a step. The usual "has a byte below n" and "has a byte equal to n" tricks on a word are exact for
    /// its lowest hit; higher ones may be false because of a borrow, so after a HTAB the search loads afresh.
    static func firstControl(in bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
        precondition(0 <= start && start <= end && end <= bytes.count, "scan range outside the input")
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highBits: UInt64 = 0x8080_8080_8080_8080
        let raw = bytes.bytes
        var offset = start
        while offset &+ 8 <= end {
            // In bounds: offset + 8 <= end <= bytes.count.
            let word = UInt64(littleEndian: raw.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
            let belowSpace = (word &- ones &* 0x20) & ~word
            let deleted = word ^ (ones &* 0x7F)
            let hits = (belowSpace | ((deleted &- ones) & ~deleted)) & highBits
            guard hits != 0 else {
                offset &+= 8
                continue
            }
            offset &+= hits.trailingZeroBitCount / 8
            guard bytes[offset] == ASCII.tab else { return offset }
            offset &+= 1
        }
        while offset < end {
            let byte = bytes[offset]
            if byte < ASCII.space ? byte != ASCII.tab : byte == ASCII.delete { return offset }
            offset &+= 1
        }
        return end
    }

    /// The offset of the first `byte` in `bytes[start...]`, or nil.
    static func first(_ byte: UInt8, in bytes: Span<UInt8>, from start: Int = 0) -> Int? {
        precondition(0 <= start && start <= bytes.count, "scan range outside the input")
        return bytes.withUnsafeBytes { buffer in
            // In bounds: memchr looks at count - start bytes from start.
            guard let base = buffer.baseAddress, start < buffer.count,
                let found = memchr(base + start, Int32(byte), buffer.count - start)
            else { return nil }
            return UnsafeRawPointer(found) - base
        }
    }

    /// The range of `bytes[range]` without the optional whitespace around it.
    @inline(__always)
    static func trimmed(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
        var start = range.lowerBound
        var end = range.upperBound
        while start < end, ASCII.isWhitespace(bytes[start]) { start &+= 1 }
        while start < end, ASCII.isWhitespace(bytes[end &- 1]) { end &-= 1 }
        return start..<end
    }

    static func equal(_ bytes: Span<UInt8>, _ text: StaticString) -> Bool {
        text.withUTF8Buffer { expected in
            guard expected.count == bytes.count else { return false }
            return bytes.withUnsafeBytes { buffer in
                guard let left = buffer.baseAddress, let right = expected.baseAddress else { return true }
                // In bounds: both hold `count` bytes.
                return memcmp(left, right, buffer.count) == 0
            }
        }
    }

    static func equal(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        return left.withUnsafeBytes { first in
            right.withUnsafeBytes { second in
                guard let one = first.baseAddress, let other = second.baseAddress else { return true }
                // In bounds: both hold `count` bytes.
                return memcmp(one, other, first.count) == 0
            }
        }
    }

    static func equalIgnoringCase(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        for offset in left.indices where ASCII.lowercased(left[offset]) != ASCII.lowercased(right[offset]) {
            return false
        }
        return true
    }

    static func equalIgnoringCase(_ bytes: Span<UInt8>, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { equalIgnoringCase(bytes, $0.span) }
    }

    static func isToken(_ bytes: Span<UInt8>) -> Bool {
        guard !bytes.isEmpty else { return false }
        for offset in bytes.indices where !ByteSet.token.contains(bytes[offset]) { return false }
        return true
    }

    /// Whether every byte is a visible ASCII character (`VCHAR`, RFC 5234 appendix B.1) and there is at least one.
    static func isVisible(_ bytes: Span<UInt8>) -> Bool {
        guard !bytes.isEmpty else { return false }
        for offset in bytes.indices where bytes[offset] &- 0x21 > 0x7E - 0x21 { return false }
        return true
    }
}

extension [UInt8] {
    mutating func append(copying bytes: Span<UInt8>) {
        bytes.withUnsafeBufferPointer { append(contentsOf: $0) }
    }
}
