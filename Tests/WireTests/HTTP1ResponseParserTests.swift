import Testing

@testable import Wire

@Suite("HTTP/1.1 responses")
struct HTTP1ResponseParserTests {
    @Test func `reads the example of RFC 9112 §2.1`() {
        let text =
            "HTTP/1.1 200 OK\r\nDate: Mon, 27 Jul 2009 12:28:53 GMT\r\nServer: Apache\r\nETag: \"34aa387-d-1568eb00\"\r\n"
            + "Content-Length: 51\r\nVary: Accept-Encoding\r\nContent-Type: text/plain\r\n\r\n"
        let verdict = parseResponse(text + "Hello World!")
        guard case .complete(let head, let consumed) = verdict else {
            Issue.record("\(verdict)")
            return
        }
        #expect(consumed == text.utf8.count)
        #expect(head.status == 200)
        #expect(head.framing == .length(51))
        #expect(head.fields.count == 6)
        #expect(head.fields[2] == FieldSummary("etag", "\"34aa387-d-1568eb00\""))
    }

    /// Head, whether the request was HEAD, framing, whether the connection lives (RFC 9112 §6.3).
    @Test(
        arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", false, BodyFraming.length(5), true),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", false, .chunked, true),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n", false, .chunked, true),
            ("HTTP/1.1 200 OK\r\n", false, .untilClose, false),
            ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n", false, .length(5), false),
            ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n", false, .length(5), false),
            ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n", false, .length(5), true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", true, .none, true),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", true, .none, true),
            ("HTTP/1.1 200 OK\r\n", true, .none, true),
            ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n", false, .none, true),
            ("HTTP/1.1 204 No Content\r\n", false, .none, true),
            ("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n", false, .none, true),
            ("HTTP/1.1 100 Continue\r\n", false, .none, true),
            ("HTTP/1.1 200\r\nContent-Length: 0\r\n", false, .length(0), true),
            ("HTTP/1.1 200 \r\nContent-Length: 0\r\n", false, .length(0), true),
            ("HTTP/1.1 599 Grüße \t!\r\nContent-Length: 0\r\n", false, .length(0), true),
        ])
    func `derives framing and persistence`(text: String, toHEAD: Bool, framing: BodyFraming, keepAlive: Bool) {
        let head = parseResponse(text + "\r\n", toHEAD: toHEAD).head
        #expect(head?.framing == framing, "\(text.escaped)")
        #expect(head?.keepAlive == keepAlive, "\(text.escaped)")
    }

    @Test func `keeps content-length where it says how long the content would be, and drops it where it must not be`() {
        #expect(parseResponse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", toHEAD: true).head?.fields.count == 1)
        #expect(parseResponse("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n").head?.fields.count == 1)
        #expect(parseResponse("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n").head?.fields.isEmpty == true)
    }

    @Test(
        arguments: [
            ("HTTP/1.1 200 OK\nX: y\r\n", HTTP1Error.bareLineFeed),
            ("HTTP/1.1 200 O\0K\r\n", .controlByte),
            ("\r\nHTTP/1.1 200 OK\r\n", .malformedStatusLine),
            ("HTTP/1.1  200 OK\r\n", .malformedStatusLine),
            ("HTTP/1.1 2000 OK\r\n", .malformedStatusLine),
            ("HTTP/1.1 20\r\n", .malformedStatusLine),
            ("HTTP/1.1\t200 OK\r\n", .malformedStatusLine),
            ("HTTP/1.1 200\tOK\r\n", .malformedStatusLine),
            ("HTTP/1.1 099 Low\r\n", .invalidStatus),
            ("HTTP/1.1 600 High\r\n", .invalidStatus),
            ("HTTP/1.1 2x0 OK\r\n", .invalidStatus),
            ("HTTP/2.0 200 OK\r\n", .unsupportedVersion),
            ("http/1.1 200 OK\r\n", .invalidVersion),
            ("ICY 200 OK\r\n", .malformedStatusLine),
            ("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n", .obsoleteFolding),
            ("HTTP/1.1 200 OK\r\nX\r\n", .missingColon),
            ("HTTP/1.1 200 OK\r\n: a\r\n", .emptyFieldName),
            ("HTTP/1.1 200 OK\r\nX Y: a\r\n", .invalidFieldName),
            ("HTTP/1.1 200 OK\r\nX: a\rb\r\n", .bareCarriageReturn),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n", .repeatedContentLength),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n", .invalidContentLength),
            ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n", .invalidContentLength),
            ("HTTP/1.1 304 Not Modified\r\nContent-Length: x\r\n", .invalidContentLength),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                .contentLengthWithTransferEncoding
            ),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n", .invalidTransferEncoding),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n", .unsupportedTransferCoding),
            ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n", .transferEncodingInHTTP10),
            ("HTTP/1.1 200 OK\r\nConnection: transfer-encoding\r\n", .framingFieldInConnection),
            ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n", .contentForbidden),
            ("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n", .contentForbidden),
            ("HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n", .contentForbidden),
            ("HTTP/1.1 101 Switching Protocols\r\nTransfer-Encoding: chunked\r\n", .contentForbidden),
        ])
    func `refuses what could be read in two ways`(text: String, reason: HTTP1Error) {
        #expect(parseResponse(text + "\r\n") == .refused(reason), "\(text.escaped)")
    }

    @Test func `returns informational heads before the final one`() throws {
        let heads = [
            "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
        ]
        let bytes = Array(heads.joined().utf8)
        var parser = HTTP1ResponseParser(requestMethodIsHEAD: true)
        var head = ResponseHead()
        var offset = 0
        for (text, status) in zip(heads, [100, 103, 200] as [UInt16]) {
            let consumed = try parser.parse(bytes.span.extracting(offset...), into: &head, limits: HTTP1Limits())
            #expect(consumed == text.utf8.count)
            #expect(head.status == status)
            #expect(head.isInformational == (status < 200))
            #expect(head.framing == .none)
            offset += consumed ?? 0
        }
    }

    @Test func `reads the next response after a reset`() throws {
        var parser = HTTP1ResponseParser(requestMethodIsHEAD: true)
        var head = ResponseHead()
        let bytes = Array("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n".utf8)
        _ = try parser.parse(bytes.span, into: &head, limits: HTTP1Limits())
        #expect(head.framing == .none)
        parser.reset(requestMethodIsHEAD: false)
        _ = try parser.parse(bytes.span, into: &head, limits: HTTP1Limits())
        #expect(head.framing == .length(9))
        #expect(head.headers.count == 1)
    }

    @Test func `bounds the head`() {
        let long = Array(("HTTP/1.1 200 " + String(repeating: "x", count: 10_000)).utf8)
        #expect(parseResponse(long) == .refused(.statusLineTooLong))
        let large = Array(("HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 40_000)).utf8)
        #expect(parseResponse(large) == .refused(.headerSectionTooLarge))
        let many = Array(("HTTP/1.1 200 OK\r\n" + String(repeating: "X: y\r\n", count: 101)).utf8)
        #expect(parseResponse(many) == .refused(.tooManyFields))
    }
}
