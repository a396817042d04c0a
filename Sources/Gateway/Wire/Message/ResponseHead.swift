/// The head of one response: status, fields, and what they say about the content and the connection.
///
/// `transfer-encoding` never stands in `headers`, `framing` says it; `content-length` stays there, validated, because a
/// response to HEAD and a 304 carry one without content (RFC 9110 §8.6). Made for reuse: `reset()` keeps the memory.
public struct ResponseHead: ~Copyable, Sendable {
    public var headers: HeaderBlock
    /// 100 to 599 once parsed (RFC 9110 §15); 0 in a new head.
    public var status: UInt16 = 0
    public var version: HTTPVersion = .http11
    public var framing: BodyFraming = .none
    /// Whether the connection can carry another exchange once the content has been read (RFC 9112 §9.3).
    public var keepAlive = true

    /// - Complexity: one allocation for bytes, one for offsets.
    public init() {
        headers = HeaderBlock(arenaCapacity: 1024, fieldCapacity: 24)
    }

    /// Back to the state of a new head, keeping the memory.
    public mutating func reset() {
        headers.removeAll()
        status = 0
        version = .http11
        framing = .none
        keepAlive = true
    }

    /// 100 to 199: another head follows (RFC 9110 §15.2).
    public var isInformational: Bool { status >= 100 && status < 200 }
}
