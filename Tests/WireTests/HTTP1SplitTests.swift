import Testing

@testable import Wire

/// The verdict never depends on how the bytes arrive.
@Suite("Input in pieces")
struct HTTP1SplitTests {
    static let requests = [
        "GET /hello.txt HTTP/1.1\r\nUser-Agent: curl/7.64.1\r\nHost: www.example.com\r\nAccept-Language: en, mi\r\n\r\nrest",
        "\r\nPOST /x?y HTTP/1.1\r\nHost: a:1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
        "POST http://h/x HTTP/1.1\r\nHost: H\r\nTransfer-Encoding: chunked\r\nConnection: close, x\r\nX:\t\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: y\nZ: w\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        "GET / HTTP/3.0\r\nHost: a\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET /" + String(repeating: "a", count: 90) + "\0 HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "b", count: 120) + "\n",
        "GET / HTTP/1.1\r\nHost",
    ]

    @Test(arguments: requests)
    func `requests split at every byte`(text: String) {
        let bytes = Array(text.utf8)
        let limits = HTTP1Limits(maxStartLineBytes: 80, maxHeaderBytes: 100, maxFieldCount: 8)
        let whole = parseRequest(bytes, limits: limits)
        for ends in splits(of: bytes.count) {
            #expect(parseRequest(bytes, arriving: ends, limits: limits) == whole, "\(text.escaped) at \(ends)")
        }
    }

    @Test(
        arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX : y\r\n\r\nhello",
            "HTTP/1.0 404 Not Found\r\n\r\n",
            "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX: y\n\r\n",
            "HTTP/1.1 20",
        ])
    func `responses split at every byte`(text: String) {
        let bytes = Array(text.utf8)
        let whole = parseResponse(bytes)
        for ends in splits(of: bytes.count) {
            #expect(parseResponse(bytes, arriving: ends) == whole, "\(text.escaped) at \(ends)")
        }
    }

    @Test(
        arguments: [
            "5\r\nhello\r\n6;a=\"b\\\"c\";d=e\r\n world\r\n0\r\nX: y\r\nZ:\r\n\r\nGET / HTTP/1.1",
            "0\r\n\r\n\r\n",
            "5\r\nhello\r\n0\r\nX: y\n\r\n",
            "3\r\nabcd\r\n",
            "3;a=\r\n",
            "5\r\nhel",
        ])
    func `chunked content split at every byte`(text: String) {
        let bytes = Array(text.utf8)
        var whole = decodeBody(bytes, .chunked)
        for ends in splits(of: bytes.count) {
            var pieces = decodeBody(bytes, .chunked, arriving: ends)
            if whole.error != nil {
                // How much was handed on before the fault depends on the pieces; the fault does not.
                whole = DecodedBody(error: whole.error)
                pieces = DecodedBody(error: pieces.error)
            }
            #expect(pieces == whole, "\(text.escaped) at \(ends)")
        }
    }
}

/// What only our own mistake can bring about ends the process instead of reading the wrong bytes.
@Suite("Programmer errors")
struct HTTP1PreconditionTests {
    @Test func `presenting fewer bytes than before traps`() async {
        await #expect(processExitsWith: .failure) {
            var parser = HTTP1RequestParser()
            var head = RequestHead()
            _ = try parser.parse(Array("GET / HTTP/1.1\r\nHo".utf8).span, into: &head, limits: HTTP1Limits())
            _ = try parser.parse(Array("GET".utf8).span, into: &head, limits: HTTP1Limits())
        }
    }

    @Test func `a limit beyond its range traps`() async {
        await #expect(processExitsWith: .failure) { _ = HTTP1Limits(maxHeaderBytes: -1) }
        await #expect(processExitsWith: .failure) { _ = HTTP1BodyDecoder(framing: .chunked, maxTrailerBytes: 1 << 30) }
    }
}
