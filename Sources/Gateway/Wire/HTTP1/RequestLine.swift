/// A request line (RFC 9112 §3), as offsets in the line.
struct RequestLine {
    enum Form {
        case origin
        /// `*`, for OPTIONS only (§3.2.4).
        case asterisk
        /// `http://authority/path` (§3.2.2).
        case absolute(scheme: Range<Int>, authority: Range<Int>)
    }

    let method: Range<Int>
    /// Path and query: the whole target unless the form is absolute. Then it may be empty or begin with `?`.
    let target: Range<Int>
    let form: Form
    let version: HTTPVersion

    /// Reads a line that a `LineScanner` has cut. Exactly one space between the parts: §3 allows other whitespace to be
    /// tolerated and warns that it is how requests are smuggled, so it is not.
    static func parse(_ line: Span<UInt8>) throws(HTTP1Error) -> RequestLine {
        guard let methodEnd = ByteScan.first(ASCII.space, in: line), methodEnd > 0 else { throw .malformedRequestLine }
        let method = 0..<methodEnd
        guard ByteScan.isToken(line.extracting(method)) else { throw .invalidMethod }
        let targetStart = methodEnd + 1
        guard let targetEnd = ByteScan.first(ASCII.space, in: line, from: targetStart), targetEnd > targetStart else {
            throw .malformedRequestLine
        }
        let target = targetStart..<targetEnd
        let afterTarget = line.extracting((targetEnd + 1)...)
        guard afterTarget.allBytes({ !ASCII.isWhitespace($0) }) else { throw .malformedRequestLine }
        let version = try HTTPVersion.parse(afterTarget)
        guard !ByteScan.equal(line.extracting(method), "CONNECT") else { throw .unsupportedMethod }
        guard isTarget(line.extracting(target)) else { throw .invalidTarget }
        return try RequestLine(line, method: method, target: target, version: version)
    }

    /// Tells the forms of a target apart and splits absolute-form.
    private init(
        _ line: Span<UInt8>, method: Range<Int>, target: Range<Int>, version: HTTPVersion
    ) throws(HTTP1Error) {
        self.method = method
        self.version = version
        if line[target.lowerBound] == ASCII.slash {
            self.target = target
            form = .origin
        } else if ByteScan.equal(line.extracting(target), "*") {
            guard ByteScan.equal(line.extracting(method), "OPTIONS") else { throw .invalidTarget }
            self.target = target
            form = .asterisk
        } else {
            guard let schemeCount = Self.schemeCount(line.extracting(target)) else { throw .invalidTarget }
            let scheme = target.lowerBound..<target.lowerBound + schemeCount
            let authorityStart = scheme.upperBound + 3
            var end = authorityStart
            while end < target.upperBound, line[end] != ASCII.slash, line[end] != ASCII.questionMark { end += 1 }
            do throws(AuthorityError) {
                _ = try Authority.parse(line.extracting(authorityStart..<end))
            } catch {
                throw .invalidTarget
            }
            self.target = end..<target.upperBound
            form = .absolute(scheme: scheme, authority: authorityStart..<end)
        }
    }

    /// Visible ASCII without `#`. What a path may hold is decided by `TargetNormaliser`.
    private static func isTarget(_ target: Span<UInt8>) -> Bool {
        ByteScan.isVisible(target) && ByteScan.first(ASCII.hash, in: target) == nil
    }

    /// How long the scheme before `://` is; nil unless it is http or https.
    private static func schemeCount(_ target: Span<UInt8>) -> Int? {
        if target.count >= 7, ByteScan.equalIgnoringCase(target.extracting(..<7), "http://") { return 4 }
        if target.count >= 8, ByteScan.equalIgnoringCase(target.extracting(..<8), "https://") { return 5 }
        return nil
    }
}

extension HTTPVersion {
    /// Reads `HTTP/1.1` or `HTTP/1.0` (RFC 9112 §2.3: case-sensitive, single digits).
    static func parse(_ bytes: Span<UInt8>) throws(HTTP1Error) -> HTTPVersion {
        if ByteScan.equal(bytes, "HTTP/1.1") { return .http11 }
        if ByteScan.equal(bytes, "HTTP/1.0") { return .http10 }
        let isWellFormed =
            bytes.count == 8 && ByteScan.equal(bytes.extracting(..<5), "HTTP/") && ASCII.isDigit(bytes[5])
            && bytes[6] == ASCII.dot && ASCII.isDigit(bytes[7])
        throw isWellFormed ? .unsupportedVersion : .invalidVersion
    }
}
