/// Writes bytes one behind the other into memory that was measured before. Writing beyond it traps.
///
/// What `OutputSpan` does, for what a head or a log line is made of: forty short pieces. A literal becomes one comparison
/// and stores of constants (measured: 10 instructions, against 55 for an `append` to an `OutputSpan` and the copy), so what
/// is called per piece is always inlined.
///
/// Made by `[UInt8].append(reserving:)` only, and gone when that returns.
public struct ByteWriter: ~Copyable {
    @usableFromInline
    private(set) var next: UnsafeMutableRawPointer
    @usableFromInline
    let end: UnsafeMutableRawPointer

    /// - Parameter memory: not empty.
    @inlinable
    init(_ memory: UnsafeMutableRawBufferPointer) {
        next = memory.baseAddress.unsafelyUnwrapped
        end = next + memory.count
    }

    var isFull: Bool { next == end }

    /// Where the next `count` bytes are to be written, all of them.
    @inlinable @inline(__always)
    mutating func take(_ count: Int) -> UnsafeMutableRawPointer {
        precondition(count <= end - next, "more is written than was reserved")
        let start = next
        next = start + count
        return start
    }

    @inlinable @inline(__always)
    public mutating func append(_ byte: UInt8) { take(1).storeBytes(of: byte, as: UInt8.self) }

    @inlinable @inline(__always)
    public mutating func append(literal text: StaticString) {
        take(text.utf8CodeUnitCount).copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
    }

    @inlinable @inline(__always)
    public mutating func append(bytes: Span<UInt8>) {
        bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            take(source.count).copyMemory(from: start, byteCount: source.count)
        }
    }

    /// For arrays of classes, of which a release build makes no span.
    @inlinable
    public mutating func append(bytes: [UInt8]) {
        bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            take(source.count).copyMemory(from: start, byteCount: source.count)
        }
    }

    public mutating func append(decimal number: UInt64) {
        guard number >= 10 else { return append(0x30 + UInt8(truncatingIfNeeded: number)) }
        let count = Self.digitCount(number)
        Self.write(number, digits: count, to: take(count))
    }

    /// How many decimal digits `number` has.
    public static func digitCount(_ number: UInt64) -> Int {
        var count = 1
        var bound: UInt64 = 10
        while count < 20 && number >= bound {
            count += 1
            bound = bound &* 10
        }
        return count
    }

    /// From the last digit: divisions by a constant are multiplications.
    static func write(_ number: UInt64, digits: Int, to memory: UnsafeMutableRawPointer) {
        var rest = number
        var offset = digits
        while offset > 0 {
            offset -= 1
            memory.storeBytes(of: 0x30 + UInt8(truncatingIfNeeded: rest % 10), toByteOffset: offset, as: UInt8.self)
            rest /= 10
        }
    }

    /// Sixteen hexadecimal digits in lower case.
    @inlinable
    public mutating func append(hexadecimal number: UInt64) {
        let start = take(16)
        start.storeBytes(of: Self.digits(UInt32(truncatingIfNeeded: number >> 32)), as: UInt64.self)
        start.storeBytes(of: Self.digits(UInt32(truncatingIfNeeded: number)), toByteOffset: 8, as: UInt64.self)
    }

    /// Eight digits at a time: each nibble in a byte of its own, then those above 9 moved to the letters.
    @inlinable @inline(__always)
    static func digits(_ number: UInt32) -> UInt64 {
        var word = UInt64(number)
        word = (word | word << 16) & 0x0000_FFFF_0000_FFFF
        word = (word | word << 8) & 0x00FF_00FF_00FF_00FF
        word = (word | word << 4) & 0x0F0F_0F0F_0F0F_0F0F
        let letters = ((word &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
        return (word &+ 0x3030_3030_3030_3030 &+ letters &* 39).bigEndian
    }

    /// A JSON string (RFC 8259 §7). A byte that is not ASCII is escaped as if it were Latin-1, so that hostile bytes can
    /// never break the line or the encoding. Takes at most six bytes for each, and two.
    public mutating func append(jsonString text: Span<UInt8>) {
        append(0x22)
        if ByteScan.isPlainJSON(text) {
            append(bytes: text)
        } else {
            for index in text.indices { append(jsonByte: text[index]) }
        }
        append(0x22)
    }

    private mutating func append(jsonByte byte: UInt8) {
        switch byte {
        case ASCII.quote, ASCII.backslash:
            append(ASCII.backslash)
            append(byte)
        case 0x20..<0x7F: append(byte)
        default:
            append(literal: "\\u00")
            append(ASCII.lowerHexDigit(byte >> 4))
            append(ASCII.lowerHexDigit(byte & 0x0F))
        }
    }
}

extension [UInt8] {
    /// Appends what `body` writes; nothing when it throws.
    ///
    /// - Parameter bound: the most bytes that it may write, at least one.
    @inlinable @inline(__always)
    public mutating func append<E: Error>(
        reserving bound: Int, _ body: (inout ByteWriter) throws(E) -> Void
    ) throws(E) {
        try append(addingCapacity: bound) { (span: inout OutputSpan<UInt8>) throws(E) in
            try span.withUnsafeMutableBufferPointer { (memory, count) throws(E) in
                let free = UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: memory[count...]))
                var writer = ByteWriter(free)
                try body(&writer)
                count += writer.next - free.baseAddress.unsafelyUnwrapped
            }
        }
    }
}
