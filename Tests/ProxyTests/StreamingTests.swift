import GatewayTestSupport
import Proxy
import Reactor
import Routing
import Testing
import Wire

/// Bodies larger than any buffer, at the pace of the slower side.
@Suite(.serialized, .timeLimit(.minutes(2))) struct StreamingTests {
    enum Front: CaseIterable { case cleartext, tls, http2 }

    /// Sizes around what one receive, one buffer and one pause hold: each of them has to arrive, in one turn or many.
    static let sizes = [1, 16_384, 65_000, 65_400, 65_535, 65_536, 65_537, 131_072, 140_000, 200_000, 1_000_011]

    private func site(_ port: UInt16, _ wireProtocol: Backend.WireProtocol = .http1) -> Site {
        var site = Site(rules: [Site.Rule(path: "/", endpoints: [port], wireProtocol: wireProtocol)])
        site.limits.requestBodyBytes = 64 << 20
        return site
    }

    /// Sends a body and gives the answer's status and text.
    private func post(_ body: [UInt8], _ gateway: GatewayUnderTest, _ front: Front) throws -> (Int, String) {
        if front == .http2 {
            let stream = try gateway.connectHTTP2().post("/", body)
            return (stream.status, stream.text)
        }
        let client = try front == .tls ? gateway.connectTLS() : gateway.connect()
        try client.post("/", body)
        let response = try client.response()
        return (response.status, response.text)
    }

    private func get(_ path: String, _ gateway: GatewayUnderTest, _ front: Front) throws -> [UInt8] {
        if front == .http2 { return try gateway.connectHTTP2().get(path).body }
        let client = try front == .tls ? gateway.connectTLS() : gateway.connect()
        try client.get(path)
        let response = try client.response()
        #expect(!response.isCut)
        return response.body
    }

    @Test(arguments: Front.allCases)
    func `uploads of every size arrive whole at HTTP/1.1`(front: Front) async throws {
        let upstream = try ScriptedUpstream.answering { request in
            ScriptedUpstream.ok("\(request.body.count) \(Pattern.matches(request.body))")
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream.port)) { gateway in
            for size in Self.sizes {
                let (status, text) = try post(Pattern.bytes(size), gateway, front)
                #expect(status == 200)
                #expect(text == "\(size) true")
            }
        }
    }

    @Test(arguments: Front.allCases)
    func `uploads of every size arrive whole at HTTP/2`(front: Front) async throws {
        let upstream = try HTTP2Upstream { peer, stream in
            guard stream.hasEnded else { return }
            peer.respond(200, on: stream, body: Array("\(stream.body.count) \(Pattern.matches(stream.body))".utf8))
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream.port, .h2c)) { gateway in
            for size in Self.sizes {
                let (status, text) = try post(Pattern.bytes(size), gateway, front)
                #expect(status == 200)
                #expect(text == "\(size) true")
            }
        }
    }

    @Test(arguments: Front.allCases, [false, true])
    func `downloads of every size arrive whole from HTTP/1.1`(front: Front, isChunked: Bool) async throws {
        let upstream = try ScriptedUpstream { connection in
            while let request = try connection.request() {
                let size = Int(request.requestLine.split(separator: "/").last ?? "") ?? 0
                if isChunked {
                    let start = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\(String(size, radix: 16))\r\n"
                    try connection.send(Array(start.utf8) + Pattern.bytes(size) + Array("\r\n0\r\n\r\n".utf8))
                } else {
                    let start = "HTTP/1.1 200 OK\r\ncontent-length: \(size)\r\n\r\n"
                    try connection.send(Array(start.utf8) + Pattern.bytes(size))
                }
            }
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream.port)) { gateway in
            for size in Self.sizes {
                let body = try get("/\(size)", gateway, front)
                #expect(body.count == size)
                #expect(Pattern.matches(body))
            }
        }
    }

    @Test(arguments: Front.allCases)
    func `downloads of every size arrive whole from HTTP/2`(front: Front) async throws {
        let upstream = try HTTP2Upstream { peer, stream in
            let size = Int(stream.request.targetString.dropFirst()) ?? 0
            peer.respond(200, on: stream, body: Pattern.bytes(size))
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream.port, .h2c)) { gateway in
            for size in Self.sizes {
                let body = try get("/\(size)", gateway, front)
                #expect(body.count == size)
                #expect(Pattern.matches(body))
            }
        }
    }

    /// The kernel's buffers take some megabytes on either side; beyond them, the endpoint has to wait for the client.
    @Test(arguments: Front.allCases)
    func `a slow client slows the endpoint down, and gets 50 MB whole`(front: Front) async throws {
        let size = 50 << 20
        let sent = Progress()
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.request()
            try connection.send("HTTP/1.1 200 OK\r\ncontent-length: \(size)\r\n\r\n")
            var offset = 0
            while offset < size {
                let count = min(262_144, size - offset)
                try connection.send(Pattern.bytes(count, from: offset))
                offset += count
                sent.set(offset)
            }
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream.port)) { gateway in
            switch front {
            case .http2:
                let client = try gateway.connectHTTP2(receiveBuffer: 65_536)
                let stream = try #require(client.peer.request("GET", "/", consumes: false))
                try client.pump { stream.body.count >= 65_535 }
                sent.settle()
                #expect(sent.value < 30 << 20)
                stream.consumes = true
                stream.consumed(stream.body.count)
                try client.pump { stream.closeCode != nil }
                #expect(stream.body.count == size && Pattern.matches(stream.body))
            case .cleartext, .tls:
                let client =
                    try front == .tls
                    ? gateway.connectTLS(receiveBuffer: 65_536) : gateway.connect(receiveBuffer: 65_536)
                try client.get("/")
                #expect(eventually { sent.value > 0 })
                sent.settle()
                #expect(sent.value < 30 << 20)
                let response = try client.response()
                #expect(response.body.count == size && Pattern.matches(response.body))
            }
        }
        #expect(log.map(\.outcome) == ["forwarded"])
        #expect(log.map(\.responseBytes) == [size])
    }

    @Test(arguments: Front.allCases)
    func `a slow endpoint slows the client down, and gets 40 MB whole`(front: Front) async throws {
        let size = 40 << 20
        let mayRead = Gate()
        let sent = Progress()
        let upstream = try ScriptedUpstream(receiveBuffer: 65_536) { connection in
            guard try connection.reader.requestHead() != nil else { return }
            mayRead.wait()
            var offset = 0
            while offset < size {
                let bytes = try connection.reader.take(upTo: size - offset)
                guard !bytes.isEmpty, Pattern.matches(bytes, at: offset) else { break }
                offset += bytes.count
            }
            try connection.send(ScriptedUpstream.ok("\(offset)"))
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream.port)) { gateway in
            if front == .http2 {
                let client = try gateway.connectHTTP2(deadlineSeconds: 2)
                let stream = try #require(
                    client.peer.request("POST", "/", fields: [("content-length", "\(size)")], endStream: false))
                stream.write(Pattern.bytes(size).span)
                stream.finish()
                // The window stays shut, so there is nothing more to receive.
                #expect(throws: StreamFailure.timedOut) { try client.pump { stream.closeCode != nil } }
                #expect(stream.bytesSent < 30 << 20)
                client.socket.setDeadline(seconds: 60)
                mayRead.open()
                try client.pump { stream.closeCode != nil }
                #expect(stream.text == "\(size)")
                return
            }
            let client = try front == .tls ? gateway.connectTLS() : gateway.connect()
            let stream = client.stream
            let sender = try WorkerThread(name: "sender") {
                // A failure is seen by the answer that does not come.
                try? stream.send("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: \(size)\r\n\r\n")
                var offset = 0
                while offset < size {
                    let count = min(262_144, size - offset)
                    guard (try? stream.send(Pattern.bytes(count, from: offset))) != nil else { return }
                    offset += count
                    sent.set(offset)
                }
            }
            #expect(eventually { sent.value > 0 })
            sent.settle()
            #expect(sent.value < 30 << 20)
            mayRead.open()
            sender.join()
            #expect(try client.response().text == "\(size)")
        }
        #expect(log.map(\.requestBytes) == [size])
    }

    @Test func `both directions flow at once`() async throws {
        let upstream = try ScriptedUpstream { connection in
            guard try connection.reader.requestHead() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            var left = 3_000_000
            while left > 0 {
                let bytes = try connection.reader.take(upTo: left)
                if bytes.isEmpty { return }
                left -= bytes.count
                try connection.send(Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + [13, 10])
            }
            try connection.send("0\r\n\r\n")
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream.port)) { gateway in
            let client = try gateway.connect()
            let stream = client.stream
            let sender = try WorkerThread(name: "sender") {
                // A failure is seen by the answer.
                try? stream.send("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3000000\r\n\r\n")
                try? stream.send(Pattern.bytes(3_000_000))
            }
            let response = try client.response()
            sender.join()
            #expect(response.body.count == 3_000_000)
            #expect(Pattern.matches(response.body))
        }
    }
}
