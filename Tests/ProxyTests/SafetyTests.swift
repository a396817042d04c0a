import GatewayTestSupport
import Glibc
import Policy
import Proxy
import Routing
import Testing
import Wire

/// Clients that want to harm: each is bounded, and others are served meanwhile.
@Suite(.serialized, .timeLimit(.minutes(2))) struct SafetyTests {
    private func site(_ upstream: ScriptedUpstream) -> Site {
        Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port])])
    }

    // MARK: - Slow bodies

    @Test func `a body that comes slowly holds no connection of the endpoint`() async throws {
        let upstream = try ScriptedUpstream.answering { ScriptedUpstream.ok("\($0.requestLine) \($0.text)") }
        defer { upstream.stop() }
        var site = site(upstream)
        site.limits.slowBodiesPerWorker = 1
        let log = try await withGateway(site) { gateway in
            let slow = try (0..<8).map { _ in try gateway.connect() }
            let head = "POST /slow HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\n\r\n"
            for client in slow { try client.send(head + "sl") }
            // One may go on, and does so after a moment.
            #expect(eventually { upstream.connectionCount == 1 })
            #expect(try gateway.get("/quick").text.hasPrefix("GET /quick"))
            #expect(gateway.gateway.endpoints.first?.requests == 2)
            for client in slow { try client.send("ow") }
            for client in slow { #expect(try client.response().text == "POST /slow slow") }
        }
        #expect(log.count == 9 && log.allSatisfy { $0.outcome == "forwarded" })
    }

    @Test func `a conversation begins before its request has ended`() async throws {
        let upstream = try ScriptedUpstream { connection in
            _ = try connection.reader.requestHead()
            try connection.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
            connection.waitForEnd()
        }
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connectHTTP2()
            let stream = try #require(client.peer.request("POST", "/", endStream: false))
            stream.write(Array("hi".utf8).span)
            try client.pump { stream.text == "hello" }
        }
    }

    /// Many small pieces, and none of them too long after the other.
    @Test func `a body below the least rate is given up`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        var site = site(upstream)
        site.limits.requestBodyTimeout = 300
        site.limits.requestBodyRate = 1 << 30
        site.limits.slowBodiesPerWorker = 0
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try client.send("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9000000\r\n\r\n")
            let isStopped = eventually {
                (try? client.send("x")) == nil || gateway.count(.requestBodyTimeout) == 1
            }
            #expect(isStopped)
            #expect(try client.response().status == 408)
        }
        #expect(log.map(\.outcome) == ["requestBodyTimeout"])
        #expect(upstream.connectionCount == 0)
    }

    @Test func `a client that waits for 100 is asked for its body before the endpoint is`() async throws {
        let upstream = try ScriptedUpstream.answering { ScriptedUpstream.ok($0.text) }
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connect()
            try client.send("POST / HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n")
            #expect(try client.response().status == 100)
            try client.send("body")
            #expect(try client.response().text == "body")
        }
    }

    // MARK: - Floods of frames

    enum Flood: CaseIterable {
        case resets, provokedResets, refusedStreams, pings, settings, emptyData

        /// What is sent for the stream of this number.
        func frames(_ stream: UInt32) -> [UInt8] {
            let open = RawHTTP2.frame(1, 4, stream, RawHTTP2.get)
            return switch self {
            case .resets: open + RawHTTP2.frame(3, 0, stream, [0, 0, 0, 8])
            // A window beyond 2³¹ - 1: we have to reset the stream (RFC 9113 §6.9.1).
            case .provokedResets: open + RawHTTP2.frame(8, 0, stream, [0x7F, 255, 255, 255])
            // One too many: we refuse it (RFC 9113 §5.1.2).
            case .refusedStreams: open
            case .pings: RawHTTP2.frame(6, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8])
            case .settings: RawHTTP2.frame(4, 0, 0, [])
            case .emptyData: (stream == 1 ? open : []) + RawHTTP2.frame(0, 0, 1, [])
            }
        }
    }

    @Test(arguments: Flood.allCases)
    func `floods a connection, and is told to calm down`(flood: Flood) async throws {
        let upstream = try ScriptedUpstream { $0.waitForEnd() }
        defer { upstream.stop() }
        // Without a route every stream is answered at once, and stays open because its request does.
        var site = flood == .emptyData ? site(upstream) : Site(rules: [])
        site.limits.concurrentStreams = flood == .refusedStreams ? 4 : 128
        try await withGateway(site) { gateway in
            let socket = try BlockingSocket(connectingTo: gateway.port("https"))
            let client = try RawHTTP2(BlockingTLS(over: socket, protocols: ["h2"]))
            // The gateway may close while we send.
            let perBatch = [.pings, .settings, .emptyData].contains(flood) ? 500 : 100
            for batch in 0..<40 {
                let numbers = (0..<perBatch).map { UInt32(1 + 2 * (perBatch * batch + $0)) }
                if (try? client.send(numbers.flatMap(flood.frames))) == nil { break }
                if gateway.gateway.statistics.connectionsAbusive > 0 { break }
            }
            #expect(eventually { gateway.gateway.statistics.connectionsAbusive == 1 })
            #expect(eventually { gateway.gateway.statistics.connectionsOpen == 0 })
            // A flood of what must be answered is stopped by the session itself, without a word.
            let code = try client.goAwayCode()
            #expect(code == 11 || code == nil && [.pings, .settings].contains(flood))
        }
    }

    @Test func `a browser that leaves a page is not taken for a flood`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connectHTTP2()
            let streams = try (0..<100).map { try #require(client.peer.request("GET", "/\($0)")) }
            try client.flush()
            for stream in streams { stream.reset(errorCode: 8) }
            #expect(try client.get("/next").text == "GET /next")
            #expect(gateway.gateway.statistics.connectionsAbusive == 0)
        }
    }

    /// One byte of HPACK stands for four kilobytes: the stream is given up long before they are unpacked.
    @Test func `a bomb of references ends its stream, and only that`() async throws {
        try await withGateway(Site(rules: [])) { gateway in
            let socket = try BlockingSocket(connectingTo: gateway.port("https"))
            let client = try RawHTTP2(BlockingTLS(over: socket, protocols: ["h2"]))
            // A literal that enters the dynamic table (RFC 7541 §6.2.1), its length of 3,900 as an integer of seven bits.
            let entry: [UInt8] = [0x40, 1, UInt8(ascii: "x"), 0x7F, 0xBD, 0x1D] + Array(repeating: 97, count: 3_900)
            let bomb = RawHTTP2.get + entry + Array(repeating: 0xBE, count: 8_000)
            try client.send(RawHTTP2.frame(1, 5, 1, bomb) + RawHTTP2.frame(1, 5, 3, RawHTTP2.get))
            var resets = Set<UInt32>()
            var answered = Set<UInt32>()
            while !answered.contains(3), let frame = try client.next() {
                if frame.type == 3 { resets.insert(frame.stream) }
                if frame.type == 1 { answered.insert(frame.stream) }
            }
            #expect(answered.contains(3), "the connection goes on")
            #expect(resets.contains(1) || answered.contains(1))
        }
    }

    // MARK: - Memory

    @Test func `responses that nobody takes are bounded in total, and others go on afterwards`() async throws {
        let upstream = try ScriptedUpstream.answering { _ in
            ScriptedUpstream.ok(String(repeating: "x", count: 100_000))
        }
        defer { upstream.stop() }
        var site = site(upstream)
        site.limits.heldBytesPerWorker = 400_000
        let log = try await withGateway(site) { gateway in
            let greedy = try gateway.connectHTTP2()
            try greedy.pump { greedy.peer.session.canOpenStream }
            // Windows that stay shut: what the streams cannot send, the gateway keeps.
            var refused = 0
            for number in 0..<300 where refused < 5 {
                let stream = try #require(greedy.peer.request("GET", "/\(number)", consumes: false))
                try greedy.pump { stream.hasHead || stream.closeCode != nil }
                refused = stream.closeCode == 7 ? refused + 1 : 0
            }
            #expect(refused == 5, "streams are refused when the worker holds enough")
            let answer = try gateway.get("/")
            #expect(answer.status == 503)
            #expect(answer["retry-after"] != nil)
            #expect(answer.text.contains("overloaded"))
            greedy.socket.reset()
            let client = try gateway.connect()
            #expect(client.eventuallyGets("/") { $0.status == 200 })
        }
        #expect(log.contains { $0.outcome == "overloaded" })
    }

    @Test func `bodies that wait are bounded in total, and some are given up for the others`() async throws {
        let upstream = try ScriptedUpstream.answering { ScriptedUpstream.ok("\($0.body.count)") }
        defer { upstream.stop() }
        var site = site(upstream)
        site.limits.heldBytesPerWorker = 300_000
        site.limits.bodyBufferBytes = 131_072
        site.limits.slowBodiesPerWorker = 0
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connectHTTP2()
            try client.pump { client.peer.session.canOpenStream }
            let streams = try (0..<12).map { number in
                try #require(client.peer.request("POST", "/\(number)", endStream: false))
            }
            for stream in streams { stream.write(Pattern.bytes(50_000).span) }
            try client.pump { streams.contains { $0.hasHead } }
            for stream in streams where !stream.hasHead { stream.finish() }
            try client.pump { streams.allSatisfy(\.hasHead) }
            #expect(streams.contains { $0.status == 503 })
            #expect(streams.contains { $0.status == 200 && $0.text == "50000" })
            #expect(try gateway.get("/").status == 200)
        }
        #expect(log.contains { $0.outcome == "overloaded" } && log.contains { $0.outcome == "forwarded" })
    }

    // MARK: - Connections

    @Test func `one client may hold so many connections and no more`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        var site = site(upstream)
        site.limits.connectionsPerClient = 5
        try await withGateway(site) { gateway in
            let clients = try (0..<5).map { _ in try gateway.connect() }
            for client in clients {
                try client.get("/")
                #expect(try client.response().status == 200)
            }
            let sixth = try gateway.connect()
            #expect((try? sixth.socket.receive())?.isEmpty ?? true, "closed, or reset")
            #expect(gateway.gateway.statistics.connectionsRefused == 1)
            let other = try gateway.connect(from: 2)
            try other.get("/")
            #expect(try other.response().status == 200)
            clients[0].socket.close()
            #expect(eventually { (try? gateway.get("/").status) == 200 })
        }
    }

    @Test func `connections that were never used make room for those that are`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        var site = site(upstream)
        site.limits.connectionsPerWorker = 8
        site.limits.handshakeTimeout = 60_000
        site.limits.requestHeadTimeout = 60_000
        try await withGateway(site) { gateway in
            let used = try gateway.connect()
            try used.get("/")
            #expect(try used.response().status == 200)
            let silent = try (0..<4).map { _ in try gateway.connect() }
            let handshaking = try (0..<3).map { _ in try BlockingSocket(connectingTo: gateway.port("https")) }
            #expect(eventually { gateway.gateway.statistics.connectionsOpen == 8 })
            let next = try gateway.connect(deadlineSeconds: 20)
            try next.get("/")
            #expect(try next.response().status == 200)
            #expect(gateway.gateway.statistics.connectionsEvicted > 0)
            try used.get("/")
            #expect(try used.response().status == 200, "what was used of late is kept")
            withExtendedLifetime((silent, handshaking)) {}
        }
    }

    /// In a process of its own, whose descriptors can be used up.
    @Test func `when descriptors run out accepting pauses, and nothing dies`() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit(rlim_cur: 400, rlim_max: 400)
            precondition(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            try await withGateway(Site(rules: [])) { gateway in
                let early = try gateway.connect()
                try early.get("/none")
                let first = try early.response()
                precondition(first.status == 404)
                var fillers: [Int32] = []
                while case let filler = open("/dev/null", O_RDONLY), filler >= 0 { fillers.append(filler) }
                // One is left, for our own side of another connection.
                close(fillers.removeLast())
                let late = try gateway.connect()
                try late.get("/none")
                for _ in 0..<10 {
                    try early.get("/none")
                    let answer = try early.response()
                    precondition(answer.status == 404)
                }
                for filler in fillers { close(filler) }
                let last = try late.response()
                precondition(last.status == 404)
            }
        }
    }

    @Test func `a head of a lone CR has its deadline`() async throws {
        var site = Site(rules: [])
        site.limits.requestHeadTimeout = 2_000
        try await withGateway(site) { gateway in
            let client = try gateway.connect()
            try client.get("/none")
            _ = try client.response()
            try client.send("\r")
            #expect(try client.reader.isAtEnd())
        }
    }

    // MARK: - Tokens

    @Test func `one client's tokens leave room for another's`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let verifier = ScriptedVerifier(["alice": ScriptedVerifier.good("alice", [])], holds: true)
        var site = Site(
            rules: [
                Site.Rule(path: "/", endpoints: [upstream.port], authentication: AuthenticationRule(provider: 0))
            ], verifier: verifier)
        site.limits.pendingVerificationsPerClient = 3
        try await withGateway(site) { gateway in
            let flood = try (0..<3).map { _ in try gateway.connect() }
            for (number, client) in flood.enumerated() {
                try client.get("/", fields: ["authorization: Bearer bad\(number)"])
            }
            #expect(eventually { verifier.calls == 3 })
            #expect(try gateway.get("/", fields: ["authorization: Bearer bad3"]).status == 503)
            // Who goes and comes again finds what he left.
            flood[0].socket.reset()
            #expect(eventually { gateway.count(.clientClosed) == 1 })
            #expect(try gateway.get("/", fields: ["authorization: Bearer bad4"]).status == 503)
            let other = try gateway.connect(from: 2)
            try other.get("/", fields: ["authorization: Bearer alice"])
            #expect(eventually { verifier.calls == 4 })
            verifier.release()
            #expect(try other.response().status == 200)
            #expect(try flood[1].response().status == 401)
            #expect(try gateway.get("/", fields: ["authorization: Bearer alice"]).status == 200)
        }
    }

    @Test func `a token that was just refused is not verified again`() async throws {
        let verifier = ScriptedVerifier(["old": .failure(.expired)])
        let site = Site(
            rules: [Site.Rule(path: "/", endpoints: [1], authentication: AuthenticationRule(provider: 0))],
            verifier: verifier)
        try await withGateway(site) { gateway in
            for _ in 0..<3 {
                #expect(try gateway.get("/", fields: ["authorization: Bearer forged"]).status == 401)
                let old = try gateway.get("/", fields: ["authorization: Bearer old"])
                #expect(old["www-authenticate"]?.contains("expired") == true)
            }
            #expect(verifier.calls == 2)
            try gateway.gateway.replace(site.snapshot())
            let isForgotten = eventually {
                (try? gateway.get("/", fields: ["authorization: Bearer old"])) != nil && verifier.calls > 2
            }
            #expect(isForgotten)
        }
    }
}
