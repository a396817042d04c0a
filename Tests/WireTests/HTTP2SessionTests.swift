import GatewayTestSupport
import Testing

@testable import Wire

@Suite struct HTTP2SessionTests {
    private let pair: HTTP2Pair

    init() throws {
        pair = try HTTP2Pair()
        try pair.exchange()
    }

    @Test func `carries a request and its response`() throws {
        let stream = try #require(
            pair.client.request("GET", "/warehouse/items?limit=2", fields: [("accept", "application/json")]))
        try pair.exchange()
        let served = try #require(pair.server.accepted.first)
        #expect(served.request.methodString == "GET")
        #expect(served.request.targetString == "/warehouse/items?limit=2")
        #expect(served.request.authorityString == "localhost")
        #expect(served.request.headers.string(of: "accept") == "application/json")
        #expect(served.request.framing == .none)
        #expect(served.request.version == .http2)
        #expect(served.hasEnded)

        pair.server.respond(200, on: served, fields: [("content-type", "text/plain")], body: Array("hello".utf8))
        try pair.exchange()
        #expect(stream.response.status == 200)
        #expect(stream.response.headers.string(of: "content-type") == "text/plain")
        #expect(text(stream.body) == "hello")
        #expect(stream.hasEnded)
        #expect(stream.closeCode == 0)
        #expect(served.closeCode == 0)
        #expect(served.closeCount == 1)
        #expect(pair.client.session.streamCount == 0)
        #expect(pair.server.session.streamCount == 0)
    }

    @Test func `a response without a body ends with its head`() throws {
        let stream = try #require(pair.client.request("GET", "/"))
        try pair.exchange()
        pair.server.respond(204, on: pair.server.accepted[0], body: nil)
        try pair.exchange()
        #expect(stream.response.status == 204)
        #expect(stream.response.framing == .none)
        #expect(stream.hasEnded)
    }

    @Test func `interim responses are passed over`() throws {
        let stream = try #require(pair.client.request("POST", "/", endStream: false))
        try pair.exchange()
        let served = pair.server.accepted[0]
        pair.server.session.submitInformational(100, on: served)
        try pair.exchange()
        #expect(!stream.hasHead)
        stream.finish()
        try pair.exchange()
        pair.server.respond(201, on: served, body: nil)
        try pair.exchange()
        #expect(stream.response.status == 201)
    }

    @Test func `a reset reaches the other side once, with its code`() throws {
        let stream = try #require(pair.client.request("GET", "/"))
        try pair.exchange()
        stream.reset(errorCode: 8)
        try pair.exchange()
        #expect(stream.closeCode == 8)
        #expect(pair.server.accepted[0].closeCode == 8)
        #expect(pair.server.accepted[0].closeCount == 1)
        // Late calls do nothing.
        pair.server.respond(200, on: pair.server.accepted[0], body: Array("late".utf8))
        stream.reset(errorCode: 8)
        stream.finish()
        try pair.exchange()
        #expect(pair.server.session.streamCount == 0)
    }

    @Test func `a stream is refused to a client whose limit is reached`() throws {
        var settings = HTTP2SessionSettings()
        settings.concurrentStreams = 2
        let pair = try HTTP2Pair(server: settings)
        try pair.exchange()
        #expect(pair.client.session.canOpenStream)
        _ = pair.client.request("GET", "/1")
        _ = pair.client.request("GET", "/2")
        #expect(!pair.client.session.canOpenStream)
        try pair.exchange()
        pair.server.respond(204, on: pair.server.accepted[0], body: nil)
        try pair.exchange()
        #expect(pair.client.session.canOpenStream)
    }

    @Test func `draining finishes what is open and takes nothing new`() throws {
        let stream = try #require(pair.client.request("GET", "/"))
        try pair.exchange()
        pair.server.session.drain()
        try pair.exchange()
        #expect(pair.client.isGoingAway)
        #expect(!pair.client.session.canOpenStream)
        #expect(pair.client.request("GET", "/new") == nil)
        #expect(!pair.server.session.isFinished)
        pair.server.respond(200, on: pair.server.accepted[0], body: Array("last".utf8))
        try pair.exchange()
        #expect(text(stream.body) == "last")
        #expect(pair.server.session.isFinished)
        #expect(pair.client.session.isFinished)
    }

    @Test func `a stream that is on its way when a drain is announced is taken`() throws {
        try pair.exchange()
        pair.server.session.announceDrain()
        // The client has not heard of it yet.
        let stream = try #require(pair.client.request("GET", "/"))
        try pair.exchange()
        #expect(pair.client.isGoingAway && pair.client.request("GET", "/new") == nil)
        #expect(pair.server.accepted.count == 1 && !pair.server.session.isFinished)
        pair.server.session.drain()
        pair.server.respond(200, on: pair.server.accepted[0], body: Array("last".utf8))
        try pair.exchange()
        #expect(text(stream.body) == "last" && stream.closeCode == 0)
        #expect(pair.server.session.isFinished && pair.client.session.isFinished)
    }

    @Test func `draining an idle connection finishes it`() throws {
        pair.server.session.drain()
        pair.server.session.drain()
        try pair.exchange()
        #expect(pair.server.session.isFinished)
    }

    @Test func `terminate ends every stream, on both sides, once`() throws {
        let streams = try (0..<50).map { number in
            try #require(pair.client.request("POST", "/\(number)", endStream: false))
        }
        try pair.exchange()
        pair.server.session.terminate()
        pair.client.session.terminate()
        for stream in streams + pair.server.accepted {
            #expect(stream.closeCode == 10)
            #expect(stream.closeCount == 1)
            stream.write([1].span)
            stream.finish()
            stream.consumed(1)
            stream.reset(errorCode: 0)
        }
        #expect(pair.server.session.streamCount == 0)
        #expect(pair.client.session.streamCount == 0)
    }

    @Test func `a closed stream serves again with nothing of its past`() throws {
        let stream = try #require(
            pair.client.request("POST", "/first", fields: [("x-first", "1")], endStream: false))
        stream.write(Array("body".utf8).span)
        stream.finish()
        try pair.exchange()
        let served = pair.server.accepted[0]
        pair.server.respond(200, on: served, body: Array("one".utf8))
        try pair.exchange()
        #expect(served.closeCode == 0)
        served.recycle()
        #expect(!served.hasProducedBody || served.unsentBytes == 0)
        #expect(served.request.targetString.isEmpty)
        #expect(served.request.headers.contains("x-first") == false)
        #expect(served.unsentBytes == 0)
    }
}
