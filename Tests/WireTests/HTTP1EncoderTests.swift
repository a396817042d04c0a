import Testing

@testable import Wire

@Suite("HTTP/1.1 encoder")
struct HTTP1EncoderTests {
    private func request(_ method: StaticString = "GET", _ framing: BodyFraming = .none) -> RequestHead {
        var head = RequestHead()
        head.setMethod(method)
        head.setTarget("/a?b")
        head.setAuthority("up.test:81")
        head.framing = framing
        return head
    }

    private func encoded(_ head: borrowing RequestHead) throws -> String {
        var output: [UInt8] = []
        try HTTP1Encoder.requestHead(head, into: &output)
        return String(decoding: output, as: UTF8.self)
    }

    private func response(_ status: UInt16, _ framing: BodyFraming) -> ResponseHead {
        var head = ResponseHead()
        head.status = status
        head.framing = framing
        return head
    }

    private func encoded(_ head: borrowing ResponseHead, to client: HTTPVersion = .http11) throws -> String {
        var output: [UInt8] = []
        try HTTP1Encoder.responseHead(head, to: client, into: &output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test func `writes a request head`() throws {
        var head = request("POST", .length(12))
        head.headers.append("accept", "*/*")
        head.headers.append("x-empty", "")
        #expect(
            try encoded(head)
                == "POST /a?b HTTP/1.1\r\nhost: up.test:81\r\ncontent-length: 12\r\naccept: */*\r\nx-empty: \r\n\r\n")
    }

    @Test func `writes framing and persistence itself and never twice`() throws {
        var head = request("POST", .chunked)
        head.keepAlive = false
        for name: StaticString in ["host", "connection", "content-length", "transfer-encoding"] {
            head.headers.append(name, "7")
        }
        #expect(
            try encoded(head)
                == "POST /a?b HTTP/1.1\r\nhost: up.test:81\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n")
    }

    @Test(
        arguments: [
            ("GET" as StaticString, ""), ("DELETE", ""), ("HEAD", ""), ("POST", "content-length: 0\r\n"),
            ("PUT", "content-length: 0\r\n"), ("PATCH", "content-length: 0\r\n"),
        ])
    func `says that there is no content where the method leads one to expect it`(
        method: StaticString, field: String
    ) throws {
        #expect(try encoded(request(method)) == "\(method) /a?b HTTP/1.1\r\nhost: up.test:81\r\n\(field)\r\n")
    }

    @Test func `announces te in connection`() throws {
        var head = request()
        head.headers.append("te", "trailers")
        #expect(try encoded(head).contains("\r\nconnection: te\r\n"))
        head.keepAlive = false
        #expect(try encoded(head).contains("\r\nconnection: close, te\r\n"))
    }

