/// Integers with a prefix (RFC 7541 §5.1).
enum HPACKInteger {
    /// Reads the integer whose first byte is at `offset`, and moves `offset` behind it.
    ///
    /// - Parameter prefixBits: 1 to 8; what the first byte holds above them is ignored.
    /// - Throws: `truncated`; `integerOverflow` above 2³² - 1 and behind five bytes: more than any length or index needs,
    ///   and a bound for what leading zeros may cost.
    @inline(__always)
    static func read(_ block: Span<UInt8>, _ offset: inout Int, prefixBits: UInt8) throws(HPACKError) -> Int {
        guard offset < block.count else { throw .truncated }
        let limit = UInt8(truncatingIfNeeded: 1 << UInt16(prefixBits) - 1)
        let prefix = block[offset] & limit
        offset += 1
        return prefix < limit ? Int(prefix) : try readContinuation(block, &offset, Int(limit))
    }

    @inline(never)
    private static func readContinuation(
        _ block: Span<UInt8>, _ offset: inout Int, _ prefix: Int
    ) throws(HPACKError) -> Int {
        var value = prefix
        var shift = 0
        while shift < 35 {
            guard offset < block.count else { throw .truncated }
            let byte = block[offset]
            offset += 1
            value += Int(byte & 0x7F) << shift
            if byte < 0x80 {
                guard value <= Int(UInt32.max) else { throw .integerOverflow }
                return value
            }
            shift += 7
        }
        throw .integerOverflow
    }

    /// - Parameter flags: the first byte's bits above the prefix.
    @inline(__always)
    static func write(_ value: Int, prefixBits: UInt8, flags: UInt8, into output: inout OutputSpan<UInt8>) {
        let limit = 1 << Int(prefixBits) - 1
        if value < limit {
            output.append(flags | UInt8(truncatingIfNeeded: value))
        } else {
            output.append(flags | UInt8(truncatingIfNeeded: limit))
            writeContinuation(value - limit, into: &output)
        }
    }

    @inline(never)
    private static func writeContinuation(_ rest: Int, into output: inout OutputSpan<UInt8>) {
        var rest = rest
        while rest >= 0x80 {
            output.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        output.append(UInt8(truncatingIfNeeded: rest))
    }
}
