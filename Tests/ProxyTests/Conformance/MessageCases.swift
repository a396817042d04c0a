import GatewayTestSupport

extension ConformanceCase {
    /// Requests that are malformed (RFC 9113 §8, h2spec's http2/8.1), and field blocks that are (RFC 7541).
    static let wrongMessages = exchanges + pseudoFields + fields + lengths + compression

    private static let malformed = Verdict.streamError([.protocolError])

    /// A GET with these fields in place of the usual ones.
    private static func request(_ section: String, _ name: String, _ fields: [(String, String)]) -> ConformanceCase {
        ConformanceCase(section, name, [.headers(1, plainHPACK(fields))], malformed)
    }

    private static func refused(_ section: String, _ name: String, _ fields: [(String, String)]) -> ConformanceCase {
        ConformanceCase(section, name, [.headers(1, plainHPACK(fields))], .refuses)
    }

    private static let method = (":method", "GET")
    private static let scheme = (":scheme", "https")
    private static let path = (":path", "/")
    private static let authority = (":authority", "localhost")
    private static let usual = [method, scheme, path, authority]

    private static let exchanges = [
        ConformanceCase(
            "8.1", "a second HEADERS that does not end the stream",
            [.headers(1, Fields.post(), end: false), .data(end: false), .headers(1, dummy, end: false)], malformed),
        ConformanceCase(
            "8.1.2.1", "a pseudo-header field in trailers",
            [
                .headers(1, Fields.post(), end: false), .data(end: false),
                .headers(1, plainHPACK([(":method", "200")])),
            ], malformed),
        ConformanceCase(
            "+8.1", "an invalid field in trailers",
            [.headers(1, Fields.post(), end: false), .data(end: false), .headers(1, plainHPACK([("X-Upper", "a")]))],
            malformed),
    ]

    private static let dummy = plainHPACK([("dummy1", "value")])

    private static let pseudoFields = [
        request("8.1.2.1", "an unknown pseudo-header field", usual + [(":test", "ok")]),
        request("8.1.2.1", "a response's pseudo-header field", usual + [(":status", "200")]),
        request("8.1.2.1", "a pseudo-header field after a regular one", [method, scheme, path, ("x", "y"), authority]),
        request("8.1.2.3", "an empty path", [method, scheme, (":path", ""), authority]),
        request("8.1.2.3", "no method", [scheme, path, authority]),
        request("8.1.2.3", "no scheme", [method, path, authority]),
        request("8.1.2.3", "no path", [method, scheme, authority]),
        request("8.1.2.3", "two methods", [method, method, scheme, path, authority]),
        request("8.1.2.3", "two schemes", [method, scheme, scheme, path, authority]),
        request("8.1.2.3", "two paths", [method, scheme, path, path, authority]),
        request("+8.3.1", "two authorities", usual + [authority]),
        request("+8.3.1", "neither :authority nor host", [method, scheme, path]),
        request("+8.3.1", "a path that is not one", [method, scheme, (":path", "warehouse"), authority]),
        request("+8.3.1", "* for GET", [method, scheme, (":path", "*"), authority]),
        request("+8.5", "CONNECT with scheme and path", [(":method", "CONNECT"), scheme, path, authority]),
        refused("+8.5", "CONNECT", [(":method", "CONNECT"), authority]),
        refused("+8441", ":protocol without CONNECT", usual + [(":protocol", "websocket")]),
        refused("+8.3.1", "user information", [method, scheme, path, (":authority", "user@localhost")]),
        refused("+8.3.1", "an empty authority", [method, scheme, path, (":authority", "")]),
        refused("+8.3.1", "host that disagrees", usual + [("host", "other")]),
        refused("+8.3.1", "two hosts that disagree", usual + [("host", "localhost"), ("host", "other")]),
        refused("+8.3.1", "a fragment in the path", [method, scheme, (":path", "/#a"), authority]),
        refused("+8.3.1", "a space in the path", [method, scheme, (":path", "/a b"), authority]),
        refused("+8.3.1", "a path with CR LF", [method, scheme, (":path", "/ HTTP/1.1\r\nx: y"), authority]),
        refused("+8.3.1", "a method that is no token", [(":method", "GET /"), scheme, path, authority]),
    ]

