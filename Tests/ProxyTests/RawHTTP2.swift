import GatewayTestSupport

/// A client that writes HTTP/2 frames by itself, rules or not.
final class RawHTTP2 {
    struct Frame {
        let type: UInt8
        let flags: UInt8
        let stream: UInt32
        let payload: [UInt8]
    }

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    /// GET / at "localhost", in HPACK (RFC 7541): indexed :method, :path, :scheme https, and a literal :authority.
    static let get: [UInt8] = [0x82, 0x84, 0x87, 0x41, 9] + Array("localhost".utf8)

    private let stream: any ByteStream
    private var buffer: [UInt8] = []

    /// Sends the preface and empty SETTINGS.
    init(_ stream: any ByteStream) throws {
        self.stream = stream
        try send(Self.preface + Self.frame(4, 0, 0, []))
    }

    static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
        let count = payload.count
        let head: [UInt8] = [UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags]
        return head + (0..<4).map { UInt8(stream >> (24 - 8 * $0) & 255) } + payload
    }

    func send(_ bytes: [UInt8]) throws { try stream.send(bytes) }

    /// The next frame; nil at the end of the connection.
    func next() throws -> Frame? {
        while true {
            if buffer.count >= 9 {
                let count = Int(buffer[0]) << 16 | Int(buffer[1]) << 8 | Int(buffer[2])
                if buffer.count >= 9 + count {
                    let number = buffer[5..<9].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
                    let frame = Frame(
                        type: buffer[3], flags: buffer[4], stream: number & 0x7FFF_FFFF,
                        payload: Array(buffer[9..<9 + count]))
                    buffer.removeFirst(9 + count)
                    return frame
                }
            }
            let bytes = try stream.receive()
            if bytes.isEmpty { return nil }
            buffer += bytes
        }
    }

    /// The code of the last GOAWAY before the connection ends; nil when there is none.
    func goAwayCode() throws -> UInt32? {
        var code: UInt32?
        // A reset is an end too.
        while let frame = try? next() {
            if frame.type == 7 { code = frame.payload[4..<8].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } }
        }
        return code
    }
}
