import GatewayTestSupport
import Testing

@testable import Wire

/// What a client does wrong, frame by frame. The heads are plain HPACK literals without indexing (RFC 7541 §6.2.2).
@Suite struct HTTP2RefusalTests {
    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    private static let emptySettings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]

    private func frame(_ type: UInt8, flags: UInt8, stream: UInt8, _ payload: [UInt8]) -> [UInt8] {
        let size = payload.count
        return [UInt8(size >> 16), UInt8(size >> 8 & 255), UInt8(size & 255), type, flags, 0, 0, 0, stream] + payload
    }

    private func literal(_ name: String, _ value: String) -> [UInt8] {
        [0] + string(name) + string(value)
    }

    /// A length of seven prefix bits, continued in sevens (RFC 7541 §5.1).
    private func string(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        if bytes.count < 127 { return [UInt8(bytes.count)] + bytes }
        var length: [UInt8] = [127]
        var rest = bytes.count - 127
        while rest >= 128 {
            length.append(UInt8(rest % 128 + 128))
            rest /= 128
        }
        length.append(UInt8(rest))
        return length + bytes
    }

    private func headers(_ fields: [(String, String)], stream: UInt8 = 1, flags: UInt8 = 5) -> [UInt8] {
        frame(1, flags: flags, stream: stream, fields.flatMap { literal($0.0, $0.1) })
    }

    private static let plain = [
        (":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "localhost"),
    ]

    /// A server that has seen a client's preface, and `frames`.
    private func server(
        _ frames: [UInt8], settings: HTTP2SessionSettings = HTTP2SessionSettings()
    ) throws -> HTTP2Peer {
        let server = try HTTP2Peer(role: .server, settings: settings)
        try server.receive(Self.preface + Self.emptySettings + frames)
        return server
    }

    @Test func `the head made here is a good one`() throws {
        let served = try #require(try server(headers(Self.plain)).accepted.first)
        #expect(served.hasHead && served.hasEnded)
        #expect(!served.isHeadMalformed && !served.isHeadTooLarge)
    }

    @Test func `a head over the limit of bytes is marked, and the rest of the connection goes on`() throws {
        var settings = HTTP2SessionSettings()
        settings.headerBytes = 2_000
        let large = Self.plain + [("x-large", String(repeating: "a", count: 3_000))]
        let server = try server(headers(large) + headers(Self.plain, stream: 3), settings: settings)
        #expect(server.accepted.count == 2)
        #expect(server.accepted[0].isHeadTooLarge)
        #expect(!server.accepted[1].isHeadTooLarge)
        #expect(server.accepted[1].hasHead)
    }

    @Test func `a head over the limit of fields is marked`() throws {
        var settings = HTTP2SessionSettings()
        settings.headerFields = 10
        let fields = Self.plain + (0..<11).map { ("x-\($0)", "1") }
        #expect(try server(headers(fields), settings: settings).accepted[0].isHeadTooLarge)
        let fewer = Self.plain + (0..<10).map { ("x-\($0)", "1") }
        #expect(try !server(headers(fewer), settings: settings).accepted[0].isHeadTooLarge)
    }

    @Test(arguments: [
        ("localhost", true), ("LOCALHOST", true), ("localhost:443", false), ("evil.example", false), ("", false),
    ])
    func `a host field has to agree with the authority`(host: String, agrees: Bool) throws {
        let served = try #require(try server(headers(Self.plain + [("host", host)])).accepted.first)
        #expect((served.hasHead && !served.isHeadMalformed) == agrees)
        #expect(served.request.headers.contains("host") == false)
    }

    @Test func `a host field stands in for a missing authority`() throws {
        let fields = Self.plain.filter { $0.0 != ":authority" } + [("host", "localhost")]
        let served = try #require(try server(headers(fields)).accepted.first)
        #expect(served.request.authorityString == "localhost")
        #expect(!served.isHeadMalformed)
    }

    @Test func `two different host fields are malformed`() throws {
        let fields = Self.plain.filter { $0.0 != ":authority" } + [("host", "a.example"), ("host", "b.example")]
        let served = try server(headers(fields)).accepted.first
        #expect(served?.hasHead != true || served?.isHeadMalformed == true)
    }

    @Test func `cookies that were split are one field again`() throws {
        let fields = Self.plain + [("cookie", "a=1"), ("accept", "*/*"), ("cookie", "b=2"), ("cookie", "c=3")]
        let served = try #require(try server(headers(fields)).accepted.first)
        #expect(served.request.headers.count(of: "cookie") == 1)
        #expect(served.request.headers.string(of: "cookie") == "a=1; b=2; c=3")
        #expect(served.request.headers.string(of: "accept") == "*/*")
    }

    @Test func `an expectation is seen`() throws {
        let fields = Self.plain + [("expect", "100-continue")]
        #expect(try server(headers(fields, flags: 4)).accepted.first?.request.expectsContinue == true)
    }

    /// RFC 9113 §8.2 and §8.3: each of these is a malformed request, and no stream of ours hears of it as a head.
    @Test(arguments: [
        [(":method", "GET"), (":scheme", "https"), (":authority", "a")],
        [(":method", "GET"), (":path", "/"), (":authority", "a")],
        [(":scheme", "https"), (":path", "/"), (":authority", "a")],
        [(":method", "GET"), (":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a")],
        [("accept", "*/*"), (":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a")],
        [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a"), (":status", "200")],
        [(":method", "GET"), (":scheme", "https"), (":path", ""), (":authority", "a")],
        [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a"), ("Accept", "*/*")],
        [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a"), ("connection", "close")],
        [
            (":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a"),
            ("transfer-encoding", "chunked"),
        ],
        [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a"), ("te", "gzip")],
        [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a"), ("x-a", "b\r\nx-c: d")],
        [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a"), ("x-a", "b\u{0}c")],
        [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a"), ("x a", "b")],
        [
            (":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a"), ("content-length", "1"),
            ("content-length", "2"),
        ],
    ])
    func `a malformed head is reset`(fields: [(String, String)]) throws {
        let server = try server(headers(fields) + headers(Self.plain, stream: 3))
        _ = try server.output()
        let first = try #require(server.accepted.first)
        #expect(!first.hasHead || first.isHeadMalformed)
        #expect(server.accepted.last?.hasHead == true, "the connection goes on")
    }

    @Test func `what is not HTTP/2 ends the session`() throws {
        let server = try HTTP2Peer(role: .server)
        #expect(throws: HTTP2SessionError.self) {
            try server.receive(Array("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n".utf8))
        }
    }

    @Test func `an endpoint that speaks HTTP/1 finishes the client's session`() throws {
        let client = try HTTP2Peer(role: .client)
        let stream = try #require(client.request("GET", "/"))
        _ = try client.output()
        do {
            try client.receive(Array("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".utf8))
            _ = try client.output()
            #expect(client.session.isFinished)
        } catch is HTTP2SessionError {
            // Refused at once is as good.
        }
        client.session.terminate()
        #expect(stream.closeCode != nil)
    }

    /// CVE-2023-44487: streams that are opened and reset at once, far beyond what a browser does.
    @Test func `rapid reset ends the connection`() throws {
        let server = try server([])
        var wasStopped = false
        for number in 0..<2_000 where !wasStopped {
            let id = UInt32(1 + 2 * number)
            var open = headers(Self.plain)
            var reset = frame(3, flags: 0, stream: 1, [0, 0, 0, 8])
            for position in 0..<4 {
                open[5 + position] = UInt8(id >> (24 - 8 * position) & 255)
                reset[5 + position] = open[5 + position]
            }
            do {
                try server.receive(open + reset)
                _ = try server.output()
                wasStopped = server.session.isFinished
            } catch {
                wasStopped = true
            }
        }
        #expect(wasStopped)
    }

    /// CONTINUATION without end (CVE-2024-28182 and its kin).
    @Test func `endless continuation ends the connection`() throws {
        let server = try server(headers(Self.plain, flags: 1))
        var wasStopped = false
        for _ in 0..<5_000 where !wasStopped {
            do {
                try server.receive(frame(9, flags: 0, stream: 1, literal("x-more", String(repeating: "a", count: 500))))
                _ = try server.output()
                wasStopped = server.session.isFinished
            } catch {
                wasStopped = true
            }
        }
        #expect(wasStopped)
        #expect(server.accepted[0].request.headers.byteCount <= 32_768)
    }

    /// A client that reads nothing, and resets what was answered.
    @Test func `answers that nobody takes are bounded`() throws {
        let server = try server([])
        let large = String(repeating: "a", count: 2_000)
        #expect(throws: HTTP2SessionError.flooded) {
            for number in 0..<5_000 {
                let id = UInt32(1 + 2 * number)
                let head = plainHPACK(Self.plain)
                try server.receive(RawFrame.headers(id, head).bytes)
                guard let stream = server.accepted.last, stream.id == id else { break }
                // Another one each time, or HPACK makes a byte of it.
                server.respond(200, on: stream, fields: [("x-large", "\(number)\(large)")], body: nil)
                try server.receive(RawFrame.reset(id).bytes)
            }
        }
    }

    @Test func `a flood of pings ends the connection`() throws {
        let server = try server([])
        #expect(throws: HTTP2SessionError.self) {
            for _ in 0..<5_000 { try server.receive(frame(6, flags: 0, stream: 0, [1, 2, 3, 4, 5, 6, 7, 8])) }
        }
    }
}
