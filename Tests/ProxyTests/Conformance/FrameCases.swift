import GatewayTestSupport

extension ConformanceCase {
    /// Frames that are wrong by themselves: h2spec's http2/3.5 to 4.3 and 6.
    static let wrongFrames = framing + headerFrames + controlFrames + settings + windows + continuations

    private static let get = Fields.get()
    private static let openPost = RawFrame.headers(1, Fields.post(), end: false)

    private static let framing = [
        ConformanceCase(
            "3.5", "an invalid preface", [.raw(Array("INVALID CONNECTION PREFACE\r\n\r\n".utf8))], .ends, isBare: true),
        ConformanceCase(
            "+3.4", "a preface without SETTINGS", [.raw(RawFrame.preface), .frames([.ping()])],
            .connectionError([.protocolError]), isBare: true),
        ConformanceCase("4.1", "an unknown frame type", [RawFrame(type: 0xFF, stream: 0)], .lives),
        ConformanceCase("4.1", "an undefined flag", [RawFrame(.ping, flags: 0x16, [0, 1, 2, 3, 4, 5, 6, 7])], .lives),
        ConformanceCase(
            "4.1", "the reserved bit", [RawFrame(.ping, stream: 0x8000_0000, [0, 1, 2, 3, 4, 5, 6, 7])], .lives),
        ConformanceCase(
            "4.2", "DATA of the largest size",
            [openPost, .data(1, String(repeating: "a", count: 16_384))], .answers()),
        ConformanceCase(
            "4.2", "DATA that is too large",
            [openPost, .data(1, String(repeating: "a", count: 16_385))], .streamError([.frameSize])),
        ConformanceCase(
            "4.2", "HEADERS that are too large",
            [
                .headers(
                    1,
                    Fields.get((0..<5).map { ("dummy\($0)", String(repeating: "a", count: 3_500)) }))
            ], .connectionError([.frameSize])),
        ConformanceCase(
            "4.3", "a block that HPACK cannot read", [.headers(1, [0x40])], .connectionError([.compression])),
        ConformanceCase(
            "4.3", "PRIORITY within a block",
            [.frames([.headers(1, get, endHeaders: false), .priority(1), .continuation(1, [])])],
            .connectionError([.protocolError])),
        ConformanceCase(
            "4.3", "another stream's HEADERS within a block",
            [.frames([.headers(1, get, endHeaders: false), .headers(3, get)])], .connectionError([.protocolError])),
        ConformanceCase(
            "5.4.1", "a PING that is wrong", [RawFrame(.ping, [0, 0, 0, 0, 0, 0])], .connectionError([.frameSize])),
        ConformanceCase("5.5", "an unknown extension frame", [RawFrame(type: 0x16, payload: [0])], .lives),
        ConformanceCase(
            "5.5", "an unknown extension frame within a block",
            [.frames([.headers(1, get, endHeaders: false), RawFrame(type: 0x16, stream: 1, payload: [0])])],
            .connectionError([.protocolError])),
    ]

