/// What the other side announced (RFC 9113 §6.5.2), as far as it concerns us.
struct PeerSettings: Equatable, Sendable {
    private static let entryBytes = 6

    /// Before SETTINGS are in, no more streams are opened than this.
    var concurrentStreams: UInt32 = 100
    var initialWindow: Int32 = SendWindow.initial
    var headerTableSize: UInt32 = 4_096
    /// The smallest that the last SETTINGS named; nil: none.
    var smallestHeaderTableSize: UInt32?
    var takesExtendedConnect = false
    var areKnown = false

    /// Applies a SETTINGS frame's entries in their order; the last one of a kind counts.
    ///
    /// Frames larger than 16 KB are never sent, and the limit of header lists is advisory: both are only checked.
    /// - Parameter fromServer: a server must not enable push.
    /// - Throws: the connection error that a value is.
    mutating func apply(_ payload: Span<UInt8>, fromServer: Bool) throws(HTTP2ErrorCode) {
        guard payload.count % Self.entryBytes == 0 else { throw .frameSize }
        if !areKnown { concurrentStreams = .max }
        areKnown = true
        smallestHeaderTableSize = nil
        var offset = 0
        while offset < payload.count {
            let id = UInt16(payload[offset]) << 8 | UInt16(payload[offset + 1])
            try apply(id, payload.bigEndian32(at: offset + 2), fromServer: fromServer)
            offset += Self.entryBytes
        }
    }

    private mutating func apply(_ id: UInt16, _ value: UInt32, fromServer: Bool) throws(HTTP2ErrorCode) {
        switch id {
        case 0x1:
            headerTableSize = value
            smallestHeaderTableSize = min(value, smallestHeaderTableSize ?? value)
        case 0x2: guard value == 0 || value == 1 && !fromServer else { throw .protocolError }
        case 0x3: concurrentStreams = value
        case 0x4:
            guard let window = Int32(exactly: value) else { throw .flowControl }
            initialWindow = window
        case 0x5: guard (16_384...16_777_215).contains(value) else { throw .protocolError }
        case 0x8:
            // RFC 8441 §3: what was enabled stays so.
            guard value == 1 || value == 0 && !takesExtendedConnect else { throw .protocolError }
            takesExtendedConnect = value == 1
        default: break
        }
    }
}
