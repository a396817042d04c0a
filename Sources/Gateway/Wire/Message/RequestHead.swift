/// The head of one request: control data (RFC 9110 §6.2), fields, and what they say about the content and the connection.
///
/// The HTTP/1.1 parser and the HTTP/2 session fill it alike, so that the rest of the gateway sees no difference:
/// the authority stands in `authority` and never in a `host` field, the framing in `framing` and never in a
/// `transfer-encoding` field. A `content-length` field stays, validated, in `headers`.
///
/// Method, target, authority and scheme lie in the arena of `headers`; `headers.removeAll()` clears them as well. Made
/// for reuse: `reset()` keeps the memory.
public struct RequestHead: ~Copyable, Sendable {
    public var headers: HeaderBlock
    public var version: HTTPVersion = .http11
    public var framing: BodyFraming = .none
    /// Whether the client lets the connection live after this exchange (RFC 9112 §9.3).
    public var keepAlive = true
    /// Whether the client waits for `100 Continue` before it sends the content (RFC 9110 §10.1.1).
    public var expectsContinue = false
    /// HTTP/1.1: the Connection field names `upgrade` (RFC 9110 §7.8). Written so, too.
    public var wantsUpgrade = false

    /// - Complexity: one allocation for bytes, one for offsets; sized for a browser's request.
    public init() {
        headers = HeaderBlock(arenaCapacity: 1024, fieldCapacity: 24)
    }

    /// Back to the state of a new head, keeping the memory.
    public mutating func reset() {
        headers.removeAll()
        version = .http11
        framing = .none
        keepAlive = true
        expectsContinue = false
        wantsUpgrade = false
    }

    // MARK: - Control data