    private static let headerFrames = [
        ConformanceCase("6.1", "DATA of stream 0", [.data(0)], .connectionError([.protocolError])),
        ConformanceCase(
            "6.1", "DATA on a half-closed stream",
            [.frames([.settings([(4, 0)]), .headers(1, get)]), .frames([.data()])], .streamError([.streamClosed])),
        ConformanceCase(
            "6.1", "DATA with more padding than payload",
            [openPost, RawFrame(.data, flags: RawFrame.padded | RawFrame.endStream, stream: 1, [6, 1, 2, 3, 4])],
            .connectionError([.protocolError])),
        ConformanceCase(
            "6.2", "HEADERS without its end, then PRIORITY",
            [.frames([.headers(1, get, endHeaders: false), .priority(1)])], .connectionError([.protocolError])),
        ConformanceCase(
            "6.2", "HEADERS without its end, then another stream's HEADERS",
            [.frames([.headers(1, get, endHeaders: false), .headers(3, get)])], .connectionError([.protocolError])),
        ConformanceCase("6.2", "HEADERS of stream 0", [.headers(0, get)], .connectionError([.protocolError])),
        ConformanceCase(
            "6.2", "HEADERS with more padding than payload",
            [.headers(1, [UInt8(get.count + 1)] + get, flags: RawFrame.padded)], .connectionError([.protocolError])),
        ConformanceCase("6.3", "PRIORITY of stream 0", [.priority(0, on: 1)], .connectionError([.protocolError])),
        ConformanceCase(
            "6.3", "PRIORITY of a wrong length", [RawFrame(.priority, stream: 1, [0x80, 0, 0, 1])],
            .streamError([.frameSize])),
        ConformanceCase(
            "5.3.1", "HEADERS that depend on themselves",
            [.headers(1, RawFrame.big(1) + [255] + get, flags: RawFrame.priority)], .streamError([.protocolError])),
        ConformanceCase(
            "5.3.1", "PRIORITY that depends on itself", [.priority(2, on: 2)], .streamError([.protocolError], stream: 2)
        ),
        ConformanceCase(
            "8.2", "PUSH_PROMISE from a client",
            [
                .frames([.headers(1, get)]),
                .frames([RawFrame(.pushPromise, flags: 4, stream: 1, RawFrame.big(3) + get)]),
            ],
            .connectionError([.protocolError])),
    ]

    private static let controlFrames = [
        ConformanceCase("6.4", "RST_STREAM of stream 0", [.reset(0)], .connectionError([.protocolError])),
        ConformanceCase("6.4", "RST_STREAM of an idle stream", [.reset(1)], .connectionError([.protocolError])),
        ConformanceCase(
            "6.4", "RST_STREAM of a wrong length", [openPost, RawFrame(.reset, stream: 1, [0, 0, 0])],
            .connectionError([.frameSize])),
        ConformanceCase(
            "6.7", "PING with ACK is not answered",
            [.ping(Array("invalid!".utf8), ack: true), .ping(Array("expected".utf8))], .lives),
        ConformanceCase(
            "6.7", "PING of a stream", [RawFrame(.ping, stream: 1, Array("12345678".utf8))],
            .connectionError([.protocolError])),
        ConformanceCase(
            "6.7", "PING of a wrong length", [RawFrame(.ping, Array("123456".utf8))], .connectionError([.frameSize])),
        ConformanceCase("6.8", "GOAWAY of a stream", [.goAway(stream: 1)], .connectionError([.protocolError])),
        ConformanceCase("7", "GOAWAY with an unknown code", [.goAway(code: 0xFF)], .ends),
        ConformanceCase("7", "RST_STREAM with an unknown code", [openPost, .reset(1, code: 0xFF)], .lives),
    ]

    private static let settings = [
        ConformanceCase(
            "6.5", "SETTINGS ACK with a payload", [RawFrame(.settings, flags: RawFrame.ack, [0, 0, 0, 0, 0, 0])],
            .connectionError([.frameSize])),
        ConformanceCase(
            "6.5", "SETTINGS of a stream", [RawFrame(.settings, stream: 1, [0, 3, 0, 0, 0, 100])],
            .connectionError([.protocolError])),
        ConformanceCase(
            "6.5", "SETTINGS of a wrong length", [RawFrame(.settings, [0, 3, 0])], .connectionError([.frameSize])),
        ConformanceCase(
            "6.5.2", "ENABLE_PUSH neither 0 nor 1", [.settings([(2, 2)])], .connectionError([.protocolError])),
        ConformanceCase(
            "6.5.2", "INITIAL_WINDOW_SIZE too large", [.settings([(4, 0x8000_0000)])],
            .connectionError([.flowControl])),
        ConformanceCase(
            "6.5.2", "MAX_FRAME_SIZE too small", [.settings([(5, 16_383)])], .connectionError([.protocolError])),
        ConformanceCase(
            "6.5.2", "MAX_FRAME_SIZE too large", [.settings([(5, 16_777_216)])], .connectionError([.protocolError])),
        ConformanceCase("6.5.2", "an unknown setting", [.settings([(0xFF, 1)])], .lives),
        ConformanceCase(
            "6.5.3", "a setting twice: the last one counts",
            [.frames([.settings([(4, 100), (4, 1)])]), .acknowledged, .frames([.headers(1, get)])], .dataOf(1)),
        ConformanceCase("6.5.3", "SETTINGS", [.settings([(2, 0)])], .acknowledges),
    ]

