/// Reads response heads from an upstream connection (RFC 9112).
///
/// As strict as the request parser where the end of the message is concerned. It tolerates what the RFC tells a proxy to
/// tolerate: whitespace before a colon is removed (§5.1), the space after the status may be missing when the reason
/// phrase is (§4), and a Content-Length of zero in a 1xx or 204 is dropped. Any error is a 502 for the client, and the
/// connection is closed.
///
/// A value of one connection; `parse` allocates only when the head outgrows its memory.
public struct HTTP1ResponseParser: Sendable {
    private var requestMethodIsHEAD: Bool
    private var hasStatusLine = false
    private var scanner = LineScanner()
    private var sectionStart = 0
    private var fieldLines = 0
    private var framing = FramingFields()

    /// - Parameter requestMethodIsHEAD: the response has no content whatever it says (RFC 9112 §6.3).
    public init(requestMethodIsHEAD: Bool) {
        self.requestMethodIsHEAD = requestMethodIsHEAD
    }

    /// Forgets a partly read head and gets ready for the response to the next request.
    public mutating func reset(requestMethodIsHEAD: Bool) {
        self = HTTP1ResponseParser(requestMethodIsHEAD: requestMethodIsHEAD)
    }

    /// Reads one head from the start of `input`.
    ///
    /// An informational head (1xx) is returned like any other, with no content; call again for the one after it.
    ///
    /// - Parameters:
    ///   - input: what the connection has delivered since the last complete head or message. After nil, present the same
    ///     bytes again with more behind them, and the same head.
    ///   - head: reset at the start of a head. After an error it holds what was read before it, for the log.
    ///   - limits: the same for all calls of one head.
    /// - Returns: how many bytes the head takes, the parser being ready for the next one; nil when it is incomplete.
    /// - Throws: why the head is refused.
    public mutating func parse(
        _ input: Span<UInt8>, into head: inout ResponseHead, limits: HTTP1Limits
    ) throws(HTTP1Error) -> Int? {
        if scanner.scanned == 0 { head.reset() }
        // Each turn takes a line of the input.
        while let line = try nextLine(input, limits) {
            if !hasStatusLine {
                try Self.readStatusLine(input.extracting(line), into: &head)
                sectionStart = scanner.lineStart
                hasStatusLine = true
            } else if line.isEmpty {
                try finish(&head)
                let consumed = scanner.lineStart
                reset(requestMethodIsHEAD: requestMethodIsHEAD)
                return consumed
            } else {
                fieldLines += 1
                guard fieldLines <= limits.maxFieldCount else { throw .tooManyFields }
                try readField(input.extracting(line), into: &head)
            }
        }
        return nil
    }

    // MARK: - Private

    @inline(__always)
    private mutating func nextLine(_ input: Span<UInt8>, _ limits: HTTP1Limits) throws(HTTP1Error) -> Range<Int>? {
        guard hasStatusLine else {
            return try scanner.nextLine(in: input, limit: limits.maxStartLineBytes, tooLong: .statusLineTooLong)
        }
        let left = limits.maxHeaderBytes - (scanner.lineStart - sectionStart) - 2
        return try scanner.nextLine(in: input, limit: max(0, left), tooLong: .headerSectionTooLarge)
    }

    /// `HTTP/1.1 200 OK`; the reason phrase is ignored, as §4 asks.
    private static func readStatusLine(_ line: Span<UInt8>, into head: inout ResponseHead) throws(HTTP1Error) {
        guard line.count >= 12, line[8] == ASCII.space, line.count == 12 || line[12] == ASCII.space else {
            throw .malformedStatusLine
        }
        head.version = try HTTPVersion.parse(line.extracting(..<8))
        var status: UInt16 = 0
        for offset in 9..<12 {
            guard ASCII.isDigit(line[offset]) else { throw .invalidStatus }
            status = status * 10 + UInt16(line[offset] - ASCII.zero)
        }
        guard (100...599).contains(status) else { throw .invalidStatus }
        head.status = status
    }

    private mutating func readField(_ line: Span<UInt8>, into head: inout ResponseHead) throws(HTTP1Error) {
        let field = try head.headers.read(line, toleratesSpaceBeforeColon: true)
        // Stays valid: nothing is appended below.
        let memory = head.headers.bytes
        let value = memory.span.extracting(field.valueRange)
        switch KnownField(memory.span.extracting(field.nameRange)) {
        case .transferEncoding:
            try framing.noteTransferEncoding(value)
            return
        case .contentLength: try framing.noteContentLength(value)
        case .connection: try framing.noteConnection(value)
        case .host, .expect, nil: break
        }
        head.headers.keep(field)
    }

    private func finish(_ head: inout ResponseHead) throws(HTTP1Error) {
        let declared = try framing.framing(head.version)
        head.keepAlive = framing.keepsAlive(head.version)
        if head.isInformational || head.status == 204 {
            // These end with their head (RFC 9112 §6.3); announced content would be read as the next response.
            guard declared == nil || declared == .length(0) else { throw .contentForbidden }
            head.headers.remove("content-length")
            head.framing = .none
        } else if requestMethodIsHEAD || head.status == 304 {
            head.framing = .none
        } else if let declared {
            head.framing = declared
        } else {
            head.framing = .untilClose
            head.keepAlive = false
        }
    }
}