    /// Gives the method, a token; empty when none is set.
    @inlinable
    public func withMethod<R, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        try headers.withBytes(headers.control.method, body)
    }

    /// Gives the target in origin-form (path and query), or `*` for `OPTIONS *`; empty when none is set.
    @inlinable
    public func withTarget<R, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        try headers.withBytes(headers.control.target, body)
    }

    /// Gives host and port as the client sent them; empty when it did not (HTTP/1.0).
    @inlinable
    public func withAuthority<R, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        try headers.withBytes(headers.control.authority, body)
    }

    /// Gives the scheme that the client named (absolute-form, or HTTP/2's `:scheme`); empty when it did not.
    @inlinable
    public func withScheme<R, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        try headers.withBytes(headers.control.scheme, body)
    }

    /// Gives the `:protocol` of an extended CONNECT (RFC 8441 §4); empty when there is none.
    @inlinable
    public func withProtocol<R, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        try headers.withBytes(headers.control.connectProtocol, body)
    }

    public mutating func setProtocol(_ bytes: Span<UInt8>) { headers.control.connectProtocol = headers.store(bytes) }
    public mutating func setMethod(_ bytes: Span<UInt8>) { headers.control.method = headers.store(bytes) }
    public mutating func setTarget(_ bytes: Span<UInt8>) {
        headers.control.target = headers.store(bytes)
        headers.control.path = ByteRange()
    }
    public mutating func setAuthority(_ bytes: Span<UInt8>) {
        headers.control.authority = headers.store(bytes)
        headers.control.hostCount = 0
    }
    public mutating func setScheme(_ bytes: Span<UInt8>) { headers.control.scheme = headers.store(bytes) }

    /// Replaces the target for the endpoint. The client's own is kept for the records; see `withClientPath`.
    public mutating func rewriteTarget(_ bytes: Span<UInt8>) {
        if headers.control.clientPath.isEmpty {
            headers.control.clientPath = headers.control.path.isEmpty ? pathRange : headers.control.path
        }
        setTarget(bytes)
    }

    /// Replaces the authority for the endpoint. The client's own is kept for the records; see `withClientAuthority`.
    public mutating func rewriteAuthority(_ bytes: Span<UInt8>) {
        if headers.control.clientAuthority.isEmpty { headers.control.clientAuthority = headers.control.authority }
        setAuthority(bytes)
    }

    /// Gives the path of the client's own target.
    public func withClientPath<R, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        if headers.control.clientPath.isEmpty { return try withPath(body) }
        return try headers.withBytes(headers.control.clientPath, body)
    }

    /// Gives the client's own authority.
    public func withClientAuthority<R, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        if headers.control.clientAuthority.isEmpty { return try withAuthority(body) }
        return try headers.withBytes(headers.control.clientAuthority, body)
    }

    /// Writes the same head into `other`, in place of what that holds.
    public func copy(into other: inout RequestHead) {
        other.reset()
        headers.forEach { name, value, flags in
            other.headers.append(name: name, value: value, flags: flags)
        }
        withMethod { other.setMethod($0) }
        withTarget { other.setTarget($0) }
        withAuthority { other.setAuthority($0) }
        withScheme { other.setScheme($0) }
        other.version = version
        other.framing = framing
        other.keepAlive = keepAlive
    }

    public mutating func setMethod(_ text: StaticString) { text.withUTF8Buffer { setMethod($0.span) } }
    public mutating func setTarget(_ text: StaticString) { text.withUTF8Buffer { setTarget($0.span) } }
    public mutating func setAuthority(_ text: StaticString) { text.withUTF8Buffer { setAuthority($0.span) } }
    public mutating func setScheme(_ text: StaticString) { text.withUTF8Buffer { setScheme($0.span) } }

    /// Whether the method is this one. Methods are case-sensitive (RFC 9110 §9.1).
    public func methodIs(_ method: StaticString) -> Bool {
        headers.withBytes(headers.control.method) { ByteScan.equal($0, method) }
    }

    /// The host as routing compares it; see `Authority.lowercasedHost`, and its errors.
    ///
    /// The HTTP/1.1 parser has read the authority already, and its verdict stands.
    public func lowercasedHost(into output: inout [UInt8]) throws(AuthorityError) {
        let memory = headers.bytes
        let authority = memory.span.extracting(headers.control.authority.offsets)
        guard headers.control.hostCount > 0 else {
            _ = try Authority.lowercasedHost(of: authority, into: &output)
            return
        }
        Authority.write(authority.extracting(0..<Int(headers.control.hostCount)), into: &output)
    }

    // MARK: - Path and query

    /// Replaces the target by its canonical form; see `TargetNormaliser`. A target that is canonical stays untouched.
    ///
    /// - Parameter scratch: memory to reuse from call to call; its content is replaced when it is needed.
    /// - Throws: why the target cannot be served; the target is then as it was.
    public mutating func canonicaliseTarget(scratch: inout [UInt8]) throws(TargetError) {
        let memory = headers.bytes
        let target = memory.span.extracting(headers.control.target.offsets)
        if let pathCount = try TargetNormaliser.canonicalPathCount(target) {
            headers.control.path = headers.control.target.part(0..<pathCount)
        } else {
            let pathCount = try TargetNormaliser.canonicalise(target, into: &scratch)
            setTarget(scratch.span)
            headers.control.path = headers.control.target.part(0..<pathCount)
        }
    }

    /// Gives the target up to the first `?`.
    @inlinable
    public func withPath<R, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        try headers.withBytes(headers.control.path.isEmpty ? pathRange : headers.control.path, body)
    }

    @usableFromInline
    var pathRange: ByteRange {
        let target = headers.control.target
        let memory = headers.bytes
        let path = ByteScan.first(ASCII.questionMark, in: memory.span.extracting(target.offsets))
        return path.map { target.part(0..<$0) } ?? target
    }

    /// Gives what follows the first `?`; empty when there is none or nothing follows (`hasQuery` tells which).
    public func withQuery<R, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        try withTarget { target throws(E) in
            let start = ByteScan.first(ASCII.questionMark, in: target).map { $0 + 1 } ?? target.count
            return try body(target.extracting(start..<target.count))
        }
    }

    /// Gives the target up to the first `?`, and what follows that, empty when there is none.
    @inlinable
    public func withPathAndQuery<R, E: Error>(
        _ body: (_ path: Span<UInt8>, _ query: Span<UInt8>) throws(E) -> R
    ) throws(E) -> R {
        let path = (headers.control.path.isEmpty ? pathRange : headers.control.path).offsets
        let end = headers.control.target.offsets.upperBound
        let memory = headers.arena.buffer
        let bytes = memory.span
        return try body(bytes.extracting(path), bytes.extracting(min(path.upperBound + 1, end)..<end))
    }

    /// Whether the target has a `?`.
    public var hasQuery: Bool {
        withTarget { ByteScan.first(ASCII.questionMark, in: $0) != nil }
    }

    // MARK: - For logs and tests

    public var methodString: String { withMethod { String(copying: $0) } }
    public var targetString: String { withTarget { String(copying: $0) } }
    public var authorityString: String { withAuthority { String(copying: $0) } }
}

extension String {
    /// The text of these bytes, invalid UTF-8 replaced.
    init(copying bytes: Span<UInt8>) {
        self = bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
}
