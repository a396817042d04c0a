/// Where the parts of a field line (RFC 9112 §5) are: a line that a `LineScanner` has cut, without CRLF and free of
/// control bytes other than HTAB.
enum FieldLine {
    /// Writes the name, in lower case, to memory that has room for the line.
    ///
    /// - Returns: how long it is: all bytes at the line's start that a token may have.
    @inline(__always)
    static func copyName(_ line: Span<UInt8>, to memory: UnsafeMutablePointer<UInt8>) -> Int {
        line.withUnsafeBufferPointer { bytes in
            let table = TokenTable.lowercase
            var count = ByteScan.copyLettersLowercased(bytes, to: memory)
            // In bounds: count < bytes.count, and the table has 256 entries.
            while count < bytes.count {
                let byte = table[Int(bytes[count])]
                if byte == 0 { break }
                memory[count] = byte
                count &+= 1
            }
            return count
        }
    }

    /// The value without the whitespace around it.
    @inline(__always)
    static func value(
        of line: Span<UInt8>, nameCount: Int, toleratesSpaceBeforeColon: Bool
    ) throws(HTTP1Error) -> Range<Int> {
        var colon = nameCount
        if nameCount == 0 || nameCount >= line.count || line[nameCount] != ASCII.colon {
            colon = try self.colon(
                in: line, nameCount: nameCount, toleratesSpaceBeforeColon: toleratesSpaceBeforeColon)
        }
        return ByteScan.trimmed(line, colon &+ 1..<line.count)
    }

    /// Where the colon is that does not follow a name at once, or why there is none.
    private static func colon(
        in line: Span<UInt8>, nameCount: Int, toleratesSpaceBeforeColon: Bool
    ) throws(HTTP1Error) -> Int {
        guard !ASCII.isWhitespace(line[0]) else { throw .obsoleteFolding }
        var colon = nameCount
        while colon < line.count, ASCII.isWhitespace(line[colon]) { colon += 1 }
        guard colon < line.count, line[colon] == ASCII.colon else {
            throw ByteScan.first(ASCII.colon, in: line) == nil ? .missingColon : .invalidFieldName
        }
        guard nameCount > 0 else { throw .emptyFieldName }
        guard colon == nameCount || toleratesSpaceBeforeColon else { throw .whitespaceBeforeColon }
        return colon
    }
}

/// The fields that the codec itself acts on.
enum KnownField {
    case host
    case expect
    case connection
    case contentLength
    case transferEncoding

    /// The field of this name, which is in lower case; nil for all others, nearly always by the length alone.
    @inline(__always)
    init?(_ name: Span<UInt8>) {
        switch name.count {
        case 4 where ByteScan.equal(name, "host"): self = .host
        case 6 where ByteScan.equal(name, "expect"): self = .expect
        case 10 where ByteScan.equal(name, "connection"): self = .connection
        case 14 where ByteScan.equal(name, "content-length"): self = .contentLength
        case 17 where ByteScan.equal(name, "transfer-encoding"): self = .transferEncoding
        default: return nil
        }
    }

    /// Whether `option`, in either case, names a field that a Connection field must not name: without it the message would
    /// end elsewhere, or be for another host.
    static func isFraming(_ option: Span<UInt8>) -> Bool {
        switch option.count {
        case 4: ByteScan.equalIgnoringCase(option, "host")
        case 14: ByteScan.equalIgnoringCase(option, "content-length")
        case 17: ByteScan.equalIgnoringCase(option, "transfer-encoding")
        default: false
        }
    }
}
