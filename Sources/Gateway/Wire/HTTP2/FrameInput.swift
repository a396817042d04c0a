/// Where a session is in the frame, or the field block, that is coming in.
struct FrameInput: ~Copyable {
    /// What the frame belongs to; nil: nothing that still wants it.
    var stream: HTTP2Stream?
    /// DATA: padding that was announced; nil: its length has not come yet.
    var padding: Int?
    /// DATA: bytes of content to come.
    var content = 0
    /// A field block is coming in pieces, and nothing but CONTINUATION of this stream may (RFC 9113 §6.10); 0: none is.
    var blockStream: UInt32 = 0
    var blockEndsStream = false
    /// The pieces so far.
    var block = Arena<UInt8>()
    var continuations = 0
    /// The HEADERS frame is a stream's error by itself: its block only keeps HPACK in step.
    var blockError: HTTP2ErrorCode?

    static let mostBlockBytes = 65_536
    /// As nghttp2 and others have it (CVE-2024-27316).
    static let mostContinuations = 8
}
