/// Which of a client's last 64 streams were opened, and which of them it has ended itself.
///
/// A session forgets a stream when it closes. What still comes for it must be ignored when we closed it, as the client
/// may not know that yet; when the client had ended it, more is a connection error (RFC 9113 §5.1), and so is a stream
/// lower than one that was opened (§5.1.1).
struct RecentStreams: Sendable {
    /// The highest id that the client has opened; 0: none.
    private(set) var highest: UInt32 = 0
    /// Bit n: the stream `highest - 2n`.
    private var opened: UInt64 = 0
    private var ended: UInt64 = 0

    /// Notes a HEADERS or DATA frame of a client's stream.
    ///
    /// - Throws: the connection error that it is.
    mutating func note(isHeaders: Bool, id: UInt32, endsStream: Bool) throws(HTTP2ErrorCode) {
        guard id & 1 == 1 else { throw .protocolError }
        if id > highest {
            guard isHeaders else { throw .protocolError }
            return open(id, isEnded: endsStream)
        }
        guard let bit = bit(id) else { return }
        if opened & bit == 0 { throw .protocolError }
        if ended & bit != 0 { throw .streamClosed }
        if endsStream { ended |= bit }
    }

    /// The client sent RST_STREAM.
    mutating func noteReset(id: UInt32) {
        guard id & 1 == 1, id <= highest, let bit = bit(id) else { return }
        ended |= bit
    }

    private mutating func open(_ id: UInt32, isEnded: Bool) {
        // Smart shifts: by 64 and more nothing is left.
        let distance = (id - highest + 1) / 2
        opened = opened << distance | 1
        ended = ended << distance | (isEnded ? 1 : 0)
        highest = id
    }

    /// - Returns: nil for a stream too long ago.
    private func bit(_ id: UInt32) -> UInt64? {
        let distance = (highest - id) / 2
        return distance < 64 ? 1 << distance : nil
    }
}
