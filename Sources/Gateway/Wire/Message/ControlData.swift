/// A range of bytes in a block's arena. Empty means absent: no part of a request head can be present and empty.
@usableFromInline
struct ByteRange: Sendable {
    @usableFromInline
    var start: UInt32 = 0
    @usableFromInline
    var count: UInt32 = 0

    init() {}
    init(_ range: Range<Int>) {
        start = UInt32(range.lowerBound)
        count = UInt32(range.count)
    }

    @inlinable
    var isEmpty: Bool { count == 0 }
    @inlinable
    var offsets: Range<Int> { Int(start)..<Int(start) + Int(count) }

    /// The part of this range that `part`, counted from its start, covers.
    func part(_ part: Range<Int>) -> ByteRange {
        precondition(part.upperBound <= Int(count), "a part lies within its whole")
        return ByteRange(Int(start) + part.lowerBound..<Int(start) + part.upperBound)
    }
}

/// What a request head says besides its fields (RFC 9110 §6.2), as ranges of the arena.
@usableFromInline
struct ControlData: Sendable {
    @usableFromInline
    var method = ByteRange()
    @usableFromInline
    var target = ByteRange()
    /// The target up to the first `?`, once it was looked for; see `canonicaliseTarget`.
    @usableFromInline
    var path = ByteRange()
    @usableFromInline
    var authority = ByteRange()
    /// How much of the authority is the host, once `Authority.parse` has accepted it; 0: it was not asked.
    var hostCount: UInt32 = 0
    @usableFromInline
    var scheme = ByteRange()
    @usableFromInline
    var connectProtocol = ByteRange()
    /// What the client sent where it was rewritten for the endpoint.
    var clientPath = ByteRange()
    var clientAuthority = ByteRange()
}

/// The versions of HTTP that the gateway speaks.
public enum HTTPVersion: UInt8, Sendable {
    case http10
    case http11
    case http2
}

/// How the end of a message's content is found (RFC 9112 §6.3).
public enum BodyFraming: Sendable, Equatable {
    /// No content follows the head.
    case none
    /// Exactly this many bytes follow. Zero when the sender said so.
    case length(UInt64)
    /// Chunks follow, then perhaps trailers. Over HTTP/2: the length is not known, the stream's end is the content's.
    case chunked
    /// The content ends when the connection does. Only responses end so.
    case untilClose
}
