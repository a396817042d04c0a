import Testing

@testable import Wire

@Suite("HTTP/1.1 content")
struct HTTP1BodyDecoderTests {
    /// Chunked content, what it decodes to, and its trailers.
    @Test(
        arguments: [
            ("0\r\n\r\n", "", []),
            ("5\r\nhello\r\n0\r\n\r\n", "hello", []),
            ("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world", []),
            ("A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", []),
            ("0000000000000002\r\n\r\n\r\n000\r\n\r\n", "\r\n", []),
            ("1;a\r\nx\r\n0;b=c\r\n\r\n", "x", []),
            ("1;a=b;c=\"d; \\\"e\\\" \té\";f\r\nx\r\n0\r\n\r\n", "x", []),
            (
                "0\r\nGrpc-Status: 0\r\nX:\r\n\r\n", "",
                [FieldSummary("grpc-status", "0"), FieldSummary("x", "")]
            ),
        ])
    func `decodes chunks`(text: String, content: String, trailers: [FieldSummary]) {
        let body = decodeBody(text + "GET")
        #expect(body.error == nil, "\(text.escaped)")
        #expect(body.isFinished)
        #expect(body.content == Array(content.utf8))
        #expect(body.trailers == trailers)
        #expect(body.consumed == text.utf8.count)
    }

    @Test(
        arguments: [
            ("\r\n", HTTP1Error.invalidChunkSize),
            (";a\r\n", .invalidChunkSize),
            ("g\r\n", .invalidChunkSize),
            ("-1\r\n", .invalidChunkSize),
            ("+1\r\n", .invalidChunkSize),
            ("0x1\r\n", .invalidChunkSize),
            ("1_0\r\n", .invalidChunkSize),
            ("00000000000000001\r\n", .chunkSizeOverflow),
            ("fffffffffffffffff\r\n", .chunkSizeOverflow),
            (" 1\r\n", .invalidChunkSize),
            ("1 \r\n", .whitespaceInChunkLine),
            ("1\t;a\r\n", .whitespaceInChunkLine),
            ("1; a\r\n", .whitespaceInChunkLine),
            ("1;a =b\r\n", .whitespaceInChunkLine),
            ("1;a= b\r\n", .whitespaceInChunkLine),
            ("1;a=\"b\" \r\n", .whitespaceInChunkLine),
            ("1\nx\r\n", .bareLineFeed),
            ("1;a\nx\r\n", .bareLineFeed),
            ("1;a=\"\n\"\r\n", .bareLineFeed),
            ("1\rx\r\n", .bareCarriageReturn),
            ("1;a\rx\r\n", .bareCarriageReturn),
            ("1;\r\n", .invalidChunkExtension),
            ("1;;a\r\n", .invalidChunkExtension),
            ("1;a=\r\n", .invalidChunkExtension),
            ("1;a==b\r\n", .invalidChunkExtension),
            ("1;=b\r\n", .invalidChunkExtension),
            ("1;a=b\"c\"\r\n", .invalidChunkExtension),
            ("1;a=\"b\"c\r\n", .invalidChunkExtension),
            ("1;a=\"b\r\n", .invalidChunkExtension),
            ("1;a=\"b\0\"\r\n", .invalidChunkExtension),
            ("1;a(b\r\n", .invalidChunkExtension),
            ("1;é\r\n", .invalidChunkExtension),
            ("1;" + String(repeating: "a", count: 300), .chunkExtensionTooLong),
            ("1\r\nxy\r\n", .missingChunkEnd),
            ("1\r\nx\n", .missingChunkEnd),
            ("1\r\nx\r0", .missingChunkEnd),
            ("1\r\nx0\r\n\r\n", .missingChunkEnd),
            ("0\r\nX: a\n\r\n", .bareLineFeed),
            ("0\r\nX : a\r\n\r\n", .whitespaceBeforeColon),
            ("0\r\n X: a\r\n\r\n", .obsoleteFolding),
            ("0\r\nX\r\n\r\n", .missingColon),
            ("0\r\nX: a\0\r\n\r\n", .controlByte),
            ("0\r\n\rGET", .bareCarriageReturn),
            ("0\r\nContent-Length: 5\r\n\r\n", .forbiddenTrailer),
            ("0\r\nTransfer-Encoding: chunked\r\n\r\n", .forbiddenTrailer),
            ("0\r\nHost: b\r\n\r\n", .forbiddenTrailer),
            ("0\r\nAuthorization: x\r\n\r\n", .forbiddenTrailer),
        ])
    func `refuses malformed chunks and trailers`(text: String, reason: HTTP1Error) {
        #expect(decodeBody(text).error == reason, "\(text.escaped)")
    }