    private static let fields = [
        request("8.1.2", "a name in upper case", usual + [("X-TEST", "ok")]),
        request("8.1.2.2", "connection", usual + [("connection", "keep-alive")]),
        request("8.1.2.2", "te that is not trailers", usual + [("te", "trailers, deflate")]),
        request("+8.2.2", "proxy-connection", usual + [("proxy-connection", "keep-alive")]),
        request("+8.2.2", "keep-alive", usual + [("keep-alive", "timeout=5")]),
        request("+8.2.2", "transfer-encoding", usual + [("transfer-encoding", "chunked")]),
        request("+8.2.2", "upgrade", usual + [("upgrade", "h2c")]),
        request("+8.2.1", "an empty name", usual + [("", "a")]),
        request("+8.2.1", "a colon within a name", usual + [("a:b", "c")]),
        request("+8.2.1", "a space in a name", usual + [("a b", "c")]),
        request("+8.2.1", "a control character in a name", usual + [("a\u{1}", "c")]),
        request("+8.2.1", "a line feed in a name", usual + [("a\r\nb", "c")]),
        request("+8.2.1", "NUL in a value", usual + [("a", "b\0c")]),
        request("+8.2.1", "CR in a value", usual + [("a", "b\rc")]),
        request("+8.2.1", "LF in a value", usual + [("a", "b\nc: d")]),
        request("+8.2.1", "a value that begins with a space", usual + [("a", " b")]),
        request("+8.2.1", "a value that ends with a tab", usual + [("a", "b\t")]),
    ]

    private static let lengths = [
        ConformanceCase(
            "8.1.2.6", "a content-length that the DATA does not have",
            [.headers(1, Fields.post([("content-length", "1")]), end: false), .data()], malformed),
        ConformanceCase(
            "8.1.2.6", "a content-length that several DATA do not have",
            [.headers(1, Fields.post([("content-length", "1")]), end: false), .data(end: false), .data()], malformed),
        ConformanceCase(
            "+8.1.1", "fewer DATA than the content-length says",
            [.headers(1, Fields.post([("content-length", "9")]), end: false), .data()], malformed),
        ConformanceCase(
            "+8.1.1", "a content-length and no DATA",
            [.headers(1, Fields.post([("content-length", "9")]))], malformed),
        request("+8.1.1", "two lengths", usual + [("content-length", "0"), ("content-length", "0")]),
        request("+8.1.1", "a length that is no number", usual + [("content-length", "+0")]),
        request("+8.1.1", "a list of lengths", usual + [("content-length", "0, 0")]),
        request("+8.1.1", "a length beyond all numbers", usual + [("content-length", "99999999999999999999")]),
    ]

    private static let literal = hpackString(Array("x".utf8)) + hpackString(Array("y".utf8))

    /// A GET whose block ends, or begins, with these bytes.
    private static func hpack(
        _ section: String, _ name: String, before: [UInt8] = [], after: [UInt8] = [], _ verdict: Verdict
    ) -> ConformanceCase {
        ConformanceCase(section, name, [.headers(1, before + Fields.get() + after)], verdict)
    }

    private static let broken = Verdict.connectionError([.compression])

    private static let compression = [
        hpack("generic/5", "an indexed field of the static table", after: [0x90], .answers()),
        hpack("generic/5", "incremental indexing", after: [0x40] + literal, .answers()),
        hpack("generic/5", "what was indexed is used", after: [0x40] + literal + [0xBE], .answers()),
        hpack("generic/5", "an indexed name", after: [0x7A, 0x01, 0x79], .answers()),
        hpack("generic/5", "Huffman code", after: [0x40, 0x85, 0xF2, 0xB2, 0x4A, 0x84, 0xFF, 0x81, 0x1F], .answers()),
        hpack("generic/5", "without indexing", after: [0x00] + literal, .answers()),
        hpack("generic/5", "never indexed", after: [0x10] + literal, .answers()),
        hpack("generic/5", "a size update", before: [0x20], .answers()),
        hpack("generic/5", "two size updates", before: [0x20, 0x3F, 0xE1, 0x1F], .answers()),
        hpack("hpack/2.3.3", "an index beyond the tables", after: [0xFF, 0x00], broken),
        hpack("hpack/2.3.3", "a name's index beyond the tables", after: [0x7F, 0x00, 0x01, 0x79], broken),
        hpack("hpack/4.2", "a size update at the block's end", after: [0x20], broken),
        hpack("hpack/5.2", "more than seven bits of padding", after: [0x00, 0x01, 0x78, 0x82, 0x1F, 0xFF], broken),
        hpack("hpack/5.2", "padding with zeros", after: [0x00, 0x01, 0x78, 0x81, 0x18], broken),
        hpack("hpack/5.2", "EOS", after: [0x00, 0x01, 0x78, 0x84, 0xFF, 0xFF, 0xFF, 0xFF], broken),
        hpack("hpack/6.1", "index 0", after: [0x80], broken),
        hpack("hpack/6.3", "a size update beyond the table's bound", before: [0x3F, 0xE2, 0x1F], broken),
        hpack("+hpack/5.1", "an integer without end", after: [0xFF] + Array(repeating: 0xFF, count: 20), broken),
        hpack("+hpack/5.2", "a string longer than the block", after: [0x00, 0x01, 0x78, 0x10, 0x79], broken),
    ]
}
