import GatewayTestSupport
import Testing

@testable import Wire

/// What a server finds in a client's frames before nghttp2 does.
@Suite struct FrameScannerTests {
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
        // These are left to nghttp2.
        ("DATA within a block", [.headers(1, [], endHeaders: false), .data(), .continuation(1, [])], nil),
        ("even and idle streams", [opens(2), .data(7), .data(0), .data(2), .reset(9)], nil),
        ("a stream too long ago", [opens(1), opens(129), .data(1)], nil),
        ("the oldest that is known", [opens(1), opens(127), .data(1)], Finding(frame: 2, code: streamClosed)),
        ("the last stream there is", [opens(0x7FFF_FFFF), .data(0x7FFF_FFFF)], Finding(frame: 1, code: streamClosed)),
        ("far apart", [opens(1), opens(0x7FFF_FFFF), .data(1)], nil),
    ]

    @Test(arguments: cases.indices)
    func `finds frames of streams that are over, however they arrive`(index: Int) {
        let (name, frames, expected) = Self.cases[index]
        let bytes = RawFrame.preface + frames.flatMap(\.bytes)
        for size in [1, 2, 8, 9, 10, 33, bytes.count] {
            #expect(find(in: bytes, frames, pieces: size) == expected, "\(name), in pieces of \(size)")
        }
    }

    private func find(in bytes: [UInt8], _ frames: [RawFrame], pieces size: Int) -> Finding? {
        var scanner = FrameScanner()
        for start in stride(from: 0, to: bytes.count, by: size) {
            let end = min(start + size, bytes.count)
            guard let error = scanner.firstError(in: bytes.span.extracting(start..<end)) else { continue }
            // The frame whose header ends in this piece, or after what was reported.
            let headerEnd = start + error.offset
            var position = RawFrame.preface.count
            for (number, frame) in frames.enumerated() {
                if position + 9 > headerEnd { return Finding(frame: number, code: error.code) }
                position += frame.bytes.count
            }
        }
        return nil
    }
}