    private static let windows = [
        ConformanceCase(
            "6.9", "WINDOW_UPDATE of 0 for the connection", [.windowUpdate(0, 0)], .connectionError([.protocolError])),
        ConformanceCase(
            "6.9", "WINDOW_UPDATE of 0 for a stream", [openPost, .windowUpdate(1, 0)], .streamError([.protocolError])),
        ConformanceCase(
            "6.9", "WINDOW_UPDATE of a wrong length", [RawFrame(.windowUpdate, [0, 0, 1])],
            .connectionError([.frameSize])),
        ConformanceCase(
            "6.9.1", "a window of 1",
            [.frames([.settings([(4, 1)])]), .acknowledged, .frames([.headers(1, get)])], .dataOf(1)),
        ConformanceCase(
            "6.9.1", "the connection's window beyond its bound",
            [.frames([.windowUpdate(0, 0x7FFF_FFFF), .windowUpdate(0, 0x7FFF_FFFF)])], .connectionError([.flowControl])),
        ConformanceCase(
            "6.9.1", "a stream's window beyond its bound",
            [.frames([openPost]), .frames([.windowUpdate(1, 0x7FFF_FFFF), .windowUpdate(1, 0x7FFF_FFFF)])],
            .reset(.flowControl)),
        ConformanceCase(
            "6.9.2", "a window that SETTINGS open after HEADERS",
            [
                .frames([.settings([(4, 0)])]), .acknowledged, .frames([.headers(1, get)]),
                .frames([.settings([(4, 1)])]),
            ], .dataOf(1)),
        ConformanceCase(
            "6.9.2", "a window that SETTINGS make negative",
            [
                .frames([.settings([(4, 3)])]), .acknowledged, .frames([.headers(1, get)]), .data,
                .frames([.settings([(4, 2)])]), .acknowledged, .frames([.windowUpdate(1, 2)]),
            ], .dataOf(1)),
        ConformanceCase(
            "+6.9.2", "SETTINGS that take a stream's window beyond its bound",
            [openPost, .windowUpdate(1, 0x7FFF_0000), .settings([(4, 0x7FFF_FFFF)])],
            .streamError([.flowControl])),
    ]

    private static let continuations = [
        ConformanceCase(
            "6.10", "CONTINUATION followed by another frame",
            [.frames([.headers(1, get, endHeaders: false), .continuation(1, [], end: false), .data()])],
            .connectionError([.protocolError])),
        ConformanceCase(
            "6.10", "CONTINUATION of stream 0",
            [.frames([.headers(1, get, endHeaders: false), .continuation(0, [])])], .connectionError([.protocolError])),
        ConformanceCase(
            "6.10", "CONTINUATION after the block's end in HEADERS",
            [.frames([.headers(1, get), .continuation(1, [])])], .connectionError([.protocolError])),
        ConformanceCase(
            "6.10", "CONTINUATION after the block's end in CONTINUATION",
            [.frames([.headers(1, get, endHeaders: false), .continuation(1, []), .continuation(1, [])])],
            .connectionError([.protocolError])),
        ConformanceCase(
            "6.10", "CONTINUATION after DATA", [.frames([openPost, .data(end: false), .continuation(1, [])])],
            .connectionError([.protocolError])),
    ]
}
