import GatewayTestSupport
import Testing

@testable import Wire

/// What a server may answer, and what is malformed (RFC 9113 §8), seen by a client.
@Suite struct HTTP2ResponseTests {
    enum Result: Equatable { case answer(UInt16), reset(UInt32), connection(UInt32), open }

    static let ok = plainHPACK([(":status", "200")])

    static func status(_ status: String, _ more: [(String, String)] = []) -> [UInt8] {
        plainHPACK([(":status", status)] + more)
    }

    static let get: [(String, [RawFrame], Result)] = [
        ("a head", [.headers(1, ok)], .answer(200)),
        ("a body", [.headers(1, ok, end: false), .data()], .answer(200)),
        (
            "trailers", [.headers(1, ok, end: false), .data(end: false), .headers(1, plainHPACK([("a", "b")]))],
            .answer(200)
        ),
        ("interim heads", [.headers(1, status("103"), end: false), .headers(1, status("204"))], .answer(204)),
        ("its length", [.headers(1, status("200", [("content-length", "4")]), end: false), .data()], .answer(200)),
        ("204 with length 0", [.headers(1, status("204", [("content-length", "0")]))], .answer(204)),
        ("304 with a length", [.headers(1, status("304", [("content-length", "9")]))], .answer(304)),
        ("an interim head that ends", [.headers(1, status("100"))], .reset(1)),
        (
            "an interim head with a length", [.headers(1, status("100", [("content-length", "0")]), end: false)],
            .reset(1)
        ),
        ("101", [.headers(1, status("101"), end: false)], .reset(1)),
        ("DATA before the head", [.data(end: false)], .reset(1)),
        ("DATA after an interim head", [.headers(1, status("100"), end: false), .data(end: false)], .reset(1)),
        ("no status", [.headers(1, plainHPACK([("a", "b")]))], .reset(1)),
        ("an empty head", [.headers(1, [])], .reset(1)),
        ("status late", [.headers(1, plainHPACK([("a", "b"), (":status", "200")]))], .reset(1)),
        ("two statuses", [.headers(1, plainHPACK([(":status", "200"), (":status", "200")]))], .reset(1)),
        ("status of two digits", [.headers(1, status("20"))], .reset(1)),
        ("status that is no number", [.headers(1, status("2x0"))], .reset(1)),
        ("status 099", [.headers(1, status("099"))], .reset(1)),
        ("status 600", [.headers(1, status("600"))], .reset(1)),
        ("a request's field", [.headers(1, status("200", [(":path", "/")]))], .reset(1)),
        ("connection", [.headers(1, status("200", [("connection", "close")]))], .reset(1)),
        ("transfer-encoding", [.headers(1, status("200", [("transfer-encoding", "chunked")]))], .reset(1)),
        ("an upper-case name", [.headers(1, status("200", [("Server", "a")]))], .reset(1)),
        ("LF in a value", [.headers(1, status("200", [("a", "b\nc")]))], .reset(1)),
        ("two lengths", [.headers(1, status("200", [("content-length", "4"), ("content-length", "4")]))], .reset(1)),
        ("a length and no DATA", [.headers(1, status("200", [("content-length", "4")]))], .reset(1)),
        (
            "less than its length", [.headers(1, status("200", [("content-length", "5")]), end: false), .data()],
            .reset(1)
        ),
        (
            "more than its length", [.headers(1, status("200", [("content-length", "3")]), end: false), .data()],
            .reset(1)
        ),
        ("204 with a length", [.headers(1, status("204", [("content-length", "4")]))], .reset(1)),
        ("204 with DATA", [.headers(1, status("204"), end: false), .data()], .reset(1)),
        ("trailers that do not end", [.headers(1, ok, end: false), .headers(1, [], end: false)], .reset(1)),
        ("a status in trailers", [.headers(1, ok, end: false), .headers(1, ok)], .reset(1)),
        ("DATA after the end", [.headers(1, ok), .data()], .answer(200)),
        ("a stream never opened", [.headers(3, ok)], .connection(1)),
        ("DATA of a stream never opened", [.data(3)], .connection(1)),
        ("a stream of the server", [.headers(2, ok)], .connection(1)),
        ("a push", [RawFrame(.pushPromise, flags: 4, stream: 1, RawFrame.big(2) + ok)], .connection(1)),
        ("refused", [.reset(1, code: 7)], .reset(7)),
        ("gone away before it", [.goAway(last: 0)], .reset(7)),
        ("gone away after it", [.goAway(last: 1)], .open),
        ("an unknown frame", [RawFrame(type: 0xEE, stream: 1, payload: [1])], .open),
    ]

    @Test(arguments: get.indices)
    func `of GET`(index: Int) throws {
        let (name, frames, expected) = Self.get[index]
        #expect(try result("GET", frames) == expected, "\(name)")
    }

    @Test(
        arguments: [
            ("content-length without content", [.headers(1, status("200", [("content-length", "9")]))], .answer(200)),
            ("an empty DATA", [.headers(1, status("200"), end: false), .data(1, "")], .answer(200)),
            ("content", [.headers(1, status("200", [("content-length", "4")]), end: false), .data()], .reset(1)),
        ] as [(String, [RawFrame], Result)])
    func `of HEAD`(name: String, frames: [RawFrame], expected: Result) throws {
        #expect(try result("HEAD", frames) == expected, "\(name)")
    }

    @Test(arguments: [
        [RawFrame.ping()], [.settings([(2, 1)])], [RawFrame(.settings, flags: RawFrame.ack)],
        [.headers(1, [], end: false)],
    ])
    func `a server that does not begin with its SETTINGS, or with wrong ones, ends the connection`(first: [RawFrame])
        throws
    {
        let client = try HTTP2Peer(role: .client)
        _ = try client.output()
        try client.receive(first.flatMap(\.bytes))
        let frames = RawFrame.all(in: try client.output())
        #expect(frames.first { $0.kind == .goAway }?.errorCode == 1)
        #expect(client.session.isFinished)
    }

    private func result(_ method: StaticString, _ frames: [RawFrame]) throws -> Result {
        let client = try HTTP2Peer(role: .client)
        let stream = try #require(client.request(method, "/"))
        _ = try client.output()
        try client.receive(RawFrame.settings([]).bytes + frames.flatMap(\.bytes))
        for frame in RawFrame.all(in: try client.output()) where frame.kind == .goAway {
            return .connection(frame.errorCode ?? 0)
        }
        guard let code = stream.closeCode else { return .open }
        return code == 0 ? .answer(stream.response.status) : .reset(code)
    }
}
