/// An HTTP/2 frame as bytes, valid or not (RFC 9113 §4.1).
public struct RawFrame: Sendable, Equatable {
    public enum Kind: UInt8, Sendable {
        case data, headers, priority, reset, settings, pushPromise, ping, goAway, windowUpdate, continuation
    }

    public var type: UInt8
    public var flags: UInt8
    public var stream: UInt32
    public var payload: [UInt8]

    public init(type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, payload: [UInt8] = []) {
        self.type = type
        self.flags = flags
        self.stream = stream
        self.payload = payload
    }

    public init(_ kind: Kind, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) {
        self.init(type: kind.rawValue, flags: flags, stream: stream, payload: payload)
    }

    public var kind: Kind? { Kind(rawValue: type) }

    public var bytes: [UInt8] {
        let count = payload.count
        let length = [UInt8(count >> 16 & 0xFF), UInt8(count >> 8 & 0xFF), UInt8(count & 0xFF)]
        return length + [type, flags] + Self.big(stream) + payload
    }

    public static let endStream: UInt8 = 0x1
    public static let ack: UInt8 = 0x1
    public static let endHeaders: UInt8 = 0x4
    public static let padded: UInt8 = 0x8
    public static let priority: UInt8 = 0x20

    public static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// Network byte order.
    public static func big(_ number: UInt32) -> [UInt8] {
        [UInt8(number >> 24), UInt8(number >> 16 & 0xFF), UInt8(number >> 8 & 0xFF), UInt8(number & 0xFF)]
    }

    // MARK: - Frames that are mostly right

    public static func data(_ stream: UInt32 = 1, _ text: String = "test", end: Bool = true) -> RawFrame {
        RawFrame(.data, flags: end ? endStream : 0, stream: stream, Array(text.utf8))
    }

    public static func headers(
        _ stream: UInt32 = 1, _ block: [UInt8], end: Bool = true, endHeaders: Bool = true, flags: UInt8 = 0
    ) -> RawFrame {
        let ends = (end ? endStream : 0) | (endHeaders ? Self.endHeaders : 0)
        return RawFrame(.headers, flags: flags | ends, stream: stream, block)
    }

    public static func continuation(_ stream: UInt32 = 1, _ block: [UInt8], end: Bool = true) -> RawFrame {
        RawFrame(.continuation, flags: end ? endHeaders : 0, stream: stream, block)
    }

    public static func priority(_ stream: UInt32, on dependency: UInt32 = 0, weight: UInt8 = 255) -> RawFrame {
        RawFrame(.priority, stream: stream, big(dependency) + [weight])
    }

    public static func reset(_ stream: UInt32 = 1, code: UInt32 = 8) -> RawFrame {
        RawFrame(.reset, stream: stream, big(code))
    }

