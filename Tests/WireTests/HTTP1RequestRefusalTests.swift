import Testing

@testable import Wire

/// Every way in which a request is refused, and what the client is told.
@Suite("HTTP/1.1 requests that are refused")
struct HTTP1RequestRefusalTests {
    @Test(
        arguments: [
            ("GET / HTTP/1.1\nHost: a\r\n\r\n", HTTP1Error.bareLineFeed),
            ("GET / HTTP/1.1\rHost: a\r\n\r\n", .bareCarriageReturn),
            ("GET / HTTP/1.1\r\r\n", .bareCarriageReturn),
            ("GET /\0 HTTP/1.1\r\n", .controlByte),
            ("\u{16}\u{03}\u{01}\u{02}", .controlByte),
            ("\r\n\r\nGET / HTTP/1.1\r\n", .malformedRequestLine),
            (" GET / HTTP/1.1\r\n", .malformedRequestLine),
            ("GET  / HTTP/1.1\r\n", .malformedRequestLine),
            ("GET /  HTTP/1.1\r\n", .malformedRequestLine),
            ("GET / HTTP/1.1 \r\n", .malformedRequestLine),
            ("GET /\tHTTP/1.1\r\n", .malformedRequestLine),
            ("GET / \tHTTP/1.1\r\n", .malformedRequestLine),
            ("GET /a b HTTP/1.1\r\n", .malformedRequestLine),
            ("GET /\r\n", .malformedRequestLine),
            ("GET\r\n", .malformedRequestLine),
            ("GET\t/ HTTP/1.1\r\n", .invalidMethod),
            ("G(T / HTTP/1.1\r\n", .invalidMethod),
            ("GÉT / HTTP/1.1\r\n", .invalidMethod),
            ("CONNECT a:443 HTTP/1.1\r\n", .unsupportedMethod),
            ("GET / HTTP/2.0\r\n", .unsupportedVersion),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unsupportedVersion),
            ("GET / HTTP/1.2\r\n", .unsupportedVersion),
            ("GET / HTTP/0.9\r\n", .unsupportedVersion),
            ("GET / http/1.1\r\n", .invalidVersion),
            ("GET / HTTP/1.10\r\n", .invalidVersion),
            ("GET / HTTP/11\r\n", .invalidVersion),
            ("GET / HTTP/1,1\r\n", .invalidVersion),
            ("GET / ICY/1.1\r\n", .invalidVersion),
            ("GET / \r\n", .invalidVersion),
        ])
    func `malformed request lines`(text: String, reason: HTTP1Error) {
        #expect(parseRequest(text) == .refused(reason), "\(text.escaped)")
    }

    @Test(
        arguments: [
            "GET * HTTP/1.1", "get HTTP/1.1", "OPTIONS ** HTTP/1.1", "options * HTTP/1.1", "GET a/b HTTP/1.1",
            "GET ?q HTTP/1.1", "GET /a#b HTTP/1.1", "GET /é HTTP/1.1", "GET /\u{80} HTTP/1.1",
            "GET a.test:443 HTTP/1.1",
            "GET ftp://a.test/ HTTP/1.1", "GET http:/a.test/ HTTP/1.1", "GET http:///x HTTP/1.1",
            "GET http://u@a.test/ HTTP/1.1", "GET http://a.test:x/ HTTP/1.1", "GET http://a\\b/ HTTP/1.1",
            "GET javascript:x HTTP/1.1",
        ])
    func `targets of no form`(line: String) {
        let verdict = parseRequest(line + "\r\nHost: a.test\r\n\r\n")
        #expect(verdict.error == .invalidTarget || verdict.error == .malformedRequestLine, "\(line.escaped)")
        #expect(verdict.error?.status == 400)
    }

    /// Field lines after `GET / HTTP/1.1` and `Host: a`.
    @Test(
        arguments: [
            ("X: a\n", HTTP1Error.bareLineFeed),
            ("X: a\r X: b\r\n", .bareCarriageReturn),
            ("X: a\rb\r\n", .bareCarriageReturn),
            ("X: a\0b\r\n", .controlByte),
            ("X\0: a\r\n", .controlByte),
            ("X: \u{7F}\r\n", .controlByte),
            ("X: \u{1B}\r\n", .controlByte),
            ("X: a\u{0B}\r\n", .controlByte),
            (" X: folded\r\n", .obsoleteFolding),
            ("X: a\r\n\tb\r\n", .obsoleteFolding),
            ("X: a\r\n \r\n", .obsoleteFolding),
            (": a\r\n", .emptyFieldName),
            ("X\r\n", .missingColon),
            ("Transfer-Encoding chunked\r\n", .missingColon),
            ("X : a\r\n", .whitespaceBeforeColon),
            ("X\t: a\r\n", .whitespaceBeforeColon),
            ("Transfer-Encoding : chunked\r\n", .whitespaceBeforeColon),
            ("X Y: a\r\n", .invalidFieldName),
            ("X(: a\r\n", .invalidFieldName),
            ("\"X\": a\r\n", .invalidFieldName),
            ("Xé: a\r\n", .invalidFieldName),
            ("{X}: a\r\n", .invalidFieldName),
        ])
    func `malformed field lines`(fields: String, reason: HTTP1Error) {
        #expect(parseRequest("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n") == .refused(reason), "\(fields.escaped)")
    }

    @Test func `whitespace between the request line and the first field`() {
        #expect(parseRequest("GET / HTTP/1.1\r\n Host: a\r\n\r\n") == .refused(.obsoleteFolding))
    }

    @Test(
        arguments: [
            ("GET / HTTP/1.1\r\n\r\n", HTTP1Error.missingHost),
            ("GET http://a/ HTTP/1.1\r\n\r\n", .missingHost),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", .repeatedHost),
            ("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", .repeatedHost),
            ("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", .repeatedHost),
            ("GET / HTTP/1.1\r\nHost:\r\n\r\n", .invalidHost),
            ("GET / HTTP/1.1\r\nHost: user@a\r\n\r\n", .invalidHost),
            ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", .invalidHost),
            ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .invalidHost),
            ("GET / HTTP/1.1\r\nHost: http://a\r\n\r\n", .invalidHost),
            ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .invalidHost),
            ("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", .invalidHost),
            ("GET / HTTP/1.0\r\nHost: a@b\r\n\r\n", .invalidHost),
            ("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", .conflictingHost),
            ("GET http://a/ HTTP/1.1\r\nHost: a:80\r\n\r\n", .conflictingHost),
        ])
    func `hosts that are missing, repeated, invalid or contradictory`(text: String, reason: HTTP1Error) {
        #expect(parseRequest(text) == .refused(reason), "\(text.escaped)")
    }

    /// Field lines after `POST / HTTP/1.1` and `Host: a`: where request smuggling lives.
    @Test(
        arguments: [
            ("Content-Length: 5\r\nContent-Length: 5\r\n", HTTP1Error.repeatedContentLength),
            ("Content-Length: 5\r\ncontent-length: 6\r\n", .repeatedContentLength),
            ("Content-Length: 5, 5\r\n", .invalidContentLength),
            ("Content-Length: +5\r\n", .invalidContentLength),
            ("Content-Length: -5\r\n", .invalidContentLength),
            ("Content-Length:\r\n", .invalidContentLength),
            ("Content-Length: 5 5\r\n", .invalidContentLength),
            ("Content-Length: 0x5\r\n", .invalidContentLength),
            ("Content-Length: 5.0\r\n", .invalidContentLength),
            ("Content-Length: ٥\r\n", .invalidContentLength),
            ("Content-Length: 18446744073709551616\r\n", .contentLengthOverflow),
            ("Content-Length: 99999999999999999999999999\r\n", .contentLengthOverflow),
            ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", .contentLengthWithTransferEncoding),
            ("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", .contentLengthWithTransferEncoding),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", .repeatedTransferEncoding),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", .repeatedTransferEncoding),
            ("Transfer-Encoding: chunked, chunked\r\n", .invalidTransferEncoding),
            ("Transfer-Encoding: chunked, gzip\r\n", .invalidTransferEncoding),
            ("Transfer-Encoding: chunked, identity\r\n", .invalidTransferEncoding),
            ("Transfer-Encoding: xchunked\r\n", .invalidTransferEncoding),
            ("Transfer-Encoding: chunked;q=1\r\n", .invalidTransferEncoding),
            ("Transfer-Encoding: \"chunked\"\r\n", .invalidTransferEncoding),
            ("Transfer-Encoding: ,chunked\r\n", .invalidTransferEncoding),
            ("Transfer-Encoding: chunked,\r\n", .invalidTransferEncoding),
            ("Transfer-Encoding:\r\n", .invalidTransferEncoding),
            ("Transfer-Encoding: identity\r\n", .invalidTransferEncoding),
            ("Transfer-Encoding: gzip\r\n", .invalidTransferEncoding),
            ("Transfer-Encoding: gzip, chunked\r\n", .unsupportedTransferCoding),
            ("Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n", .framingFieldInConnection),
            ("Transfer-Encoding: chunked\r\nConnection: close, transfer-encoding\r\n", .framingFieldInConnection),
            ("Connection: content-length\r\nContent-Length: 5\r\n", .framingFieldInConnection),
            ("Connection: HOST\r\n", .framingFieldInConnection),
            ("Connection: a b\r\n", .invalidConnection),
            ("Connection: close; x\r\n", .invalidConnection),
            ("Expect: 200-ok\r\n", .unsupportedExpectation),
            ("Expect:\r\n", .unsupportedExpectation),
        ])
    func `ambiguous framing`(fields: String, reason: HTTP1Error) {
        let verdict = parseRequest("POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n")
        #expect(verdict == .refused(reason), "\(fields.escaped)")
    }

    @Test func `transfer-encoding in HTTP 1.0`() {
        #expect(
            parseRequest("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == .refused(.transferEncodingInHTTP10)
        )
    }

    @Test func `more connection options than anyone needs`() {
        let options = (0...FramingFields.maxConnectionOptions).map { "x\($0)" }
        let accepted = "GET / HTTP/1.1\r\nHost: a\r\nConnection: \(options.dropLast().joined(separator: ","))\r\n\r\n"
        let refused = "GET / HTTP/1.1\r\nHost: a\r\nConnection: \(options.joined(separator: ","))\r\n\r\n"
        #expect(parseRequest(accepted).head != nil)
        #expect(parseRequest(refused) == .refused(.tooManyConnectionOptions))
    }

    @Test func `a request line that never ends`() {
        let limits = HTTP1Limits(maxStartLineBytes: 100)
        let text = "GET /" + String(repeating: "a", count: 200)
        #expect(parseRequest(text, limits: limits) == .refused(.requestLineTooLong))
        #expect(parseRequest(String(text.prefix(100)), limits: limits) == .incomplete)
        #expect(parseRequest(String(text.prefix(101)), limits: limits) == .refused(.requestLineTooLong))
    }

    @Test func `a header section that never ends`() {
        let start = "GET / HTTP/1.1\r\nHost: a\r\n"
        let limits = HTTP1Limits(maxHeaderBytes: 1000, maxFieldCount: 1000)
        let oneLine = start + "X: " + String(repeating: "a", count: 1000)
        #expect(parseRequest(oneLine, limits: limits) == .refused(.headerSectionTooLarge))
        let manyLines = start + String(repeating: "X: a\r\n", count: 200)
        #expect(parseRequest(manyLines, limits: limits) == .refused(.headerSectionTooLarge))
        let manyFields = start + String(repeating: "X: a\r\n", count: 100)
        #expect(parseRequest(manyFields) == .refused(.tooManyFields))
    }

    @Test(
        arguments: [
            (HTTP1Error.requestLineTooLong, UInt16(414)), (.headerSectionTooLarge, 431), (.tooManyFields, 431),
            (.unsupportedMethod, 501), (.unsupportedTransferCoding, 501), (.unsupportedVersion, 505),
            (.unsupportedExpectation, 417), (.bareLineFeed, 400), (.repeatedHost, 400), (.invalidChunkSize, 400),
            (.trailerSectionTooLarge, 431), (.truncatedBody, 400),
        ])
    func `the status that answers a refusal`(reason: HTTP1Error, status: UInt16) {
        #expect(reason.status == status)
        #expect(reason.description != reason.rawValue)
    }
}
