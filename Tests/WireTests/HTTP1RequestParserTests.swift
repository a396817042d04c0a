import Testing

@testable import Wire

@Suite("HTTP/1.1 requests that are accepted")
struct HTTP1RequestParserTests {
    @Test func `reads the example of RFC 9112 §2.1`() {
        let text = """
            GET /hello.txt HTTP/1.1\r
            User-Agent: curl/7.64.1\r
            Host: www.example.com\r
            Accept-Language: en, mi\r
            \r

            """
        let expected = RequestSummary(
            method: "GET", target: "/hello.txt", authority: "www.example.com",
            fields: [FieldSummary("user-agent", "curl/7.64.1"), FieldSummary("accept-language", "en, mi")])
        #expect(parseRequest(text) == .complete(expected, consumed: text.utf8.count))
    }

    /// Request line, and what it means: target, authority, scheme.
    @Test(
        arguments: [
            ("GET /where?q=now", "/where?q=now", ""),
            ("GET / ", "/", ""),
            ("GET /a//b/../c%2F", "/a//b/../c%2F", ""),
            ("GET /x?y?z=%zz\\\"{}|^`[]", "/x?y?z=%zz\\\"{}|^`[]", ""),
            ("OPTIONS *", "*", ""),
            ("GET http://a.test:81/pub/WWW/", "/pub/WWW/", "http"),
            ("GET HTTPS://A.test:81/x", "/x", "HTTPS"),
            ("GET http://a.test:81", "/", "http"),
            ("GET http://a.test:81?q=1", "/?q=1", "http"),
            ("OPTIONS http://a.test:81", "*", "http"),
            ("OPTIONS http://a.test:81/", "/", "http"),
            ("M-SEARCH /", "/", ""),
        ])
    func `reads the forms of a target`(line: String, target: String, scheme: String) {
        let request = line.hasSuffix(" ") ? line + "HTTP/1.1" : line + " HTTP/1.1"
        let head = parseRequest(request + "\r\nHost: a.test:81\r\n\r\n").head
        #expect(head?.target == target)
        #expect(head?.scheme == scheme)
        #expect(head?.authority == "a.test:81")
        #expect(head?.method == String(line.prefix { $0 != " " }))
    }

    /// Fields, and the framing and persistence that follow (RFC 9112 §6.3, §9.3).
    @Test(
        arguments: [
            ("HTTP/1.1", "", BodyFraming.none, true),
            ("HTTP/1.1", "Content-Length: 0\r\n", .length(0), true),
            ("HTTP/1.1", "Content-Length:  42\t\r\n", .length(42), true),
            ("HTTP/1.1", "content-length: 18446744073709551615\r\n", .length(.max), true),
            ("HTTP/1.1", "Content-Length: 0000000000000000000000007\r\n", .length(7), true),
            ("HTTP/1.1", "Transfer-Encoding: Chunked\r\n", .chunked, true),
            ("HTTP/1.1", "Connection: close\r\n", .none, false),
            ("HTTP/1.1", "Connection: keep-alive, Close\r\n", .none, false),
            ("HTTP/1.1", "Connection: x-a\r\nConnection: CLOSE\r\n", .none, false),
            ("HTTP/1.0", "", .none, false),
            ("HTTP/1.0", "Connection: Keep-Alive\r\n", .none, true),
            ("HTTP/1.0", "Connection: keep-alive, close\r\n", .none, false),
            ("HTTP/1.0", "Content-Length: 3\r\n", .length(3), false),
        ])
    func `derives framing and persistence`(version: String, fields: String, framing: BodyFraming, keepAlive: Bool) {
        let head = parseRequest("POST / \(version)\r\nHost: a\r\n\(fields)\r\n").head
        #expect(head?.framing == framing)
        #expect(head?.keepAlive == keepAlive)
    }

    /// RFC 9110 §10.1.1: only HTTP/1.1 with content waits.
    @Test(
        arguments: [
            ("HTTP/1.1", "Content-Length: 5\r\nExpect: 100-Continue\r\n", true),
            ("HTTP/1.1", "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", true),
            ("HTTP/1.1", "Expect: 100-continue\r\n", false),
            ("HTTP/1.1", "Expect: 100-continue\r\nContent-Length: 0\r\n", false),
            ("HTTP/1.0", "Expect: 100-continue\r\nContent-Length: 5\r\n", false),
            ("HTTP/1.0", "Expect: the-moon\r\nContent-Length: 5\r\n", false),
        ])
    func `knows who waits for 100 Continue`(version: String, fields: String, waits: Bool) {
        #expect(parseRequest("POST / \(version)\r\nHost: a\r\n\(fields)\r\n").head?.expectsContinue == waits)
    }

