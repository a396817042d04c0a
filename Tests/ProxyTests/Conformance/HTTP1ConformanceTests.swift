import GatewayTestSupport
import Testing

/// RFC 9112 where two readers of one request may disagree: it is refused, never repaired, and nothing that hides in it
/// reaches an endpoint.
@Suite(.serialized, .timeLimit(.minutes(5))) struct HTTP1ConformanceTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: [UInt8]
        let statuses: [Int]
        var testDescription: String { name }

        init(_ name: String, _ bytes: [UInt8], _ statuses: [Int] = [400]) {
            self.name = name
            self.bytes = bytes
            self.statuses = statuses
        }

        /// The whole head, without its empty line.
        init(_ name: String, head: String, _ statuses: [Int] = [400]) {
            self.init(name, Array("\(head)\r\n\r\n".utf8), statuses)
        }

        /// A GET with these field lines.
        init(_ name: String, _ fields: String, _ statuses: [Int] = [400]) {
            self.init(name, head: "GET /a HTTP/1.1\r\nHost: localhost\r\n\(fields)", statuses)
        }

        /// A POST with these field lines and a body, behind which a request hides.
        init(_ name: String, _ fields: String, body: String, _ statuses: [Int] = [400]) {
            let head = "POST /a HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n\r\n"
            self.init(name, Array("\(head)\(body)\(HTTP1ConformanceTests.hidden)".utf8), statuses)
        }

        static func chunks(_ name: String, _ chunks: String, _ statuses: [Int] = [400]) -> Case {
            Case("chunk: \(name)", "Transfer-Encoding: chunked", body: chunks, statuses)
        }
    }

    static let hidden = "GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"

    static let lines = [
        Case("two spaces", head: "GET  /a HTTP/1.1\r\nHost: localhost"),
        Case("a tab for a space", head: "GET\t/a HTTP/1.1\r\nHost: localhost"),
        Case("a space before the method", head: " GET /a HTTP/1.1\r\nHost: localhost"),
        Case("a space after the version", head: "GET /a HTTP/1.1 \r\nHost: localhost"),
        Case("a space in the target", head: "GET /a b HTTP/1.1\r\nHost: localhost"),
        Case("no version", head: "GET /a", [400, 505]),
        Case("a version in lower case", head: "GET /a http/1.1\r\nHost: localhost", [400, 505]),
        Case("a long version", head: "GET /a HTTP/1.10\r\nHost: localhost", [400, 505]),
        Case("a version with zeros", head: "GET /a HTTP/01.1\r\nHost: localhost", [400, 505]),
        Case("CR in the target", head: "GET /a\rb HTTP/1.1\r\nHost: localhost"),
        Case("NUL in the target", head: "GET /a\0 HTTP/1.1\r\nHost: localhost"),
        Case("a target without slash", head: "GET a HTTP/1.1\r\nHost: localhost"),
        Case("* for GET", head: "GET * HTTP/1.1\r\nHost: localhost"),
        Case("a fragment", head: "GET /a#b HTTP/1.1\r\nHost: localhost"),
        Case("absolute-form with user information", head: "GET http://u@localhost/a HTTP/1.1\r\nHost: localhost"),
        Case("absolute-form of another scheme", head: "GET ftp://localhost/a HTTP/1.1\r\nHost: localhost"),
        Case("a method that is no token", head: "G(T /a HTTP/1.1\r\nHost: localhost"),
        Case("bare line feeds", Array("GET /a HTTP/1.1\nHost: localhost\n\n".utf8)),
        Case("one bare line feed", Array("GET /a HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n".utf8)),
        Case("bytes above ASCII in the target", Array("GET /ä HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)),
    ]

    static let fields = [
        Case("a line without a colon", "X"), Case("an empty name", ": x"), Case("a space before the colon", "X : y"),
        Case("a tab before the colon", "X\t: y"), Case("a folded line", "X: y\r\n z"),
        Case("folded by a tab", "X: y\r\n\tz"),
        Case("a first line that is folded", head: "GET /a HTTP/1.1\r\n X: y\r\nHost: localhost"),
        Case("CR in a value", "X: y\rz"), Case("NUL in a value", "X: y\0z"), Case("DEL in a value", "X: y\u{7F}z"),
        Case("a name with a bracket", "X(: y"), Case("a name beyond ASCII", "Ä: y"),
        Case("no host", head: "GET /a HTTP/1.1"), Case("two hosts that agree", "Host: localhost"),
        Case("an empty host", head: "GET /a HTTP/1.1\r\nHost:"),
        Case("a host with user information", head: "GET /a HTTP/1.1\r\nHost: u:p@localhost"),
        Case("a list of hosts", head: "GET /a HTTP/1.1\r\nHost: localhost, other"),
        Case("a host with a path", head: "GET /a HTTP/1.1\r\nHost: localhost/x"),
        Case("a host with a space", head: "GET /a HTTP/1.1\r\nHost: local host"),
        Case("a port too large", head: "GET /a HTTP/1.1\r\nHost: localhost:65536"),
        Case("half an IPv6 address", head: "GET /a HTTP/1.1\r\nHost: [::1"),
        Case("another expectation", "Expect: 200-ok", [417]),
        Case("Connection names Transfer-Encoding", "Connection: Transfer-Encoding"),
        Case("Connection names Content-Length", "Connection: close, Content-Length"),
        Case("Connection names Host", "Connection: Host"),
    ]

    static let framing = [
        Case("both framings", "Content-Length: 5\r\nTransfer-Encoding: chunked", body: "0\r\n\r\n"),
        Case("both framings, the other way", "Transfer-Encoding: chunked\r\nContent-Length: 5", body: "0\r\n\r\n"),
        Case("two lengths", "Content-Length: 5\r\nContent-Length: 6", body: "hello"),
        Case("a list of lengths", "Content-Length: 5, 6", body: "hello"),
        Case("a signed length", "Content-Length: +5", body: "hello"),
        Case("a negative length", "Content-Length: -5", body: "hello"),
        Case("a hexadecimal length", "Content-Length: 0x5", body: "hello"),
        Case("a length with a space", "Content-Length: 5 5", body: "hello"),
        Case("an empty length", "Content-Length:", body: "hello"),
        Case("a length with a fraction", "Content-Length: 5.0", body: "hello"),
        Case("chunked twice", "Transfer-Encoding: chunked, chunked", body: "0\r\n\r\n", [400, 501]),
        Case(
            "chunked in two fields", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", body: "0\r\n\r\n",
            [400, 501]),
        Case("chunked with a parameter", "Transfer-Encoding: chunked;q=1", body: "0\r\n\r\n", [400, 501]),
        Case("identity", "Transfer-Encoding: identity", body: "0\r\n\r\n", [400, 501]),
        Case("an unknown coding", "Transfer-Encoding: xchunked", body: "0\r\n\r\n", [400, 501]),
        Case("a coding in quotes", "Transfer-Encoding: \"chunked\"", body: "0\r\n\r\n", [400, 501]),
        Case("a vertical tab before the coding", "Transfer-Encoding: \u{B}chunked", body: "0\r\n\r\n", [400, 501]),
        Case("an empty coding", "Transfer-Encoding:", body: "0\r\n\r\n", [400, 501]),
        Case("a list with an empty element", "Transfer-Encoding: , chunked,", body: "0\r\n\r\n", [400, 501]),
        Case(
            "chunked in HTTP/1.0",
            Array("POST /a HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\(hidden)".utf8)),
        .chunks("a space before the size", " 5\r\nhello\r\n0\r\n\r\n"),
        .chunks("a space after the size", "5 \r\nhello\r\n0\r\n\r\n"),
        .chunks("a prefix", "0x5\r\nhello\r\n0\r\n\r\n"), .chunks("a sign", "+5\r\nhello\r\n0\r\n\r\n"),
        .chunks("a negative size", "-1\r\nhello\r\n0\r\n\r\n"), .chunks("no size", "\r\nhello\r\n0\r\n\r\n"),
        .chunks("an underscore", "1_0\r\nhello\r\n0\r\n\r\n"),
        .chunks("a size beyond all numbers", "10000000000000005\r\nhello\r\n0\r\n\r\n", [400, 413]),
        .chunks("a bare line feed after the size", "5\nhello\r\n0\r\n\r\n"),
        .chunks("a bare line feed after the data", "5\r\nhello\n0\r\n\r\n"),
        .chunks("a bare CR after the size", "5\rhello\r\n0\r\n\r\n"),
        .chunks("data longer than the size", "5\r\nhello!\r\n0\r\n\r\n"),
        .chunks("data shorter than the size", "6\r\nhello\r\n0\r\n\r\n"),
        .chunks("an extension without a name", "5;\r\nhello\r\n0\r\n\r\n"),
        .chunks("an extension without a value", "5;a=\r\nhello\r\n0\r\n\r\n"),
        .chunks("an extension with a line feed", "5;a\nb\r\nhello\r\n0\r\n\r\n"),
        .chunks("an extension with an open quote", "5;a=\"b\r\nhello\r\n0\r\n\r\n"),
        .chunks("a bare line feed after the last chunk", "5\r\nhello\r\n0\n\r\n"),
        .chunks("a trailer without a colon", "5\r\nhello\r\n0\r\nX\r\n\r\n"),
        .chunks("a folded trailer", "5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n"),
        .chunks("a trailer with a bare line feed", "5\r\nhello\r\n0\r\nX: y\nZ: w\r\n\r\n"),
    ]

    @Test(arguments: lines + fields + framing)
    func `refuses what can be read in two ways`(item: Case) async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        try await withGateway(Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])) { gateway in
            // At once, and byte for byte: a verdict must not depend on how the bytes arrive.
            for size in [item.bytes.count, 1] {
                let client = try gateway.connect()
                for start in stride(from: 0, to: item.bytes.count, by: size) {
                    // The gateway may have answered and closed already.
                    let piece = Array(item.bytes[start..<min(start + size, item.bytes.count)])
                    guard (try? client.stream.send(piece)) != nil else { break }
                }
                let answer = try client.response()
                #expect(item.statuses.contains(answer.status), "\(item.name): \(answer.startLine)")
                #expect(answer["connection"] == "close")
                // Nothing more is answered on this connection; a reset is an end too.
                #expect((try? client.reader.isAtEnd()) ?? true, "\(item.name): more was answered")
            }
        }
        #expect(upstream.requests.isEmpty, "\(item.name): forwarded \(upstream.requests.map(\.startLine))")
    }

    /// Requests, and the request lines that the endpoint must see.
    static let good: [(String, String, [String])] = [
        ("an empty line before", "\r\nGET /a HTTP/1.1\r\nHost: localhost\r\n\r\n", ["GET /a"]),
        (
            "three at once", (1...3).map { "GET /\($0) HTTP/1.1\r\nHost: localhost\r\n\r\n" }.joined(),
            ["GET /1", "GET /2", "GET /3"]
        ),
        (
            "a body, then another request",
            "POST /1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhelloGET /2 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            ["POST /1", "GET /2"]
        ),
        (
            "chunks with extensions and trailers, then another request",
            "POST /1 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: Chunked\r\n\r\n"
                + "5;a;b=\"c\\\"\";d=e\r\nhello\r\n000\r\nX: y\r\n\r\nGET /2 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            ["POST /1", "GET /2"]
        ),
        ("absolute-form", "GET http://LOCALHOST/a?b HTTP/1.1\r\nHost: localhost\r\n\r\n", ["GET /a?b"]),
        ("OPTIONS in absolute-form", "OPTIONS http://localhost/a HTTP/1.1\r\nHost: localhost\r\n\r\n", ["OPTIONS /a"]),
        ("an unknown method", "PURGE /a HTTP/1.1\r\nHost: localhost\r\n\r\n", ["PURGE /a"]),
        ("an empty value", "GET /a HTTP/1.1\r\nHost: localhost\r\nX:\r\n\r\n", ["GET /a"]),
        (
            "h2c by upgrade is ignored",
            "GET /a HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
            ["GET /a"]
        ),
        ("HTTP/1.0 without host", "GET /a HTTP/1.0\r\n\r\n", ["GET /a"]),
    ]

    @Test(arguments: good.indices)
    func `reads what can be read in one way`(index: Int) async throws {
        let (name, text, lines) = Self.good[index]
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        try await withGateway(Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])) { gateway in
            let client = try gateway.connect()
            try client.send(text)
            for line in lines { #expect(try client.response().text == line, "\(name)") }
        }
        #expect(upstream.requests.map(\.requestLine) == lines)
    }
}
