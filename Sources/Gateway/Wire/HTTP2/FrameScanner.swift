import CNghttp2

/// Follows a client's frames from header to header (RFC 9113 §4.1), ahead of nghttp2, which tells nothing of the frames
/// that it ignores.
struct FrameScanner: Sendable {
    private static let headerBytes = 9
    private static let prefaceBytes = 24

    /// Bytes up to the next header.
    private var skip = Self.prefaceBytes
    /// A header of which only the first bytes have come.
    private var partial: [9 of UInt8] = .init(repeating: 0)
    private var partialCount = 0
    private var streams = RecentStreams()
    /// Nothing but CONTINUATION may come (RFC 9113 §6.10), which nghttp2 sees to.
    private var isWithinBlock = false

    /// - Returns: where the first frame begins that must not come, and the code of the connection error that it is.
    mutating func firstError(in bytes: Span<UInt8>) -> (offset: Int, code: UInt32)? {
        var offset = 0
        while true {
            let skipped = min(skip, bytes.count - offset)
            skip -= skipped
            offset += skipped
            let start = offset
            while partialCount < Self.headerBytes && offset < bytes.count {
                partial[partialCount] = bytes[offset]
                partialCount += 1
                offset += 1
            }
            guard partialCount == Self.headerBytes else { return nil }
            partialCount = 0
            if let code = frameBegins() { return (start, code) }
        }
    }

    private mutating func frameBegins() -> UInt32? {
        skip = Int(partial[0]) << 16 | Int(partial[1]) << 8 | Int(partial[2])
        let id = Int32(partial[5] & 0x7F) << 24 | Int32(partial[6]) << 16 | Int32(partial[7]) << 8 | Int32(partial[8])
        let endsStream = partial[4] & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        let endsBlock = partial[4] & UInt8(NGHTTP2_FLAG_END_HEADERS.rawValue) != 0
        if isWithinBlock {
            isWithinBlock = !endsBlock
            return nil
        }
        switch UInt32(partial[3]) {
        case NGHTTP2_DATA.rawValue: return streams.errorCode(isHeaders: false, id: id, endsStream: endsStream)
        case NGHTTP2_HEADERS.rawValue:
            isWithinBlock = !endsBlock
            return streams.errorCode(isHeaders: true, id: id, endsStream: endsStream)
        case NGHTTP2_RST_STREAM.rawValue: streams.reset(id: id)
        default: break
        }
        return nil
    }
}
