import GatewayTestSupport

extension ConformanceCase {
    /// What every client may do: h2spec's part "generic".
    static let generic = streams + frames + exchanges

    private static let streams = [
        ConformanceCase("generic/1", "the preface", [.raw([])], .lives),
        ConformanceCase("generic/2", "PRIORITY on an idle stream", [.priority(1)], .lives),
        ConformanceCase(
            "generic/2", "WINDOW_UPDATE on a half-closed stream",
            [.frames([.settings([(4, 0)])]), .frames([.headers(1, Fields.get())]), .frames([.windowUpdate(1, 1)])],
            .dataOf(1)),
        ConformanceCase(
            "generic/2", "PRIORITY on a half-closed stream",
            [
                .frames([.settings([(4, 0)])]), .frames([.headers(1, Fields.get()), .priority(1)]),
                .frames([.windowUpdate(1, 1)]),
            ], .dataOf(1)),
        ConformanceCase(
            "generic/2", "RST_STREAM on a half-closed stream", [.headers(1, Fields.get()), .reset(1)], .lives),
        ConformanceCase(
            "generic/2", "PRIORITY on a closed stream",
            [.frames([.headers(1, Fields.get())]), .answered, .frames([.priority(1)])], .lives),
        ConformanceCase(
            "+5.1", "WINDOW_UPDATE and RST_STREAM on a closed stream",
            [.frames([.headers(1, Fields.get())]), .answered, .frames([.windowUpdate(1, 1), .reset(1)])], .lives),
    ]

    private static let frames = [
        ConformanceCase("generic/3.1", "DATA", [.headers(1, Fields.post(), end: false), .data()], .answers()),
        ConformanceCase(
            "generic/3.1", "several DATA",
            [.headers(1, Fields.post(), end: false), .data(end: false), .data()], .answers()),
        ConformanceCase(
            "generic/3.1", "padded DATA",
            [
                .headers(1, Fields.post(), end: false),
                RawFrame(.data, flags: RawFrame.padded | RawFrame.endStream, stream: 1, [6] + Array("test".utf8))
                    .padded(by: 6),
            ], .answers()),
        ConformanceCase("generic/3.2", "HEADERS", [.headers(1, Fields.get())], .answers()),
        ConformanceCase(
            "generic/3.2", "padded HEADERS",
            [.headers(1, [6] + Fields.get(), flags: RawFrame.padded).padded(by: 6)], .answers()),
        ConformanceCase(
            "generic/3.2", "HEADERS with priority",
            [.headers(1, RawFrame.big(0) + [255] + Fields.get(), flags: RawFrame.priority)], .answers()),
        ConformanceCase(
            "generic/3.3", "PRIORITY with weights, exclusive, on streams that do not exist",
            [.priority(1, weight: 0), .priority(1, on: 0x8000_0000), .priority(3, on: 1), .priority(5, on: 7)], .lives),
        ConformanceCase(
            "generic/3.4", "RST_STREAM", [.headers(1, Fields.post(), end: false), .reset(1)], .lives),
        ConformanceCase(
            "generic/3.5", "SETTINGS of every kind",
            [.settings([(1, 4096), (2, 0), (3, 100), (4, 65_535), (5, 16_384), (6, 8192), (0xFF, 1)])], .acknowledges),
        ConformanceCase(
            "+6.5.2", "SETTINGS to their bounds",
            [.settings([(1, 0), (2, 1), (3, 0), (4, 0x7FFF_FFFF), (5, 16_777_215), (6, 0)])], .acknowledges),
        ConformanceCase("generic/3.7", "PING", [.ping()], .lives),
        ConformanceCase("generic/3.8", "GOAWAY", [.goAway()], .ends),
        ConformanceCase("generic/3.9", "WINDOW_UPDATE of the connection", [.windowUpdate(0, 1)], .lives),
        ConformanceCase(
            "generic/3.9", "WINDOW_UPDATE of a stream",
            [.headers(1, Fields.post(), end: false), .windowUpdate(1, 1)], .lives),
        ConformanceCase(
            "generic/3.10", "CONTINUATION",
            continued(2), .answers()),
        ConformanceCase("generic/3.10", "several CONTINUATION", continued(4), .answers()),
        ConformanceCase(
            "+6.10", "an empty HEADERS and an empty CONTINUATION around the block",
            [
                .headers(1, [], endHeaders: false), .continuation(1, Fields.get(), end: false), .continuation(1, []),
            ], .answers()),
    ]

    private static func continued(_ count: Int) -> [RawFrame] {
        let pieces = Fields.pieces(Fields.get(), count)
        return pieces.enumerated().map { index, piece in
            index == 0
                ? .headers(1, piece, endHeaders: false) : .continuation(1, piece, end: index == pieces.count - 1)
        }
    }

    private static let exchanges = [
        ConformanceCase("generic/4", "GET", [.headers(1, Fields.get())], .answers()),
        ConformanceCase("generic/4", "HEAD", [.headers(1, Fields.block("HEAD"))], .answers()),
        ConformanceCase("generic/4", "POST", [.headers(1, Fields.post(), end: false), .data()], .answers()),
        ConformanceCase(
            "generic/4", "POST with trailers",
            [
                .headers(1, Fields.post([("trailer", "x-test")]), end: false), .data(end: false),
                .headers(1, plainHPACK([("x-test", "ok")])),
            ], .answers()),
        ConformanceCase("+8.2.2", "te: trailers", [.headers(1, Fields.get([("te", "trailers")]))], .answers()),
        ConformanceCase(
            "+8.2.3", "cookie in pieces", [.headers(1, Fields.get([("cookie", "a=1"), ("cookie", "b=2")]))], .answers()),
        ConformanceCase(
            "+8.3.1", "host that agrees with :authority", [.headers(1, Fields.get([("host", "LOCALHOST")]))],
            .answers()),
        ConformanceCase(
            "+8.3.1", "host instead of :authority",
            [
                .headers(
                    1,
                    plainHPACK([(":method", "GET"), (":scheme", "https"), (":path", "/"), ("host", "localhost")]))
            ], .answers()),
        ConformanceCase(
            "+8.3.1", "OPTIONS *",
            [
                .headers(
                    1,
                    plainHPACK([
                        (":method", "OPTIONS"), (":scheme", "https"), (":path", "*"), (":authority", "localhost"),
                    ]))
            ], .answers()),
    ]
}

extension RawFrame {
    func padded(by count: Int) -> RawFrame {
        RawFrame(type: type, flags: flags, stream: stream, payload: payload + Array(repeating: 0, count: count))
    }
}
