/// One field line (RFC 9112 §5), as offsets in the line.
struct FieldLine {
    let nameCount: Int
    /// Without the whitespace around it.
    let value: Range<Int>

    /// Reads a line that a `LineScanner` has cut: without CRLF, free of control bytes other than HTAB.
    ///
    /// - Parameter toleratesSpaceBeforeColon: true for responses, where a proxy has to remove that whitespace
    ///   (RFC 9112 §5.1); a request with it is refused, as the same section demands.
    static func parse(_ line: Span<UInt8>, toleratesSpaceBeforeColon: Bool) throws(HTTP1Error) -> FieldLine {
        guard !ASCII.isWhitespace(line[0]) else { throw .obsoleteFolding }
        var nameCount = 0
        while nameCount < line.count, ByteSet.token.contains(line[nameCount]) { nameCount += 1 }
        var colon = nameCount
        while colon < line.count, ASCII.isWhitespace(line[colon]) { colon += 1 }
        guard colon < line.count, line[colon] == ASCII.colon else {
            throw ByteScan.first(ASCII.colon, in: line) == nil ? .missingColon : .invalidFieldName
        }
        guard nameCount > 0 else { throw .emptyFieldName }
        guard colon == nameCount || toleratesSpaceBeforeColon else { throw .whitespaceBeforeColon }
        return FieldLine(nameCount: nameCount, value: ByteScan.trimmed(line, colon + 1..<line.count))
    }
}

/// The fields that the codec itself acts on.
enum KnownField {
    case host
    case expect
    case connection
    case contentLength
    case transferEncoding

    /// The field of this name, in either case; nil for all others, nearly always by the length alone.
    init?(_ name: Span<UInt8>) {
        let candidate: (field: KnownField, name: StaticString)
        switch name.count {
        case 4: candidate = (.host, "host")
        case 6: candidate = (.expect, "expect")
        case 10: candidate = (.connection, "connection")
        case 14: candidate = (.contentLength, "content-length")
        case 17: candidate = (.transferEncoding, "transfer-encoding")
        default: return nil
        }
        guard ByteScan.equalIgnoringCase(name, candidate.name) else { return nil }
        self = candidate.field
    }
}