    @Test func `bounds the trailer section in bytes and lines`() {
        let trailers = String(repeating: "X: y\r\n", count: 4)
        let bytes = Array("0\r\n\(trailers)\r\n".utf8)
        #expect(decodeBody(bytes, .chunked, maxTrailerBytes: 24, maxTrailerFields: 4).isFinished)
        #expect(decodeBody(bytes, .chunked, maxTrailerBytes: 23).error == .trailerSectionTooLarge)
        #expect(decodeBody(bytes, .chunked, maxTrailerFields: 3).error == .trailerSectionTooLarge)
        let endless = Array(("0\r\nX: " + String(repeating: "y", count: 9000)).utf8)
        #expect(decodeBody(endless, .chunked).error == .trailerSectionTooLarge)
        for ends in splits(of: bytes.count) {
            #expect(decodeBody(bytes, .chunked, arriving: ends, maxTrailerBytes: 23).error == .trailerSectionTooLarge)
        }
    }

    @Test func `reads a body of single-byte chunks of any length`() {
        let text = String(repeating: "1\r\nx\r\n", count: 20_000) + "0\r\n\r\n"
        let body = decodeBody(text)
        #expect(body.isFinished)
        #expect(body.content.count == 20_000)
    }

    @Test func `refuses a body that is nearly all framing`() {
        let chunk = "1;" + String(repeating: "a", count: 200) + "\r\nx\r\n"
        #expect(decodeBody(String(repeating: chunk, count: 20_000)).error == .chunkOverhead)
        let padded =
            "1000;" + String(repeating: "a", count: 200) + "\r\n" + String(repeating: "x", count: 4096) + "\r\n"
        #expect(decodeBody(String(repeating: padded, count: 500)).error == nil)
    }

    @Test func `takes the largest size there is without overflow`() {
        let body = decodeBody("FFFFFFFFFFFFFFFF\r\nabc")
        #expect(body.error == nil)
        #expect(body.content == Array("abc".utf8))
        #expect(!body.isFinished)
    }

    /// Framing, input, how much of it is content, whether the message is complete.
    @Test(
        arguments: [
            (BodyFraming.none, "GET", 0, true),
            (.length(0), "GET", 0, true),
            (.length(3), "abcGET", 3, true),
            (.length(3), "ab", 2, false),
            (.length(.max), "abc", 3, false),
            (.untilClose, "abcGET", 6, false),
        ])
    func `delimits content that is not chunked`(framing: BodyFraming, text: String, count: Int, isFinished: Bool) {
        let body = decodeBody(text, framing)
        #expect(body.content == Array(text.utf8.prefix(count)))
        #expect(body.consumed == count)
        #expect(body.isFinished == isFinished)
    }

    @Test func `tells a complete message from one that was cut short when the peer closes`() throws {
        for (framing, text, isComplete) in [
            (BodyFraming.none, "", true), (.length(3), "abc", true), (.length(3), "ab", false), (.length(3), "", false),
            (.untilClose, "", true), (.untilClose, "abc", true), (.chunked, "0\r\n\r\n", true),
            (.chunked, "0\r\n", false),
            (.chunked, "", false), (.chunked, "3\r\nabc\r\n", false), (.chunked, "0\r\nX: y\r\n", false),
        ] {
            var decoder = HTTP1BodyDecoder(framing: framing)
            var trailers = HeaderBlock()
            _ = try decoder.decode(Array(text.utf8).span, trailers: &trailers) { _ in }
            var error: HTTP1Error?
            do throws(HTTP1Error) { try decoder.endOfInput() } catch let reason { error = reason }
            #expect(error == (isComplete ? nil : .truncatedBody), "\(framing) \(text.escaped)")
            #expect(decoder.isFinished == isComplete)
        }
    }

    @Test func `hands on content without empty pieces`() throws {
        var decoder = HTTP1BodyDecoder(framing: .chunked)
        var trailers = HeaderBlock()
        var pieces: [Int] = []
        for part in ["3\r\n", "a", "bc\r\n2\r\nde", "\r\n0\r\n\r\n"] {
            _ = try decoder.decode(Array(part.utf8).span, trailers: &trailers) { pieces.append($0.count) }
        }
        #expect(pieces == [1, 2, 2])
        #expect(decoder.isFinished)
    }
}