    @Test func `takes host and transfer-encoding out of the fields and leaves content-length`() {
        let one = parseRequest("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n").head
        #expect(one?.fields == [FieldSummary("x", "y")])
        let other = parseRequest("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n").head
        #expect(other?.fields == [FieldSummary("content-length", "5")])
    }

    @Test func `trims whitespace around values and keeps it, tabs and bytes above 0x7F within`() {
        let head = parseRequest("GET / HTTP/1.1\r\nHost: \ta \r\nX:\r\nY: \t \r\nZ: a \t b é\t\r\n\r\n").head
        #expect(head?.authority == "a")
        #expect(head?.fields == [FieldSummary("x", ""), FieldSummary("y", ""), FieldSummary("z", "a \t b é")])
    }

    @Test func `needs no Host in HTTP 1.0`() {
        let head = parseRequest("GET / HTTP/1.0\r\n\r\n").head
        #expect(head?.authority == "")
        #expect(head?.version == .http10)
        #expect(parseRequest("GET http://a/ HTTP/1.0\r\n\r\n").head?.authority == "a")
    }

    @Test func `skips one empty line before the request line`() {
        let verdict = parseRequest("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(verdict == .complete(RequestSummary(method: "GET", target: "/", authority: "a"), consumed: 29))
    }

    @Test func `reads pipelined requests one after the other with the same parser and head`() throws {
        let requests = [
            "POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n",
            "GET /two HTTP/1.0\r\n\r\n",
            "\r\nGET http://c/three HTTP/1.1\r\nHost: c\r\nConnection: close\r\n\r\n",
        ]
        let bytes = Array(requests.joined().utf8)
        var parser = HTTP1RequestParser()
        var head = RequestHead()
        var offset = 0
        for request in requests {
            let consumed = try parser.parse(
                bytes.span.extracting(offset...), into: &head, limits: HTTP1Limits())
            #expect(consumed == request.utf8.count)
            #expect(!parser.hasStarted)
            #expect(head.summary == parseRequest(request).head)
            offset += consumed ?? 0
        }
        #expect(offset == bytes.count)
    }

    @Test func `says whether a head has begun`() throws {
        var parser = HTTP1RequestParser()
        var head = RequestHead()
        let nothing = try parser.parse([UInt8]().span, into: &head, limits: HTTP1Limits())
        #expect(nothing == nil)
        #expect(!parser.hasStarted)
        let begun = try parser.parse(Array("GE".utf8).span, into: &head, limits: HTTP1Limits())
        #expect(begun == nil)
        #expect(parser.hasStarted)
        parser.reset()
        #expect(!parser.hasStarted)
    }

    @Test func `forgets the last head before it reads the next`() throws {
        var head = RequestHead()
        head.headers.append("left", "over")
        head.setAuthority("old")
        head.framing = .chunked
        head.keepAlive = false
        var parser = HTTP1RequestParser()
        _ = try parser.parse(Array("GET / HTTP/1.1\r\nHost: new\r\n\r\n".utf8).span, into: &head, limits: HTTP1Limits())
        #expect(head.summary == RequestSummary(method: "GET", target: "/", authority: "new"))
    }

    @Test func `accepts a head that is exactly as large as its limits`() {
        let text = "GET /12345 HTTP/1.1\r\nHost: a\r\nX: 123\r\n\r\n"
        let limits = HTTP1Limits(maxStartLineBytes: 19, maxHeaderBytes: 17, maxFieldCount: 2)
        #expect(parseRequest(text, limits: limits).head != nil)
        for smaller in [
            HTTP1Limits(maxStartLineBytes: 18, maxHeaderBytes: 17, maxFieldCount: 2),
            HTTP1Limits(maxStartLineBytes: 19, maxHeaderBytes: 16, maxFieldCount: 2),
            HTTP1Limits(maxStartLineBytes: 19, maxHeaderBytes: 17, maxFieldCount: 1),
        ] {
            #expect(parseRequest(text, limits: smaller).error != nil)
        }
    }
}
