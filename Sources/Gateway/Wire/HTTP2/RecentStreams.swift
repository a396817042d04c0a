import CNghttp2

/// Which of a client's last 64 streams were opened, and which of them it has ended itself.
///
/// nghttp2 forgets a stream when it closes (keeping it would cost hundreds of bytes) and ignores what still comes for it. It must be ignored when we closed the stream, as the client may not know that yet; when the client had ended it,
/// more is a connection error (RFC 9113 §5.1), and so is a stream lower than one that was opened (§5.1.1).
struct RecentStreams: Sendable {
    private var highest: Int32 = -1
    /// Bit n: the stream `highest - 2n`.
    private var opened: UInt64 = 0
    private var ended: UInt64 = 0

    /// The code of the connection error that a HEADERS or DATA frame of a client's stream is; nil: none that is known here.
    mutating func errorCode(isHeaders: Bool, id: Int32, endsStream: Bool) -> UInt32? {
        guard id & 1 == 1 else { return nil }
        if id > highest {
            if isHeaders { open(id, isEnded: endsStream) }
            return nil
        }
        guard let bit = bit(id) else { return nil }
        if opened & bit == 0 { return UInt32(NGHTTP2_PROTOCOL_ERROR.rawValue) }
        if ended & bit != 0 { return UInt32(NGHTTP2_STREAM_CLOSED.rawValue) }
        if endsStream { ended |= bit }
        return nil
    }

    /// The client sent RST_STREAM.
    mutating func reset(id: Int32) {
        guard id & 1 == 1, id <= highest, let bit = bit(id) else { return }
        ended |= bit
    }

    private mutating func open(_ id: Int32, isEnded: Bool) {
        // Smart shifts: by 64 and more nothing is left.
        let distance = (Int(id) - Int(highest)) / 2
        opened = opened << distance | 1
        ended = ended << distance | (isEnded ? 1 : 0)
        highest = id
    }

    /// - Returns: nil for a stream too long ago.
    private func bit(_ id: Int32) -> UInt64? {
        let distance = (Int(highest) - Int(id)) / 2
        return distance < 64 ? 1 << distance : nil
    }
}
