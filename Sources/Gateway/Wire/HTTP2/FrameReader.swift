/// Finds frames in the bytes of a connection, however these are cut, and knows nothing of what they mean.
///
/// A payload that came whole is given as a range of the bytes that came; only the rest of a cut one is kept. DATA is
/// never kept: its parts are given as they come.
struct FrameReader: ~Copyable, Sendable {
    static let preface: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

    enum Step: Equatable {
        /// All bytes were taken; nothing is complete.
        case wantsMore
        /// The connection does not begin with the preface (RFC 9113 §3.4).
        case badPreface
        /// `header` is a new frame's.
        case begins
        /// The whole payload of a frame other than DATA is at this range of the bytes.
        case payload(Range<Int>)
        /// The whole payload of a frame other than DATA was kept, and is to be taken by `takeKept`.
        case keptPayload
        /// A part of a DATA frame's payload; the last one when `isWithinFrame` is false.
        case data(Range<Int>)
    }

    private(set) var header = FrameHeader(type: 0)
    /// The header of a frame was given and not yet all of its payload.
    private(set) var isWithinFrame = false
    private var kept = Arena<UInt8>()
    private var prefaceLeft: Int
    private var payloadLeft = 0
    /// A header of which only the first bytes have come.
    private var partial: [9 of UInt8] = .init(repeating: 0)
    private var partialCount = 0

    init(expectsPreface: Bool) { prefaceLeft = expectsPreface ? Self.preface.utf8CodeUnitCount : 0 }

    /// Takes the next step over `bytes` from `offset`, which moves on.
    mutating func next(in bytes: Span<UInt8>, from offset: inout Int) -> Step {
        if isWithinFrame { return readPayload(bytes, &offset) }
        if prefaceLeft > 0 {
            guard readPreface(bytes, &offset) else { return .badPreface }
        }
        return readHeader(bytes, &offset) ? .begins : .wantsMore
    }

    /// Gives the payload that was kept, with its memory.
    mutating func takeKept(_ payload: inout Arena<UInt8>) {
        payload.releaseMemory()
        swap(&payload, &kept)
    }

    private mutating func readPreface(_ bytes: Span<UInt8>, _ offset: inout Int) -> Bool {
        Self.preface.withUTF8Buffer { preface in
            while prefaceLeft > 0 && offset < bytes.count {
                guard bytes[offset] == preface[preface.count - prefaceLeft] else { return false }
                prefaceLeft -= 1
                offset += 1
            }
            return true
        }
    }

    private mutating func readHeader(_ bytes: Span<UInt8>, _ offset: inout Int) -> Bool {
        if partialCount == 0 && bytes.count &- offset >= FrameHeader.byteCount {
            header = FrameHeader(bytes, at: offset)
            offset += FrameHeader.byteCount
        } else {
            while partialCount < FrameHeader.byteCount && offset < bytes.count {
                partial[partialCount] = bytes[offset]
                partialCount += 1
                offset += 1
            }
            guard partialCount == FrameHeader.byteCount else { return false }
            partialCount = 0
            header = FrameHeader(partial.span, at: 0)
        }
        payloadLeft = header.length
        isWithinFrame = true
        return true
    }

    private mutating func readPayload(_ bytes: Span<UInt8>, _ offset: inout Int) -> Step {
        let taken = offset..<offset + min(payloadLeft, bytes.count - offset)
        let isData = header.type == FrameKind.data.rawValue
        if taken.isEmpty && payloadLeft > 0 { return .wantsMore }
        payloadLeft -= taken.count
        offset = taken.upperBound
        isWithinFrame = payloadLeft > 0
        if isData { return .data(taken) }
        if taken.count == header.length { return .payload(taken) }
        kept.append(copying: bytes.extracting(taken))
        return isWithinFrame ? .wantsMore : .keptPayload
    }
}
