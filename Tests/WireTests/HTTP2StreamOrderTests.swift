import GatewayTestSupport
import Testing

@testable import Wire

/// A client's frames of streams that are over, or that never were (RFC 9113 §5.1 and §5.1.1).
@Suite struct HTTP2StreamOrderTests {
    private static let protocolError: UInt32 = 1
    private static let streamClosed: UInt32 = 5

    private static func opens(_ id: UInt32, ends: Bool = true) -> RawFrame { .headers(id, [0x88], end: ends) }

    /// The code that is found, with the number of the frame.
    struct Finding: Equatable {
        var frame: Int
        var code: UInt32
    }

    static let cases: [(String, [RawFrame], Finding?)] = [
        ("streams in their order", [opens(1), opens(3), opens(9)], nil),
        ("a body", [opens(1, ends: false), .data(end: false), .data()], nil),
        ("trailers", [opens(1, ends: false), .data(end: false), opens(1)], nil),
        ("a reset stream", [opens(1, ends: false), .reset(1), .reset(1), .windowUpdate(1, 1)], nil),
        ("DATA after the end", [opens(1), .data()], Finding(frame: 1, code: streamClosed)),
        (
            "DATA after the end of DATA", [opens(1, ends: false), .data(), .data()],
            Finding(frame: 2, code: streamClosed)
        ),
        ("HEADERS after the end", [opens(1), opens(3), opens(1)], Finding(frame: 2, code: streamClosed)),
        ("DATA after RST_STREAM", [opens(1, ends: false), .reset(1), .data()], Finding(frame: 2, code: streamClosed)),
        ("a stream that was left out", [opens(5), opens(3)], Finding(frame: 1, code: protocolError)),
        (
            "DATA within a block", [.headers(1, [], endHeaders: false), .data(), .continuation(1, [])],
            Finding(frame: 1, code: protocolError)
        ),
        ("an even stream", [opens(2)], Finding(frame: 0, code: protocolError)),
        ("DATA of an idle stream", [opens(1), .data(7)], Finding(frame: 1, code: protocolError)),
        ("DATA of stream 0", [opens(1), .data(0)], Finding(frame: 1, code: protocolError)),
        ("RST_STREAM of an idle stream", [opens(1), .reset(9)], Finding(frame: 1, code: protocolError)),
        ("WINDOW_UPDATE of an idle stream", [opens(1), .windowUpdate(3, 1)], Finding(frame: 1, code: protocolError)),
        ("a stream too long ago", [opens(1), opens(129), .data(1)], nil),
        ("the oldest that is known", [opens(1), opens(127), .data(1)], Finding(frame: 2, code: streamClosed)),
        ("the last stream there is", [opens(0x7FFF_FFFF), .data(0x7FFF_FFFF)], Finding(frame: 1, code: streamClosed)),
        ("far apart", [opens(1), opens(0x7FFF_FFFF), .data(1)], nil),
    ]

    @Test(arguments: cases.indices)
    func `finds frames of streams that are over, however they arrive`(index: Int) throws {
        let (name, frames, expected) = Self.cases[index]
        #expect(try find(frames) == expected, "\(name)")
        let bytes = RawFrame.preface + RawFrame.settings([]).bytes + frames.flatMap(\.bytes)
        for size in [1, 2, 8, 9, 10, 33, bytes.count] {
            let server = try HTTP2Peer(role: .server)
            for start in stride(from: 0, to: bytes.count, by: size) {
                try server.receive(Array(bytes[start..<min(start + size, bytes.count)]))
            }
            #expect(try goAwayCode(of: server) == expected?.code, "\(name), in pieces of \(size)")
        }
    }

    private func find(_ frames: [RawFrame]) throws -> Finding? {
        let server = try HTTP2Peer(role: .server)
        try server.receive(RawFrame.preface + RawFrame.settings([]).bytes)
        for (number, frame) in frames.enumerated() {
            try server.receive(frame.bytes)
            if let code = try goAwayCode(of: server) { return Finding(frame: number, code: code) }
        }
        return nil
    }

    private func goAwayCode(of server: HTTP2Peer) throws -> UInt32? {
        RawFrame.all(in: try server.output()).first { $0.kind == .goAway }?.errorCode
    }
}