    public static func settings(_ values: [(UInt16, UInt32)]) -> RawFrame {
        RawFrame(.settings, values.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] + big($1) })
    }

    public static func ping(_ data: [UInt8] = Array("h2tester".utf8), ack: Bool = false) -> RawFrame {
        RawFrame(.ping, flags: ack ? Self.ack : 0, data)
    }

    public static func goAway(stream: UInt32 = 0, last: UInt32 = 0, code: UInt32 = 0) -> RawFrame {
        RawFrame(.goAway, stream: stream, big(last) + big(code))
    }

    public static func windowUpdate(_ stream: UInt32, _ increment: UInt32) -> RawFrame {
        RawFrame(.windowUpdate, stream: stream, big(increment))
    }

    // MARK: - What a received frame says

    /// The frames that these bytes are; a cut one at the end is left out.
    public static func all(in bytes: [UInt8]) -> [RawFrame] {
        var frames: [RawFrame] = []
        var offset = 0
        while offset + 9 <= bytes.count {
            let length = bytes[offset..<offset + 3].reduce(0) { $0 << 8 | Int($1) }
            let stream = bytes[offset + 5..<offset + 9].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            guard offset + 9 + length <= bytes.count else { break }
            frames.append(
                RawFrame(
                    type: bytes[offset + 3], flags: bytes[offset + 4], stream: stream & 0x7FFF_FFFF,
                    payload: Array(bytes[offset + 9..<offset + 9 + length])))
            offset += 9 + length
        }
        return frames
    }

    public var endsStream: Bool { (kind == .data || kind == .headers) && flags & Self.endStream != 0 }
    public var isAck: Bool { flags & Self.ack != 0 }

    /// Of RST_STREAM and GOAWAY.
    public var errorCode: UInt32? {
        switch kind {
        case .reset: number(at: 0)
        case .goAway: number(at: 4)
        default: nil
        }
    }

    private func number(at offset: Int) -> UInt32? {
        guard payload.count >= offset + 4 else { return nil }
        return payload[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
}

/// A field section without any compression: literals without indexing, new names, no Huffman code (RFC 7541 §6.2.2).
public func plainHPACK(_ fields: [(String, String)]) -> [UInt8] {
    fields.flatMap { name, value in [0] + hpackString(Array(name.utf8)) + hpackString(Array(value.utf8)) }
}

/// RFC 7541 §5.2, the octets as they are.
public func hpackString(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
    var rest = bytes.count - 127
    var length: [UInt8] = [127]
    while rest >= 128 {
        length.append(UInt8(rest & 0x7F) | 0x80)
        rest >>= 7
    }
    return length + [UInt8(rest)] + bytes
}

/// A client that sends whatever frames it is told to, and hides nothing of what comes back. For one thread.
public final class RawHTTP2Client {
    private let stream: any ByteStream
    private var buffer: [UInt8] = []
    /// Frames that came while another was waited for.
    private var kept: [RawFrame] = []
    /// What came and was not asked for yet.
    public var unread: [RawFrame] { kept }

    public init(_ stream: any ByteStream) { self.stream = stream }

    /// Sends the preface and SETTINGS, and waits for the other side's SETTINGS and its acknowledgement.
    ///
    /// - Returns: whether the other side's first frame was SETTINGS, as RFC 9113 §3.4 demands.
    public func handshake() throws(StreamFailure) -> Bool {
        try stream.send(RawFrame.preface + RawFrame.settings([(4, 65_535)]).bytes)
        guard let first = try nextFrame(), first.kind == .settings, !first.isAck else { return false }
        try send([RawFrame(.settings, flags: RawFrame.ack)])
        return try wait { $0.kind == .settings && $0.isAck } != nil
    }

    public func send(_ frames: [RawFrame]) throws(StreamFailure) { try stream.send(frames.flatMap(\.bytes)) }

    public func send(raw bytes: [UInt8]) throws(StreamFailure) { try stream.send(bytes) }

    /// Waits until the other side has dealt with all that was sent.
    ///
    /// - Returns: false when the connection ended instead.
    public func roundTrip() throws(StreamFailure) -> Bool {
        let data = Array("rndtrip!".utf8)
        try send([.ping(data)])
        return try collect { $0.kind == .ping && $0.isAck && $0.payload == data }
    }

    /// The next frame that is as wanted, of those kept or those to come; nil when the connection ends before.
    public func wait(for isWanted: (RawFrame) -> Bool) throws(StreamFailure) -> RawFrame? {
        while let frame = try next() {
            if isWanted(frame) { return frame }
        }
        return nil
    }

    /// The next frame; nil at the connection's end, regular or not.
    public func next() throws(StreamFailure) -> RawFrame? {
        if !kept.isEmpty { return kept.removeFirst() }
        return try nextFrame()
    }

    /// Reads until the wanted frame, and keeps all others.
    private func collect(_ isWanted: (RawFrame) -> Bool) throws(StreamFailure) -> Bool {
        while let frame = try nextFrame() {
            if isWanted(frame) { return true }
            kept.append(frame)
        }
        return false
    }

    private func nextFrame() throws(StreamFailure) -> RawFrame? {
        guard let header = try take(9) else { return nil }
        let length = Int(header[0]) << 16 | Int(header[1]) << 8 | Int(header[2])
        guard let payload = try take(length) else { return nil }
        let stream = header[5..<9].reduce(0) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
        return RawFrame(type: header[3], flags: header[4], stream: stream, payload: payload)
    }

    private func take(_ count: Int) throws(StreamFailure) -> [UInt8]? {
        while buffer.count < count {
            let more: [UInt8]
            do throws(StreamFailure) {
                more = try stream.receive()
            } catch .timedOut {
                throw .timedOut
            } catch {
                return nil
            }
            if more.isEmpty { return nil }
            buffer += more
        }
        defer { buffer.removeFirst(count) }
        return Array(buffer.prefix(count))
    }
}
