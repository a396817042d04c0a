import GatewayTestSupport
import Testing

@testable import Wire

/// Which frames a session makes of what it is given.
@Suite struct HTTP2SendingTests {
    private func server(_ client: [RawFrame], settings: [(UInt16, UInt32)] = []) throws -> HTTP2Peer {
        let server = try HTTP2Peer(role: .server)
        try server.receive(RawFrame.preface + RawFrame.settings(settings).bytes + client.flatMap(\.bytes))
        _ = try server.output()
        return server
    }

    private static func get(_ id: UInt32) -> RawFrame {
        .headers(id, plainHPACK([(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a")]))
    }

    private func summary(_ server: HTTP2Peer, limit: Int = .max) throws -> [String] {
        RawFrame.all(in: try server.output(limit: limit)).map { frame in
            let kind = frame.kind.map { "\($0)" } ?? "?"
            return
                "\(kind) \(frame.stream) \(frame.kind == .headers ? 0 : frame.payload.count)\(frame.endsStream ? " end" : "")"
        }
    }

    @Test func `the last DATA ends the stream, without another`() throws {
        let server = try server([Self.get(1)])
        server.respond(200, on: server.accepted[0], body: [1, 2, 3])
        #expect(try summary(server) == ["headers 1 0", "data 1 3 end"])
    }

    @Test func `an end that comes later is an empty DATA`() throws {
        let server = try server([Self.get(1)])
        var head = ResponseHead()
        head.status = 200
        server.session.submitResponse(head, on: server.accepted[0], endStream: false)
        server.accepted[0].write([1].span)
        #expect(try summary(server) == ["headers 1 0", "data 1 1"])
        server.accepted[0].finish()
        #expect(try summary(server) == ["data 1 0 end"])
    }

    @Test func `streams take turns, a frame each`() throws {
        let server = try server([Self.get(1), Self.get(3)], settings: [(4, 1 << 20)])
        for stream in server.accepted { server.respond(200, on: stream, body: Pattern.bytes(30_000)) }
        let expected = [
            "headers 1 0", "headers 3 0", "data 1 16384", "data 3 16384", "data 1 13616 end", "data 3 13616 end",
        ]
        #expect(try summary(server) == expected)
    }

    @Test func `a shut window of one stream holds no other up, and the connection's holds all but ends`() throws {
        let server = try server([Self.get(1), Self.get(3), Self.get(5)], settings: [(4, 1 << 20)])
        server.respond(200, on: server.accepted[0], body: Pattern.bytes(65_535))
        server.respond(200, on: server.accepted[1], body: [1])
        _ = try server.output()
        #expect(server.accepted[0].unsentBytes + server.accepted[1].unsentBytes == 1)
        server.respond(204, on: server.accepted[2], body: nil)
        #expect(try summary(server) == ["headers 5 0 end"])
        #expect(server.accepted[2].closeCode == 0)
        try server.receive(RawFrame.windowUpdate(0, 10).bytes)
        #expect(try summary(server).count == 1)
        #expect(server.session.streamCount == 0)
    }

    @Test func `a window that becomes negative has to be filled first`() throws {
        let server = try server([Self.get(1)], settings: [(4, 100)])
        server.respond(200, on: server.accepted[0], body: Pattern.bytes(200))
        #expect(try summary(server) == ["headers 1 0", "data 1 100"])
        try server.receive(RawFrame.settings([(4, 40)]).bytes + RawFrame.windowUpdate(1, 60).bytes)
        #expect(try summary(server) == ["settings 0 0"])
        try server.receive(RawFrame.windowUpdate(1, 1).bytes)
        #expect(try summary(server) == ["data 1 1"])
        try server.receive(RawFrame.settings([(4, 1_000)]).bytes)
        #expect(try summary(server) == ["settings 0 0", "data 1 99 end"])
    }

    @Test func `a head that no frame holds goes on in CONTINUATION`() throws {
        let server = try server([Self.get(1)])
        let fields = (0..<5).map { ("x-\($0)", String(repeating: "a", count: 8_000)) }
        server.respond(200, on: server.accepted[0], fields: fields, body: nil)
        let frames = RawFrame.all(in: try server.output())
        #expect(frames.map(\.kind) == [.headers, .continuation, .continuation])
        #expect(frames.map(\.payload.count).dropLast() == [16_384, 16_384])
        #expect(frames.map { $0.flags & RawFrame.endHeaders != 0 } == [false, false, true])
        #expect(frames[0].endsStream)
    }

    @Test func `what is reset sends nothing more`() throws {
        let server = try server([Self.get(1), Self.get(3)])
        server.respond(200, on: server.accepted[0], body: Pattern.bytes(100_000))
        #expect(try summary(server, limit: 1).first == "headers 1 0")
        server.accepted[0].reset(errorCode: 8)
        #expect(server.accepted[0].closeCount == 0, "not while it is called")
        #expect(try summary(server) == ["reset 1 4"])
        #expect(server.accepted[0].closeCode == 8)
        #expect(server.accepted[0].droppedBytes > 0)
        #expect(server.accepted[1].closeCode == nil)
    }

    @Test func `the preface of a client and of a server`() throws {
        let client = try HTTP2Peer(role: .client)
        let bytes = try client.output()
        #expect(Array(bytes.prefix(24)) == RawFrame.preface)
        let expected: [RawFrame] = [
            .settings([(4, 65_535), (6, 32_768), (2, 0)]), .windowUpdate(0, (1 << 20) - 65_535),
        ]
        #expect(RawFrame.all(in: Array(bytes.dropFirst(24))) == expected)
        let server = try HTTP2Peer(role: .server)
        let settings = RawFrame.settings([(4, 65_535), (6, 32_768), (3, 128), (8, 1)])
        #expect(RawFrame.all(in: try server.output()).first == settings)
    }

    @Test func `a PING is answered with what it said, and an answer is not`() throws {
        let server = try server([.ping(Array("12345678".utf8)), .ping(Array("answered".utf8), ack: true)])
        try server.receive(RawFrame.ping(Array("12345678".utf8)).bytes)
        #expect(RawFrame.all(in: try server.output()) == [.ping(Array("12345678".utf8), ack: true)])
    }

    /// A second bit of DATA may be owed a WINDOW_UPDATE each; more than that is noise.
    @Test func `WINDOW_UPDATE without DATA is counted as noise`() throws {
        let server = try server([])
        let before = server.session.controlFrames
        for _ in 0..<HTTP2Session.mostUpdates { try server.receive(RawFrame.windowUpdate(0, 1).bytes) }
        #expect(server.session.controlFrames == before)
        for _ in 0..<10 { try server.receive(RawFrame.windowUpdate(0, 1).bytes) }
        #expect(server.session.controlFrames == before + 10)
    }
}
