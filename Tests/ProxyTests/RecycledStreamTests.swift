import GatewayTestSupport
import Proxy
import Routing
import Testing
import Wire

/// Streams, exchanges and their memory are used again: nothing of one request may be seen in the next.
@Suite(.serialized, .timeLimit(.minutes(2))) struct RecycledStreamTests {
    /// What becomes of the request before.
    enum Before: CaseIterable {
        case trailers, bodyOfEveryKind, clientLeaves, endpointResets, headTooLarge, retried, tunnel, noContent
    }

    private func upstream() throws -> HTTP2Upstream {
        let refusals = Progress()
        return try HTTP2Upstream { peer, stream in
            let path = stream.request.targetString
            var head = ResponseHead()
            head.status = 200
            switch path {
            case "/trailers":
                guard stream.hasEnded else { return }
                head.headers.append("x-first", text: "1")
                var trailers = HeaderBlock()
                trailers.append("x-sum", text: "of the first")
                peer.session.submitResponse(head, on: stream, endStream: false)
                stream.write(stream.body.span)
                stream.finish(trailers: &trailers)
            case "/large":
                peer.respond(200, on: stream, body: Pattern.bytes(2_000_000))
            case "/resets":
                peer.session.submitResponse(head, on: stream, endStream: false)
                stream.write(Array("half".utf8).span)
                stream.reset(errorCode: 2)
            case "/head":
                let value = String(repeating: "x", count: 20_000)
                peer.respond(200, on: stream, fields: [("x-a", value), ("x-b", value)], body: [])
            case "/refuses":
                if refusals.increment() % 2 == 1 { return stream.reset(errorCode: 7) }
                peer.respond(200, on: stream, body: Array("second".utf8))
            case "/tunnel":
                if stream.hasEnded { return stream.finish() }
                peer.session.submitResponse(head, on: stream, endStream: false)
            case "/empty":
                peer.respond(204, on: stream, body: nil)
            default:
                guard stream.hasEnded else { return }
                let fields = stream.request.headers.indices.count { index in
                    stream.request.headers.withName(at: index) { $0[0] == UInt8(ascii: "q") }
                }
                peer.respond(200, on: stream, body: Array("plain \(fields) \(stream.body.count)".utf8))
            }
        }
    }

    private func before(_ kind: Before, _ gateway: GatewayUnderTest) throws {
        let client = try gateway.connect()
        switch kind {
        case .trailers:
            try client.send(
                "POST /trailers HTTP/1.1\r\nhost: localhost\r\nquestion: 1\r\ntransfer-encoding: chunked\r\n\r\n"
                    + "4\r\nbody\r\n0\r\nx-sum: 42\r\n\r\n")
            #expect(try client.response().trailers.map(\.value) == ["of the first"])
        case .bodyOfEveryKind:
            try client.post("/", Pattern.bytes(100_000), fields: ["question: 1"])
            #expect(try client.response().text == "plain 1 100000")
        case .clientLeaves:
            // It takes nothing: the response is paused when it leaves.
            let slow = try gateway.connect(receiveBuffer: 4_096)
            try slow.get("/large")
            _ = try slow.reader.responseHead()
            slow.socket.reset()
        case .endpointResets:
            try client.get("/resets")
            // Whether the head was out already when the reset came is a matter of turns.
            _ = try? client.response()
        case .headTooLarge:
            try client.get("/head")
            #expect(try client.response().status == 502)
        case .retried:
            try client.get("/refuses")
            #expect(try client.response().text == "second")
        case .tunnel:
            try client.get(
                "/tunnel", fields: ["connection: upgrade", "upgrade: websocket", "sec-websocket-key: MDEyMzQ1Njc4OWE="])
            #expect(try client.reader.responseHead().status == 101)
            client.socket.shutdownSending()
            #expect(try client.reader.isAtEnd())
        case .noContent:
            try client.get("/empty", method: "HEAD")
            #expect(try client.response(toHEAD: true).status == 204)
        }
    }

    @Test(arguments: Before.allCases)
    func `a request is what it would have been without the one before`(kind: Before) async throws {
        let upstream = try upstream()
        defer { upstream.stop() }
        let site = Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port], wireProtocol: .h2c)])
        try await withGateway(site) { gateway in
            for _ in 0..<5 {
                try before(kind, gateway)
                #expect(eventually { gateway.gateway.statistics.requestsOpen == 0 })
                let plain = try gateway.connect()
                for _ in 0..<2 {
                    try plain.get("/")
                    let response = try plain.response()
                    #expect(response.status == 200)
                    #expect(response.text == "plain 0 0")
                    #expect(response.trailers.isEmpty && response["x-first"] == nil)
                }
                let multiplexed = try gateway.connectHTTP2()
                let large = try multiplexed.get("/large")
                #expect(large.status == 200)
                #expect(large.body.count == 2_000_000 && Pattern.matches(large.body))
            }
        }
    }
}
