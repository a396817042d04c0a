import GatewayTestSupport

extension ConformanceCase {
    /// Frames that are wrong where they stand: h2spec's http2/5.1.
    static let wrongStates = idle + closed + identifiers

    private static let get = Fields.get()

    private static let idle = [
        ConformanceCase("5.1", "idle: DATA", [.data()], .connectionError([.protocolError])),
        ConformanceCase("5.1", "idle: RST_STREAM", [.reset(1)], .connectionError([.protocolError])),
        ConformanceCase("5.1", "idle: WINDOW_UPDATE", [.windowUpdate(1, 100)], .connectionError([.protocolError])),
        ConformanceCase("5.1", "idle: CONTINUATION", [.continuation(1, get)], .connectionError([.protocolError])),
    ]

    private static let closed = [
        ConformanceCase("5.1", "half-closed: DATA", [.headers(1, get), .data()], .streamError([.streamClosed])),
        ConformanceCase(
            "5.1", "half-closed: HEADERS", [.headers(1, get), .headers(1, get)], .streamError([.streamClosed])),
        ConformanceCase(
            "5.1", "half-closed: CONTINUATION", [.headers(1, get), .continuation(1, get)],
            .streamError([.streamClosed, .protocolError])),
        ConformanceCase(
            "5.1", "reset by the client: DATA",
            [.headers(1, Fields.post(), end: false), .reset(1), .data()], .streamError([.streamClosed])),
        ConformanceCase(
            "5.1", "reset by the client: HEADERS",
            [.headers(1, Fields.post(), end: false), .reset(1), .headers(1, get)], .streamError([.streamClosed])),
        ConformanceCase(
            "5.1", "reset by the client: CONTINUATION",
            [.headers(1, Fields.post(), end: false), .reset(1), .continuation(1, get)],
            .streamError([.streamClosed, .protocolError])),
        ConformanceCase(
            "5.1", "closed: DATA", [.frames([.headers(1, get)]), .answered, .frames([.data()])],
            .connectionError([.streamClosed])),
        ConformanceCase(
            "5.1", "closed: HEADERS", [.frames([.headers(1, get)]), .answered, .frames([.headers(1, get)])],
            .connectionError([.streamClosed])),
        ConformanceCase(
            "5.1", "closed: CONTINUATION", [.frames([.headers(1, get)]), .answered, .frames([.continuation(1, get)])],
            .connectionError([.streamClosed, .protocolError])),
        // What the gateway closed itself may still be on its way from the client (RFC 9113 §5.1).
        ConformanceCase(
            "+5.1", "reset by the gateway: DATA and trailers are ignored",
            [.headers(1, Fields.get([("X-Upper", "a")]), end: false), .data(end: false), .headers(1, trailer)],
            .lives),
    ]

    private static let trailer = plainHPACK([("x-test", "ok")])

    private static let identifiers = [
        ConformanceCase("5.1.1", "an even stream", [.headers(2, get)], .connectionError([.protocolError])),
        ConformanceCase(
            "5.1.1", "a stream lower than the last", [.headers(5, get), .headers(3, get)],
            .connectionError([.protocolError])),
        ConformanceCase(
            "+5.1.1", "WINDOW_UPDATE of an even stream", [.windowUpdate(2, 1)], .connectionError([.protocolError])),
        ConformanceCase(
            "5.1.2", "more streams than allowed",
            [.frames([.settings([(4, 0)])] + (0...128).map { .headers(UInt32(2 * $0 + 1), Fields.get()) })],
            .streamError([.protocolError, .refusedStream], stream: 257)),
    ]
}
