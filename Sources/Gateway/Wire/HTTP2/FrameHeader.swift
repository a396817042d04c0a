/// The nine bytes before a frame's payload (RFC 9113 §4.1).
struct FrameHeader: Equatable, Sendable, BitwiseCopyable {
    static let byteCount = 9
    /// What we take and send at most: SETTINGS_MAX_FRAME_SIZE is never raised (RFC 9113 §4.2).
    static let maximumLength = 16_384

    let length: Int
    let type: UInt8
    let flags: UInt8
    let stream: UInt32

    init(length: Int = 0, type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0) {
        self.length = length
        self.type = type
        self.flags = flags
        self.stream = stream
    }

    /// Reads the nine bytes from `offset`. The reserved bit is ignored.
    init(_ bytes: Span<UInt8>, at offset: Int) {
        let header = bytes.extracting(offset..<offset + Self.byteCount).bytes
        // In bounds: both within the nine bytes that were extracted.
        let first = UInt64(
            bigEndian: header.unsafeLoadUnaligned(fromUncheckedByteOffset: 0, as: UInt64.self))
        let last = UInt32(bigEndian: header.unsafeLoadUnaligned(fromUncheckedByteOffset: 5, as: UInt32.self))
        length = Int(first >> 40)
        type = UInt8(truncatingIfNeeded: first >> 32)
        flags = UInt8(truncatingIfNeeded: first >> 24)
        stream = last & 0x7FFF_FFFF
    }

    var kind: FrameKind? { FrameKind(rawValue: type) }

    func has(_ flag: UInt8) -> Bool { flags & flag != 0 }

    static let endStream: UInt8 = 0x1
    static let ack: UInt8 = 0x1
    static let endHeaders: UInt8 = 0x4
    static let padded: UInt8 = 0x8
    static let priority: UInt8 = 0x20
}

enum FrameKind: UInt8, Sendable {
    case data, headers, priority, resetStream, settings, pushPromise, ping, goAway, windowUpdate, continuation
}

extension OutputSpan<UInt8> {
    mutating func append(_ header: FrameHeader) {
        append(UInt8(truncatingIfNeeded: header.length >> 16))
        append(UInt8(truncatingIfNeeded: header.length >> 8))
        append(UInt8(truncatingIfNeeded: header.length))
        append(header.type)
        append(header.flags)
        append(bigEndian: header.stream)
    }

    mutating func append(bigEndian number: UInt32) {
        append(UInt8(truncatingIfNeeded: number >> 24))
        append(UInt8(truncatingIfNeeded: number >> 16))
        append(UInt8(truncatingIfNeeded: number >> 8))
        append(UInt8(truncatingIfNeeded: number))
    }

    mutating func append(bigEndian number: UInt16) {
        append(UInt8(truncatingIfNeeded: number >> 8))
        append(UInt8(truncatingIfNeeded: number))
    }
}

extension Span<UInt8> {
    /// The 32 bits at `offset`, in network byte order.
    func bigEndian32(at offset: Int) -> UInt32 {
        UInt32(self[offset]) << 24 | UInt32(self[offset + 1]) << 16 | UInt32(self[offset + 2]) << 8
            | UInt32(self[offset + 3])
    }
}
