import GatewayTestSupport
import Proxy
import Routing
import Testing
import Wire

/// Answers at the edge of what HTTP/1.1 allows, to clients of every version: each is what it means, and the next answer on
/// the client's connection is its own.
@Suite(.serialized, .timeLimit(.minutes(2))) struct OddAnswerTests {
    enum Front: CaseIterable { case http10, http11, http2 }

    struct Answer: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: String
        var method = "GET"
        var status = 200
        var body = ""
        var testDescription: String { name }
    }

    private static let answers = [
        Answer(
            name: "HEAD with a body", bytes: "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", method: "HEAD"),
        Answer(
            name: "HEAD with chunks",
            bytes: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", method: "HEAD"),
        Answer(name: "204 with a length", bytes: "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n", status: 204),
        Answer(
            name: "204 with a body", bytes: "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello", status: 502),
        Answer(name: "304 with a length", bytes: "HTTP/1.1 304 Not\r\ncontent-length: 5\r\n\r\n", status: 304),
        Answer(name: "304 with a body", bytes: "HTTP/1.1 304 Not\r\ncontent-length: 5\r\n\r\nhello", status: 304),
        Answer(
            name: "1,000 interim answers",
            bytes: String(repeating: "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", count: 1_000)
                + "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", body: "ok"),
        Answer(
            name: "more than was announced",
            bytes: "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil",
            body: "ok"),
        Answer(
            name: "chunks with trailers",
            bytes: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\nx-sum: 1\r\n\r\n",
            body: "ok"),
        Answer(name: "until the end", bytes: "HTTP/1.1 200 OK\r\n\r\nok", body: "ok"),
        Answer(name: "HTTP/1.0", bytes: "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", body: "ok"),
        Answer(
            name: "HTTP/1.0 with chunks",
            bytes: "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", status: 502),
        Answer(
            name: "two lengths", bytes: "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nokk",
            status: 502),
        Answer(name: "a status of 99", bytes: "HTTP/1.1 099 No\r\ncontent-length: 0\r\n\r\n", status: 502),
        Answer(name: "no reason", bytes: "HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok", body: "ok"),
        Answer(
            name: "an error in itself", bytes: "HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nno", status: 500, body: "no"
        ),
    ]

    @Test(arguments: answers, Front.allCases)
    func `what it means, and no byte of it in the next answer`(answer: Answer, front: Front) async throws {
        let upstream = try ScriptedUpstream { connection in
            while let request = try connection.request() {
                let isOdd = request.requestLine.hasSuffix("/odd")
                try connection.send(isOdd ? answer.bytes : ScriptedUpstream.ok("next"))
                if isOdd && answer.name == "until the end" { return }
            }
        }
        defer { upstream.stop() }
        var site = Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])
        site.rules[0].traffic.retries.maximumRetries = 0
        let isHead = answer.method == "HEAD"
        try await withGateway(site) { gateway in
            switch front {
            case .http2:
                let client = try gateway.connectHTTP2()
                for path in ["/odd", "/next"] {
                    let opened = isHead ? client.peer.request("HEAD", path) : client.peer.request("GET", path)
                    let stream = try #require(opened)
                    try client.pump { stream.closeCode != nil }
                    #expect(stream.closeCode == 0)
                    #expect(stream.status == (path == "/odd" ? answer.status : 200))
                    if stream.status == 502 { continue }
                    #expect(stream.text == (isHead ? "" : path == "/odd" ? answer.body : "next"))
                }
            case .http10, .http11:
                var client = try gateway.connect()
                for path in ["/odd", "/next"] {
                    let version = front == .http10 ? "1.0" : "1.1"
                    try client.send(
                        "\(answer.method) \(path) HTTP/\(version)\r\nhost: localhost\r\nconnection: keep-alive\r\n\r\n")
                    let response = try client.response(toHEAD: isHead)
                    #expect(response.status == (path == "/odd" ? answer.status : 200))
                    #expect(!response.isCut)
                    if front == .http10 { #expect(response["transfer-encoding"] == nil) }
                    if response.status == 204 { #expect(response["content-length"] == nil, "RFC 9110 §8.6") }
                    if response.status != 502 {
                        #expect(response.text == (isHead ? "" : path == "/odd" ? answer.body : "next"))
                    }
                    // HTTP/1.0 cannot be told the end of a body of unknown length but by the connection's.
                    if response["connection"] != "keep-alive" && front == .http10 { client = try gateway.connect() }
                }
            }
        }
    }
}
