/// The parts of a message, written into memory that the encoder has measured.
extension ByteWriter {
    mutating func append(hex value: UInt64) {
        var shift = max(0, 60 - value.leadingZeroBitCount / 4 * 4)
        while shift >= 0 {
            append(ASCII.upperHexDigit(UInt8(truncatingIfNeeded: value >> UInt64(shift) & 0x0F)))
            shift -= 4
        }
    }

    mutating func append(statusLine status: UInt16) {
        guard status != 200 else { return append(literal: "HTTP/1.1 200 OK\r\n") }
        append(literal: "HTTP/1.1 ")
        append(decimal: UInt64(status))
        append(ASCII.space)
        ReasonPhrase.of(status).withUTF8Buffer { append(bytes: $0.span) }
        append(literal: "\r\n")
    }

    mutating func append(framing: BodyFraming) {
        switch framing {
        case .none, .untilClose: break
        case .chunked: append(literal: "transfer-encoding: chunked\r\n")
        case .length(let length):
            append(literal: "content-length: ")
            append(decimal: length)
            append(literal: "\r\n")
        }
    }

    /// Writes the fields but those that the encoder owns: each run of lines that follow one another in the arena at once.
    mutating func append(
        fields headers: borrowing HeaderBlock, keepsContentLength: Bool
    ) throws(EncodingError) {
        let memory = headers.bytes
        let bytes = memory.span
        var run = 0..<0
        for index in headers.indices {
            let field = headers.field(at: index)
            let name = bytes.extracting(field.nameRange)
            if field.isRemoved || Self.isOwned(name, keepsContentLength: keepsContentLength) { continue }
            if !field.flags.contains(.checked) {
                guard ByteScan.isToken(name) else { throw .invalidFieldName }
                guard FieldRules.hasNoControl(bytes.extracting(field.valueRange)) else { throw .invalidFieldValue }
            }
            let line = field.lineRange
            if line.lowerBound != run.upperBound {
                append(bytes: bytes.extracting(run))
                run = line
            } else {
                run = run.lowerBound..<line.upperBound
            }
        }
        append(bytes: bytes.extracting(run))
    }

    /// What frames the message and the connection.
    @inline(__always)
    private static func isOwned(_ name: Span<UInt8>, keepsContentLength: Bool) -> Bool {
        switch name.count {
        case 4: ByteScan.equal(name, "host")
        case 10: ByteScan.equal(name, "connection")
        case 14: !keepsContentLength && ByteScan.equal(name, "content-length")
        case 17: ByteScan.equal(name, "transfer-encoding")
        default: false
        }
    }
}
