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

    /// The lower-case hexadecimal digit for a value below 16.
    @inline(__always)
    static func lowerHexDigit(_ value: UInt8) -> UInt8 { value < 10 ? zero + value : 0x57 + value }

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

/// What a field name's bytes become (RFC 9110 §5.6.2): a `tchar` its lower case, every other byte zero.
///
/// The table is the text of a literal, because that is a constant's address; an array would be asked at each use whether it
/// is initialised. `FieldRulesTests` compares it with `ByteSet.token`.
enum TokenTable {
    @inline(__always)
    static var lowercase: UnsafePointer<UInt8> { text.utf8Start }

    @inline(__always)
    private static var text: StaticString {
        """
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
        \0!\0#$%&'\0\0*+\0-.\00123456789\0\0\0\0\0\0\
        \0abcdefghijklmnopqrstuvwxyz\0\0\0^_\
        `abcdefghijklmnopqrstuvwxyz\0|\0~\0\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0
        """
    }
}

/// Searches and comparisons over bytes. Every unsafe load here is preceded by the bound that proves it.
@usableFromInline
enum ByteScan {
    /// The offset of the first control byte (below 0x20 or 0x7F) other than HTAB in `bytes[start..<end]`, or `end`.
    ///
    /// Sixteen bytes a step, the last one overlapping the one before it.
    @inline(__always)
    static func firstControl(in bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
        precondition(0 <= start && start <= end && end <= bytes.count, "scan range outside the input")
        let raw = bytes.bytes
        var offset = start
        while offset &+ 16 <= end {
            // In bounds: offset + 16 <= end <= bytes.count.
            let piece = raw.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: SIMD16<UInt8>.self)
            if let hit = firstLane(controls(piece)) { return offset &+ hit }
            offset &+= 16
        }
        guard offset < end else { return end }
        if end &- start >= 16 {
            // In bounds: start <= end - 16.
            let piece = raw.unsafeLoadUnaligned(fromUncheckedByteOffset: end &- 16, as: SIMD16<UInt8>.self)
            return firstLane(controls(piece)).map { end &- 16 &+ $0 } ?? end
        }
        while offset < end, !isControl(bytes[offset]) { offset &+= 1 }
        return offset
    }

    @inline(__always)
    private static func isControl(_ byte: UInt8) -> Bool {
        byte < ASCII.space ? byte != ASCII.tab : byte == ASCII.delete
    }

    @inline(__always)
    private static func controls(_ piece: SIMD16<UInt8>) -> SIMDMask<SIMD16<Int8>> {
        ((piece .< SIMD16(repeating: ASCII.space)) .& (piece .!= SIMD16(repeating: ASCII.tab)))
            .| (piece .== SIMD16(repeating: ASCII.delete))
    }

    /// A lane of a mask is all ones or all zeros, so its halves say where the first hit is (little-endian).
    @inline(__always)
    private static func firstLane(_ mask: SIMDMask<SIMD16<Int8>>) -> Int? {
        let hits = unsafeBitCast(mask, to: SIMD2<UInt64>.self)
        guard hits[0] | hits[1] != 0 else { return nil }
        let low = hits[0].littleEndian.trailingZeroBitCount
        return (low < 64 ? low : 64 &+ hits[1].littleEndian.trailingZeroBitCount) >> 3
    }

    /// Whether any byte is one of which `wide` and `narrow`, which say the same, are true. Sixteen bytes a step; fewer than
    /// that are looked at as two words, which overlap.
    @inline(__always)
    private static func contains(
        _ bytes: Span<UInt8>, where wide: (SIMD16<UInt8>) -> SIMDMask<SIMD16<Int8>>, orByte narrow: (UInt8) -> Bool
    ) -> Bool {
        let raw = bytes.bytes
        let end = bytes.count
        // In bounds, all of them: the count is compared before each load.
        if end >= 16 {
            var offset = 0
            while offset &+ 16 < end {
                if isHit(wide(raw.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: SIMD16<UInt8>.self))) {
                    return true
                }
                offset &+= 16
            }
            return isHit(wide(raw.unsafeLoadUnaligned(fromUncheckedByteOffset: end &- 16, as: SIMD16<UInt8>.self)))
        }
        if end >= 8 {
            let words = SIMD2<UInt64>(
                raw.unsafeLoadUnaligned(fromUncheckedByteOffset: 0, as: UInt64.self),
                raw.unsafeLoadUnaligned(fromUncheckedByteOffset: end &- 8, as: UInt64.self))
            return isHit(wide(unsafeBitCast(words, to: SIMD16<UInt8>.self)))
        }
        for offset in bytes.indices where narrow(bytes[offset]) { return true }
        return false
    }

    @inline(__always)
    private static func isHit(_ mask: SIMDMask<SIMD16<Int8>>) -> Bool {
        let hits = unsafeBitCast(mask, to: SIMD2<UInt64>.self)
        return hits[0] | hits[1] != 0
    }

    static func hasControl(_ bytes: Span<UInt8>) -> Bool {
        contains(bytes, where: controls, orByte: isControl)
    }

    /// Whether no byte needs escaping in a JSON string, and all are ASCII.
    static func isPlainJSON(_ bytes: Span<UInt8>) -> Bool {
        !contains(bytes) {
            ($0 .< SIMD16(repeating: ASCII.space)) .| ($0 .>= SIMD16(repeating: ASCII.delete))
                .| ($0 .== SIMD16(repeating: ASCII.quote)) .| ($0 .== SIMD16(repeating: ASCII.backslash))
        } orByte: {
            $0 < ASCII.space || $0 >= ASCII.delete || $0 == ASCII.quote || $0 == ASCII.backslash
        }
    }

    /// Whether there is a space or a control byte.
    static func hasSpaceOrControl(_ bytes: Span<UInt8>) -> Bool {
        contains(bytes) {
            ($0 .<= SIMD16(repeating: ASCII.space)) .| ($0 .== SIMD16(repeating: ASCII.delete))
        } orByte: {
            $0 <= ASCII.space || $0 == ASCII.delete
        }
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

    /// Writes the letters, digits and hyphens at the start of `bytes`, letters in lower case: what most field names consist
    /// of. It may write more than it counts, but never more bytes than there are.
    ///
    /// - Parameter memory: has room for all of `bytes`.
    /// - Returns: how many there are; fewer when the last fifteen bytes are reached.
    @inline(__always)
    static func copyLettersLowercased(
        _ bytes: UnsafeBufferPointer<UInt8>, to memory: UnsafeMutablePointer<UInt8>
    ) -> Int {
        let source = UnsafeRawBufferPointer(bytes)
        var count = 0
        while count &+ 16 <= bytes.count {
            // In bounds by the condition above.
            let piece = source.loadUnaligned(fromByteOffset: count, as: SIMD16<UInt8>.self)
            // Each step has a type of its own: without, the compiler takes the operators for lists of sixteen numbers, at
            // seventy times the cost.
            let fromA: SIMD16<UInt8> = piece &- SIMD16<UInt8>(repeating: 0x41)
            let capitals = unsafeBitCast(fromA .< SIMD16<UInt8>(repeating: 26), to: SIMD16<UInt8>.self)
            let bits: SIMD16<UInt8> = capitals & SIMD16<UInt8>(repeating: 0x20)
            let lower: SIMD16<UInt8> = piece | bits
            let letters: SIMD16<UInt8> = lower &- SIMD16<UInt8>(repeating: 0x61)
            let digits: SIMD16<UInt8> = piece &- SIMD16<UInt8>(repeating: ASCII.zero)
            let isOther =
                (letters .>= SIMD16<UInt8>(repeating: 26)) .& (digits .>= SIMD16<UInt8>(repeating: 10))
                .& (piece .!= SIMD16<UInt8>(repeating: 0x2D))
            UnsafeMutableRawPointer(memory).storeBytes(of: lower, toByteOffset: count, as: SIMD16<UInt8>.self)
            if let end = firstLane(isOther) { return count &+ end }
            count &+= 16
        }
        return count
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

    /// Always inlined: the length of a literal and its bytes become constants of the comparison.
    @inlinable @inline(__always)
    static func equal(_ bytes: Span<UInt8>, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        return bytes.withUnsafeBytes { buffer in
            guard let start = buffer.baseAddress else { return true }
            // In bounds: both hold `count` bytes.
            return equal(start, text.utf8Start, text.utf8CodeUnitCount)
        }
    }

    static func equal(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        return left.withUnsafeBytes { first in
            right.withUnsafeBytes { second in
                guard let one = first.baseAddress, let other = second.baseAddress else { return true }
                // In bounds: both hold `count` bytes.
                return equal(one, other, first.count)
            }
        }
    }

    /// Word by word; the last word overlaps the one before it.
    @inlinable @inline(__always)
    static func equal(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ count: Int) -> Bool {
        var offset = 0
        if count >= 8 {
            while offset &+ 8 < count {
                if differ(left, right, offset, as: UInt64.self) { return false }
                offset &+= 8
            }
            return !differ(left, right, count &- 8, as: UInt64.self)
        }
        if count >= 4 {
            return !differ(left, right, 0, as: UInt32.self) && !differ(left, right, count &- 4, as: UInt32.self)
        }
        while offset < count {
            if differ(left, right, offset, as: UInt8.self) { return false }
            offset &+= 1
        }
        return true
    }

    @inlinable @inline(__always)
    static func differ<Word: FixedWidthInteger & BitwiseCopyable>(
        _ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ offset: Int, as type: Word.Type
    ) -> Bool {
        left.loadUnaligned(fromByteOffset: offset, as: type) != right.loadUnaligned(fromByteOffset: offset, as: type)
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
        for offset in bytes.indices where TokenTable.lowercase[Int(bytes[offset])] == 0 { return false }
        return !bytes.isEmpty
    }

    /// Whether every byte is a visible ASCII character (`VCHAR`, RFC 5234 appendix B.1) and there is at least one.
    static func isVisible(_ bytes: Span<UInt8>) -> Bool {
        !bytes.isEmpty
            && !contains(bytes) {
                ($0 .<= SIMD16(repeating: ASCII.space)) .| ($0 .>= SIMD16(repeating: ASCII.delete))
            } orByte: {
                $0 <= ASCII.space || $0 >= ASCII.delete
            }
    }
}

extension [UInt8] {
    mutating func append(copying bytes: Span<UInt8>) {
        bytes.withUnsafeBufferPointer { append(contentsOf: $0) }
    }
}

extension OutputSpan<UInt8> {
    mutating func append(copying bytes: Span<UInt8>) {
        precondition(bytes.count <= freeCapacity, "more is written than was reserved")
        withUnsafeMutableBufferPointer { buffer, initializedCount in
            bytes.withUnsafeBytes { source in
                // In bounds: count <= freeCapacity == buffer.count - initializedCount.
                UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[initializedCount...])
                    .copyMemory(from: source)
            }
            initializedCount += bytes.count
        }
    }
}
