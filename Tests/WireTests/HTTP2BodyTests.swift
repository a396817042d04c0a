import GatewayTestSupport
import Testing

@testable import Wire

/// Bodies, their windows and their trailers.
@Suite struct HTTP2BodyTests {
    private let pair: HTTP2Pair

    init() throws {
        pair = try HTTP2Pair()
        try pair.exchange()
    }

    @Test func `says how long a body is when the client did`() throws {
        let stream = try #require(
            pair.client.request("POST", "/", fields: [("content-length", "5")], endStream: false))
        stream.write(Array("12345".utf8).span)
        stream.finish()
        try pair.exchange()
        let served = pair.server.accepted[0]
        #expect(served.request.framing == .length(5))
        #expect(text(served.body) == "12345")
        #expect(served.hasEnded)
    }

    @Test func `resets a stream whose body is not as long as was said`() throws {
        let stream = try #require(
            pair.client.request("POST", "/", fields: [("content-length", "5")], endStream: false))
        stream.write(Array("123".utf8).span)
        stream.finish()
        try pair.exchange()
        #expect(pair.server.accepted[0].closeCode == 1)
        #expect(!pair.server.accepted[0].hasEnded)
        #expect(stream.closeCode == 1)
    }

    @Test func `carries large bodies both ways through small windows, whatever the pieces`() throws {
        var settings = HTTP2SessionSettings()
        settings.streamWindow = 1000
        settings.connectionWindow = 65_535
        let pair = try HTTP2Pair(client: settings, server: settings)
        try pair.exchange()
        let up = Pattern.bytes(300_000)
        let down = Pattern.bytes(400_000, from: 17)
        let stream = try #require(pair.client.request("POST", "/", endStream: false))
        stream.write(up.span)
        stream.finish()
        try pair.exchange(limit: 333)
        let served = pair.server.accepted[0]
        #expect(served.body == up)
        #expect(stream.bytesSent == up.count)
        pair.server.respond(200, on: served, body: down)
        try pair.exchange(limit: 777)
        #expect(stream.body == down)
        #expect(stream.hasEnded)
        #expect(served.closeCode == 0)
    }

    @Test func `a body that is not consumed closes its window, and no other stream's`() throws {
        let slow = try #require(pair.client.request("GET", "/slow", consumes: false))
        let quick = try #require(pair.client.request("GET", "/quick"))
        try pair.exchange()
        let large = [UInt8](repeating: 1, count: 200_000)
        for stream in pair.server.accepted { pair.server.respond(200, on: stream, body: large) }
        try pair.exchange()
        #expect(quick.hasEnded)
        #expect(slow.body.count == 65_535)
        #expect(pair.server.accepted[0].unsentBytes == large.count - 65_535)
        slow.consumed(slow.body.count)
        try pair.exchange()
        #expect(slow.body.count == 131_070)
        for _ in 0..<2 {
            slow.consumed(65_535)
            try pair.exchange()
        }
        #expect(slow.body.count == large.count)
        #expect(slow.hasEnded)
    }

    /// The window of the connection belongs to all: what a closed stream did not read is given back.
    @Test func `streams that end unread do not use the connection's window up`() throws {
        for _ in 0..<100 {
            let stream = try #require(pair.client.request("POST", "/", endStream: false))
            stream.write([UInt8](repeating: 1, count: 60_000).span)
            try pair.exchange()
            let served = try #require(pair.server.accepted.last)
            served.consumes = false
            stream.write([UInt8](repeating: 1, count: 60_000).span)
            try pair.exchange()
            stream.reset(errorCode: 8)
            try pair.exchange()
            #expect(served.closeCode == 8)
        }
        let stream = try #require(pair.client.request("POST", "/", endStream: false))
        stream.write([UInt8](repeating: 1, count: 900_000).span)
        stream.finish()
        try pair.exchange()
        #expect(pair.server.accepted.last?.body.count == 900_000)
    }

    @Test func `carries trailers in both directions`() throws {
        var trailers = HeaderBlock()
        trailers.append("x-checksum", text: "abc")
        trailers.append("authorization", text: "Bearer of another")
        let stream = try #require(pair.client.request("POST", "/", endStream: false))
        stream.write(Array("body".utf8).span)
        stream.finish(trailers: &trailers)
        try pair.exchange()
        let served = pair.server.accepted[0]
        #expect(text(served.body) == "body")
        #expect(served.trailers.string(of: "x-checksum") == "abc")
        #expect(served.trailers.count == 1, "what may change framing or rights does not pass in trailers")
        #expect(served.hasEnded)

        var head = ResponseHead()
        head.status = 200
        pair.server.session.submitResponse(head, on: served, endStream: false)
        served.write(Array("answer".utf8).span)
        trailers.removeAll()
        trailers.append("x-checksum", text: "abc")
        served.finish(trailers: &trailers)
        try pair.exchange()
        #expect(text(stream.body) == "answer")
        #expect(stream.trailers.string(of: "x-checksum") == "abc")
        #expect(stream.hasEnded)
        #expect(stream.closeCode == 0)
    }

    @Test func `a response of trailers alone keeps them`() throws {
        let stream = try #require(pair.client.request("GET", "/"))
        try pair.exchange()
        var head = ResponseHead()
        head.status = 200
        var trailers = HeaderBlock()
        trailers.append("grpc-status", text: "5")
        pair.server.session.submitResponse(head, on: pair.server.accepted[0], endStream: false)
        pair.server.accepted[0].finish(trailers: &trailers)
        try pair.exchange()
        #expect(stream.trailers.string(of: "grpc-status") == "5")
        #expect(stream.body.isEmpty)
        #expect(stream.hasEnded)
    }

    @Test func `produces about as much as is asked for, and says whether there is more`() throws {
        let stream = try #require(pair.client.request("GET", "/"))
        try pair.exchange()
        let size = 60_000
        pair.server.respond(200, on: pair.server.accepted[0], body: [UInt8](repeating: 1, count: size))
        var rounds = 0
        var mayHaveMore = true
        while mayHaveMore {
            var bytes: [UInt8] = []
            mayHaveMore = pair.server.session.produce(into: &bytes, limit: 5_000)
            #expect(bytes.count <= 5_000 + 16_384 + 9)
            if mayHaveMore { #expect(bytes.count >= 5_000) }
            try pair.client.receive(bytes)
            rounds += 1
        }
        #expect(rounds > 2)
        #expect(stream.body.count == size)
        #expect(stream.hasEnded)
    }

    @Test func `knows when all of a body was produced, its end included`() throws {
        _ = pair.client.request("GET", "/")
        try pair.exchange()
        let served = pair.server.accepted[0]
        var head = ResponseHead()
        head.status = 200
        pair.server.session.submitResponse(head, on: served, endStream: false)
        served.write([1, 2, 3].span)
        #expect(!served.hasProducedBody)
        _ = try pair.server.output()
        #expect(served.hasProducedBody)
        served.finish()
        #expect(!served.hasProducedBody, "the empty frame with END_STREAM is still to come")
        _ = try pair.server.output()
        #expect(served.hasProducedBody)
    }
}
