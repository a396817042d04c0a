/// Reads request heads, one after the other, from a connection (RFC 9112), and refuses every one that two parsers could
/// read differently.
///
/// Strict where the RFC lets a server choose: CRLF only, no obs-fold, no whitespace before a colon, one Host that is
/// `host[:port]`, one Content-Length or one `Transfer-Encoding: chunked` and never both. The reasons are the cases of
/// `HTTP1Error`. One empty line before the request line is skipped (§2.2). A target in absolute-form becomes scheme,
/// authority and origin-form; its authority has to equal the Host field, letter case aside. CONNECT is not supported.
///
/// A value of one connection; `parse` allocates only when the head outgrows its memory.
public struct HTTP1RequestParser: Sendable {
    private enum Phase {
        case start
        case afterEmptyLine
        case fields
    }

    private var phase = Phase.start
    private var scanner = LineScanner()
    private var sectionStart = 0
    private var fieldLines = 0
    private var framing = FramingFields()
    private var host: ByteRange?
    private var expectsContinue = false

    public init() {}

    /// Forgets a partly read head.
    public mutating func reset() { self = HTTP1RequestParser() }

    /// Whether a head is partly read: an idle connection may be closed in silence, a slow one is answered with 408.
    public var hasStarted: Bool { scanner.scanned > 0 }

    /// Reads one head from the start of `input`.
    ///
    /// - Parameters:
    ///   - input: what the connection has delivered since the last complete message. After nil, present the same bytes
    ///     again with more behind them, and the same head.
    ///   - head: reset at the start of a head. After an error it holds what was read before it, for the log.
    ///   - limits: the same for all calls of one head.
    /// - Returns: how many bytes the head takes, the parser being ready for the next one; nil when it is incomplete.
    /// - Throws: why the head is refused. Answer with the error's status and close the connection.
    public mutating func parse(
        _ input: Span<UInt8>, into head: inout RequestHead, limits: HTTP1Limits
    ) throws(HTTP1Error) -> Int? {
        if !hasStarted { head.reset() }
        // Each turn takes a line of the input.
        while let line = try nextLine(input, limits) {
            switch phase {
            case .start where line.isEmpty:
                phase = .afterEmptyLine
            case .start, .afterEmptyLine:
                try apply(try RequestLine.parse(input.extracting(line)), of: input.extracting(line), to: &head)
                sectionStart = scanner.lineStart
                phase = .fields
            case .fields where line.isEmpty:
                try finish(&head)
                let consumed = scanner.lineStart
                reset()
                return consumed
            case .fields:
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
        guard phase == .fields else {
            return try scanner.nextLine(in: input, limit: limits.maxStartLineBytes, tooLong: .requestLineTooLong)
        }
        let left = limits.maxHeaderBytes - (scanner.lineStart - sectionStart) - 2
        return try scanner.nextLine(in: input, limit: max(0, left), tooLong: .headerSectionTooLarge)
    }

    private func apply(
        _ parts: RequestLine, of line: Span<UInt8>, to head: inout RequestHead
    ) throws(HTTP1Error) {
        let stored = head.headers.store(line)
        head.version = parts.version
        head.headers.control.method = stored.part(parts.method)
        head.headers.control.target = stored.part(parts.target)
        guard case .absolute(let scheme, let authority) = parts.form else { return }
        head.headers.control.scheme = stored.part(scheme)
        head.headers.control.authority = stored.part(authority)
        if parts.target.isEmpty {
            // An empty path is `/` (RFC 9110 §4.2.3), save for OPTIONS, which asks about the server (RFC 9112 §3.2.4).
            head.setTarget(head.methodIs("OPTIONS") ? "*" : "/")
        } else if line[parts.target.lowerBound] == ASCII.questionMark {
            head.headers.control.target = head.headers.store(line.extracting(parts.target), after: ASCII.slash)
        }
    }

    private mutating func readField(_ line: Span<UInt8>, into head: inout RequestHead) throws(HTTP1Error) {
        let field = try head.headers.read(line)
        // Stays valid: nothing is appended below.
        let memory = head.headers.bytes
        let value = memory.span.extracting(field.valueRange)
        switch KnownField(memory.span.extracting(field.nameRange)) {
        case .host:
            guard host == nil else { throw .repeatedHost }
            do throws(AuthorityError) {
                head.headers.control.hostCount = UInt32(try Authority.parse(value).hostCount)
            } catch {
                throw .invalidHost
            }
            host = ByteRange(field.valueRange)
            return
        case .transferEncoding:
            try framing.noteTransferEncoding(value)
            return
        case .contentLength: try framing.noteContentLength(value)
        case .connection: try framing.noteConnection(value)
        case .expect where head.version == .http11:
            guard ByteScan.equalIgnoringCase(value, "100-continue") else { throw .unsupportedExpectation }
            expectsContinue = true
        case .expect, nil: break
        }
        head.headers.keep(field)
    }

    private func finish(_ head: inout RequestHead) throws(HTTP1Error) {
        let named = head.headers.control.authority
        if let host {
            guard named.isEmpty || head.headers.equalIgnoringCase(named, host) else { throw .conflictingHost }
            head.headers.control.authority = host
        } else if head.version == .http11 {
            throw .missingHost
        }
        head.framing = try framing.framing(head.version) ?? .none
        head.keepAlive = framing.keepsAlive(head.version)
        head.wantsUpgrade = framing.hasUpgrade
        // Without content there is nothing to wait for (RFC 9110 §10.1.1).
        head.expectsContinue = expectsContinue && head.framing != .none && head.framing != .length(0)
    }
}
