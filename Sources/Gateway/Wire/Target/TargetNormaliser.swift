/// Makes one form of each request target, so that the path that is routed and authorised is the path that the upstream
/// serves, whatever its own decoding rules are.
///
/// What two servers would read alike is written alike (RFC 3986 §6.2.2): percent-encoded unreserved characters are
/// decoded, the digits of other escapes become upper case, and the four delimiters that browsers leave raw in a path
/// (`[`, `]`, `^`, `|`) are percent-encoded. What two servers may read differently is refused, never resolved; the cases
/// of `TargetError` are the whole list. So dot segments are refused although RFC 3986 §5.2.4 says how to remove them:
/// user agents remove them before they send, and what still arrives is an attempt to leave a prefix.
///
/// The query is kept byte for byte: visible ASCII except `#`. A target in origin-form only (RFC 9112 §3.2.1); the parser
/// brings absolute-form into it.
///
/// The canonical form is a fixed point: canonicalising it again changes nothing.
public enum TargetNormaliser {
    /// How many bytes of `target` are the path, if it is in canonical form, so that nothing needs to be written.
    ///
    /// - Returns: nil when it has to be rewritten, which may still show that it cannot be served.
    /// - Throws: why the target cannot be served.
    static func canonicalPathCount(_ target: Span<UInt8>) throws(TargetError) -> Int? {
        let scan = try scan(target)
        guard scan.isCanonical else { return nil }
        try checkSegments(target.extracting(0..<scan.pathCount))
        return scan.pathCount
    }

    /// Writes the canonical form of `target`.
    ///
    /// - Parameter output: replaced by the canonical target; its capacity is kept. Unspecified after an error.
    /// - Returns: how many bytes of `output` are the path.
    /// - Throws: why the target cannot be served.
    public static func canonicalise(_ target: Span<UInt8>, into output: inout [UInt8]) throws(TargetError) -> Int {
        output.removeAll(keepingCapacity: true)
        let scan = try scan(target)
        if scan.isCanonical {
            output.append(copying: target)
        } else {
            rewritePath(target.extracting(0..<scan.pathCount), into: &output)
        }
        let pathCount = scan.isCanonical ? scan.pathCount : output.count
        try checkSegments(output.span.extracting(0..<pathCount))
        if !scan.isCanonical { output.append(copying: target.extracting(scan.pathCount..<target.count)) }
        return pathCount
    }

    // MARK: - Bytes

    /// Checks every byte and escape, and says whether the path has to be rewritten.
    private static func scan(_ target: Span<UInt8>) throws(TargetError) -> (pathCount: Int, isCanonical: Bool) {
        guard !target.isEmpty, target[0] == ASCII.slash else { throw .notOriginForm }
        var isCanonical = true
        var offset = 0
        while offset < target.count, target[offset] != ASCII.questionMark {
            let byte = target[offset]
            if ByteSet.pathCharacter.contains(byte) || byte == ASCII.slash {
                offset += 1
            } else if byte == ASCII.percent {
                let keepsForm = try isCanonicalEscape(target, at: offset)
                isCanonical = isCanonical && keepsForm
                offset += 3
            } else if isToleratedRaw(byte) {
                isCanonical = false
                offset += 1
            } else {
                throw byte == ASCII.hash ? .fragment : byte == ASCII.backslash ? .backslash : .invalidByte
            }
        }
        let pathCount = offset
        while offset < target.count {
            let byte = target[offset]
            guard byte != ASCII.hash else { throw .fragment }
            guard byte &- 0x21 <= 0x7E - 0x21 else { throw .invalidByte }
            offset += 1
        }
        return (pathCount, isCanonical)
    }

    /// Delimiters outside `pchar` that user agents following the WHATWG URL standard send raw in a path.
    private static func isToleratedRaw(_ byte: UInt8) -> Bool {
        switch byte {
        case ASCII.openBracket, ASCII.closeBracket, 0x5E, 0x7C: true
        default: false
        }
    }