    /// Status, framing, version of the client, whether the connection lives, content-length in the fields; what is sent.
    @Test(
        arguments: [
            (
                UInt16(200), BodyFraming.length(2), HTTPVersion.http11, true,
                "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"
            ),
            (
                200, .chunked, .http11, false,
                "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
            ),
            (200, .untilClose, .http11, false, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"),
            (200, .length(2), .http10, true, "HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\n"),
            (304, .none, .http11, true, "HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n"),
            (200, .none, .http11, true, "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n"),
            (204, .none, .http11, true, "HTTP/1.1 204 No Content\r\n\r\n"),
            (103, .none, .http11, true, "HTTP/1.1 103 Early Hints\r\n\r\n"),
            (599, .length(0), .http11, true, "HTTP/1.1 599 \r\ncontent-length: 0\r\n\r\n"),
        ])
    func `writes a response head`(
        status: UInt16, framing: BodyFraming, client: HTTPVersion, keepAlive: Bool, expected: String
    ) throws {
        var head = response(status, framing)
        head.keepAlive = keepAlive
        head.headers.append("content-length", "7")
        #expect(try encoded(head, to: client) == expected)
    }

    @Test func `refuses bytes that would end a line, and leaves the output as it was`() {
        let bad: [(EncodingError, (inout RequestHead) -> Void)] = [
            (.invalidMethod, { $0.setMethod("GET /x HTTP/1.1\r\nx: y\r\n\r\nGET") }),
            (.invalidMethod, { $0.setMethod("") }),
            (.invalidTarget, { $0.setTarget("/ HTTP/1.1\r\nx: y") }),
            (.invalidTarget, { $0.setTarget("/a b") }),
            (.invalidTarget, { $0.setTarget("") }),
            (.invalidAuthority, { $0.setAuthority("a\r\nx: y") }),
            (.invalidAuthority, { $0.setAuthority("") }),
            (.invalidFieldName, { $0.headers.append("x: y\r\nz", "1") }),
            (.invalidFieldName, { $0.headers.append("", "1") }),
            (.invalidFieldName, { $0.headers.append(":path", "/") }),
            (.invalidFieldValue, { $0.headers.append("x", "a\r\nb: c") }),
            (.invalidFieldValue, { $0.headers.append("x", "a\nb") }),
            (.invalidFieldValue, { $0.headers.append("x", [0x61, 0x00]) }),
            (.unsupportedFraming, { $0.framing = .untilClose }),
        ]
        for (reason, spoil) in bad {
            var head = request()
            spoil(&head)
            var output = Array("before".utf8)
            #expect(throws: reason) { try HTTP1Encoder.requestHead(head, into: &output) }
            #expect(output == Array("before".utf8))
        }
    }

    @Test func `refuses responses that cannot be written`() {
        #expect(throws: EncodingError.invalidStatus) { try encoded(response(0, .none)) }
        #expect(throws: EncodingError.invalidStatus) { try encoded(response(600, .none)) }
        #expect(throws: EncodingError.chunkedToHTTP10) { try encoded(response(200, .chunked), to: .http10) }
        var head = response(200, .length(0))
        head.headers.append("location", "/\r\nset-cookie: a")
        #expect(throws: EncodingError.invalidFieldValue) { try encoded(head) }
    }

    @Test func `writes interim responses only with an interim status`() throws {
        var output: [UInt8] = []
        try HTTP1Encoder.informational(100, into: &output)
        #expect(output == Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
        #expect(throws: EncodingError.invalidStatus) { try HTTP1Encoder.informational(200, into: &output) }
    }

    @Test(arguments: [
        (1, "1"), (9, "9"), (10, "A"), (15, "F"), (16, "10"), (255, "FF"), (256, "100"), (65_536, "10000"),
    ])
    func `writes chunks`(count: Int, size: String) {
        var output: [UInt8] = []
        HTTP1Encoder.chunk([UInt8](repeating: 0x61, count: count).span, into: &output)
        #expect(output == Array("\(size)\r\n".utf8) + [UInt8](repeating: 0x61, count: count) + [0x0D, 0x0A])
    }

    @Test func `writes no chunk for no bytes, and the last chunk with and without trailers`() throws {
        var output: [UInt8] = []
        HTTP1Encoder.chunk([UInt8]().span, into: &output)
        #expect(output.isEmpty)
        HTTP1Encoder.lastChunk(into: &output)
        #expect(output == Array("0\r\n\r\n".utf8))
        output.removeAll()
        var trailers = HeaderBlock()
        trailers.append("grpc-status", "0")
        try HTTP1Encoder.lastChunk(trailers: trailers, into: &output)
        #expect(output == Array("0\r\ngrpc-status: 0\r\n\r\n".utf8))
        trailers.append("x", "\n")
        #expect(throws: EncodingError.invalidFieldValue) {
            try HTTP1Encoder.lastChunk(trailers: trailers, into: &output)
        }
        #expect(output == Array("0\r\ngrpc-status: 0\r\n\r\n".utf8))
    }
}