    /// Whether the escape at `offset` stays as it is in the canonical form.
    private static func isCanonicalEscape(_ target: Span<UInt8>, at offset: Int) throws(TargetError) -> Bool {
        guard offset + 2 < target.count, let high = ASCII.hexValue(target[offset + 1]),
            let low = ASCII.hexValue(target[offset + 2])
        else { throw .malformedEscape }
        let octet = high << 4 | low
        switch octet {
        case ASCII.slash: throw .encodedSlash
        case ASCII.backslash: throw .encodedBackslash
        case 0..<ASCII.space, ASCII.delete: throw .encodedControl
        case 0xC0, 0xC1, 0xE0, 0xF0: if isOverlong(octet, before: target, at: offset + 3) { throw .overlongEncoding }
        default: break
        }
        return !ByteSet.unreserved.contains(octet)
            && target[offset + 1] == ASCII.upperHexDigit(high) && target[offset + 2] == ASCII.upperHexDigit(low)
    }

    /// Whether the escape at `offset` makes an overlong sequence of UTF-8 of the octet before it (RFC 3629 §3).
    private static func isOverlong(_ lead: UInt8, before target: Span<UInt8>, at offset: Int) -> Bool {
        guard offset + 2 < target.count, target[offset] == ASCII.percent,
            let high = ASCII.hexValue(target[offset + 1]), let low = ASCII.hexValue(target[offset + 2])
        else { return false }
        let octet = high << 4 | low
        switch lead {
        case 0xE0: return (0x80...0x9F).contains(octet)
        case 0xF0: return (0x80...0x8F).contains(octet)
        default: return (0x80...0xBF).contains(octet)
        }
    }

    /// Appends the canonical form of a path that `scan` has accepted.
    private static func rewritePath(_ path: Span<UInt8>, into output: inout [UInt8]) {
        var offset = 0
        while offset < path.count {
            let byte = path[offset]
            if byte == ASCII.percent, offset + 2 < path.count, let high = ASCII.hexValue(path[offset + 1]),
                let low = ASCII.hexValue(path[offset + 2])
            {
                let octet = high << 4 | low
                if ByteSet.unreserved.contains(octet) {
                    output.append(octet)
                } else {
                    appendEscape(octet, to: &output)
                }
                offset += 3
            } else {
                if isToleratedRaw(byte) { appendEscape(byte, to: &output) } else { output.append(byte) }
                offset += 1
            }
        }
    }

    private static func appendEscape(_ octet: UInt8, to output: inout [UInt8]) {
        output.append(ASCII.percent)
        output.append(ASCII.upperHexDigit(octet >> 4))
        output.append(ASCII.upperHexDigit(octet & 0x0F))
    }

    // MARK: - Segments

    /// Refuses, in a path whose unreserved characters are all decoded, the segments that servers read differently.
    private static func checkSegments(_ path: Span<UInt8>) throws(TargetError) {
        var start = 1
        var offset = 1
        while offset < path.count {
            let byte = path[offset]
            if byte == ASCII.slash {
                guard offset > start else { throw .emptySegment }
                try checkDots(path, start..<offset)
                start = offset + 1
            } else if byte == ASCII.percent, isDoubleEncoding(path, at: offset) {
                throw .doubleEncoding
            }
            offset += 1
        }
        try checkDots(path, start..<path.count)
    }

    /// Whether `%25` and two hexadecimal digits stand at `offset`.
    private static func isDoubleEncoding(_ path: Span<UInt8>, at offset: Int) -> Bool {
        offset + 4 < path.count && path[offset + 1] == 0x32 && path[offset + 2] == 0x35
            && ASCII.hexValue(path[offset + 3]) != nil && ASCII.hexValue(path[offset + 4]) != nil
    }

    /// `.`, `..`, and either of them before a `;`: Java servers drop the parameter before they resolve the dots. Others
    /// decode first, and find a `;`, or the end of the path at a `?` or `#`.
    private static func checkDots(_ path: Span<UInt8>, _ segment: Range<Int>) throws(TargetError) {
        guard !segment.isEmpty, path[segment.lowerBound] == ASCII.dot else { return }
        var end = segment.lowerBound
        while end < segment.upperBound, path[end] == ASCII.dot { end += 1 }
        guard end - segment.lowerBound <= 2 else { return }
        if end == segment.upperBound || path[end] == ASCII.semicolon { throw .dotSegment }
        guard end + 2 < segment.upperBound, path[end] == ASCII.percent else { return }
        switch (path[end + 1], path[end + 2]) {
        case (UInt8(ascii: "3"), UInt8(ascii: "B")), (UInt8(ascii: "3"), UInt8(ascii: "F")),
            (UInt8(ascii: "2"), UInt8(ascii: "3")):
            throw .dotSegment
        default: break
        }
    }
}
