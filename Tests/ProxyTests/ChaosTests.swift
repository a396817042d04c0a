import GatewayTestSupport
import Proxy
import Reactor
import Routing
import Synchronization
import Testing
import Wire

/// Clients and endpoints that do everything wrong at once. Whatever they do, no answer goes to the wrong request, and
/// afterwards nothing is left open (`withGateway` looks).
@Suite(.serialized, .timeLimit(.minutes(2))) struct ChaosTests {
    private static let stepsPerClient = 150

    @Test(arguments: Kind.allCases)
    func `no answer goes astray and nothing stays open`(backend: Kind) async throws {
        let seed = UInt64.random(in: .min ... .max)
        let authority = try CertificateAuthority()
        let upstreams = try (0..<2).map { _ in try backend.start(authority) }
        defer { for upstream in upstreams { upstream.stop() } }
        let site = backend.site(upstreams.map(\.port), authority)
        let mistakes = Mistakes()
        let log = try await withGateway(site, workers: 2) { gateway in
            let running = Progress()
            let threads = try (0..<4).map { number in
                try WorkerThread(name: "client") {
                    var client = ChaoticClient(gateway: gateway, seed: seed &+ UInt64(number), mistakes: mistakes)
                    for _ in 0..<Self.stepsPerClient { client.step() }
                    _ = running.increment()
                }
            }
            // Meanwhile endpoints and settings come and go.
            for round in 0..<20 where running.value < 4 {
                let finished = gateway.gateway.statistics.requests.values.reduce(0, +)
                try gateway.gateway.replace(site.changed(round).snapshot())
                _ = eventually {
                    running.value == 4 || gateway.gateway.statistics.requests.values.reduce(0, +) > finished + 50
                }
            }
            for thread in threads { thread.join() }
            // All endpoints are known again, so that their connections are looked for afterwards.
            try gateway.gateway.replace(site.snapshot())
        }
        #expect(mistakes.list.isEmpty, "seed \(seed)")
        #expect(log.count > Self.stepsPerClient)
        let known = Set(Outcome.allCases.map(\.rawValue))
        #expect(log.allSatisfy { known.contains($0.outcome) })
        #expect(log.count { $0.outcome == "forwarded" } > Self.stepsPerClient, "seed \(seed)")
        let posted = upstreams.flatMap(\.requestLines).filter { $0.hasPrefix("POST") }
        #expect(Set(posted).count == posted.count, "a POST was sent twice; seed \(seed)")
    }

    enum Kind: CaseIterable {
        case http1, http2, http1OverTLS, http2OverTLS

        private var isHTTP2: Bool { self == .http2 || self == .http2OverTLS }
        private var isOverTLS: Bool { self == .http1OverTLS || self == .http2OverTLS }

        fileprivate func start(_ authority: CertificateAuthority) throws -> any ChaoticUpstream {
            let server = try BlockingTLSServer(
                authority.issue(names: ["service.example"]), protocols: [isHTTP2 ? "h2" : "http/1.1"])
            let tls = isOverTLS ? server : nil
            return isHTTP2
                ? try HTTP2Upstream(tls: tls, script: misbehave) : try ScriptedUpstream(tls: tls, script: misbehave)
        }

        fileprivate func site(_ ports: [UInt16], _ authority: CertificateAuthority) -> Site {
            var rule = Site.Rule(path: "/", endpoints: ports, wireProtocol: isHTTP2 ? .h2c : .http1)
            rule.traffic.pool.maximumConnections = 6
            rule.traffic.timeouts.responseHeadMilliseconds = 2_000
            rule.traffic.timeouts.streamIdleMilliseconds = 2_000
            rule.traffic.outliers.baseEjectionMilliseconds = 50
            rule.traffic.retries.statuses = [503]
            if isOverTLS {
                var tls = BackendTLS(hostname: "service.example")
                tls.authorities = authority.certificatePEM
                rule.tls = tls
            }
            var site = Site(rules: [rule])
            site.limits.requestBodyBytes = 300_000
            return site
        }
    }
}

extension Site {
    /// The same, a little otherwise.
    fileprivate func changed(_ round: Int) -> Site {
        var site = self
        let all = rules[0].endpoints
        site.rules[0].endpoints = round % 3 == 0 ? all : [all[round % all.count]]
        site.rules[0].traffic.loadBalancing.algorithm =
            round % 2 == 0 ? .roundRobin : .consistentHash(.header("x-request-id"))
        site.rules[0].traffic.pool.maximumRequestsPerConnection = round % 4 == 0 ? 5 : 0
        site.rules[0].traffic.pool.maximumConnections = 2 + round % 5
        site.rules[0].traffic.loadBalancing.slowStartMilliseconds = round % 2 * 100
        return site
    }
}

private protocol ChaoticUpstream: Sendable {
    var port: UInt16 { get }
    /// Method and target of what was received whole.
    var requestLines: [String] { get }
    func stop()
}

extension ScriptedUpstream: ChaoticUpstream {
    var requestLines: [String] { requests.map(\.requestLine) }
}

extension HTTP2Upstream: ChaoticUpstream {
    /// It remembers nothing.
    var requestLines: [String] { [] }
}

/// What went to the wrong place.
private final class Mistakes: Sendable {
    private let found = Mutex<[String]>([])
    var list: [String] { found.withLock { $0 } }
    func add(_ text: String) { found.withLock { $0.append(text) } }
}

/// Does what the first part of the path says; the second part identifies the request.
@Sendable private func misbehave(_ connection: ScriptedUpstream.Connection) throws {
    while let request = try connection.request() {
        let target = request.requestLine
        switch target.split(separator: "/").dropFirst().first {
        case "close": return
        case "garbage": return try connection.send("garbage\r\n\r\n")
        case "cut": return try connection.send("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf")
        case "busy": try connection.send("HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy")
        case "extra": try connection.send(ScriptedUpstream.ok(target) + "forged")
        case "stale":
            try connection.send(ScriptedUpstream.ok(target))
            return
        case "large":
            let start = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n249f0\r\n"
            try connection.send(Array(start.utf8) + Pattern.bytes(150_000) + Array("\r\n0\r\n\r\n".utf8))
        default: try connection.send(ScriptedUpstream.ok(target + " \(request.body.count)"))
        }
    }
}

@Sendable private func misbehave(_ peer: HTTP2Peer, _ stream: RecordingStream) {
    let target = "\(stream.request.methodString) \(stream.request.targetString)"
    switch target.split(separator: "/").dropFirst().first {
    case "close":
        stream.reset(errorCode: 2)
        peer.session.drain()
    case "garbage": stream.reset(errorCode: 1)
    case "cut":
        guard stream.hasEnded else { return }
        peer.respond(200, on: stream, fields: [("content-length", "1000")], body: Array("half".utf8))
    case "stale": stream.reset(errorCode: 7)
    case "busy": peer.respond(503, on: stream, body: Array("busy".utf8))
    case "large" where stream.hasEnded: peer.respond(200, on: stream, body: Pattern.bytes(150_000))
    default:
        if stream.hasEnded { peer.respond(200, on: stream, body: Array("\(target) \(stream.body.count)".utf8)) }
    }
}

/// One client after the other, each doing a few random things.
private struct ChaoticClient {
    private static let behaviours = [
        "echo", "echo", "echo", "large", "close", "garbage", "cut", "extra", "stale", "busy",
    ]

    let gateway: GatewayUnderTest
    let mistakes: Mistakes
    private var random: SeededGenerator
    private var lastNumber: UInt64 = 0

    init(gateway: GatewayUnderTest, seed: UInt64, mistakes: Mistakes) {
        self.gateway = gateway
        self.mistakes = mistakes
        random = SeededGenerator(seed: seed)
    }

    /// What a connection that breaks throws is expected here; only wrong answers count, and waiting in vain.
    mutating func step() {
        do {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<3: try askOverHTTP1(overTLS: Bool.random(using: &random))
            case 3: try vanish()
            case 4: try upload()
            default: try askOverHTTP2()
            }
        } catch StreamFailure.timedOut {
            mistakes.add("a client waited in vain")
        } catch {
            return
        }
    }

    private mutating func nextPath() -> String {
        lastNumber = random.next()
        let behaviour = Self.behaviours.randomElement(using: &random) ?? "echo"
        return "/\(behaviour)/\(lastNumber)"
    }

    private func check(_ path: String, status: Int, body: [UInt8]) {
        guard status == 200 else {
            if ![502, 503, 504].contains(status) { mistakes.add("\(path): \(status)") }
            return
        }
        if path.hasPrefix("/large") {
            if body.count != 150_000 || !Pattern.matches(body) { mistakes.add("\(path): \(body.count) bytes") }
        } else if !String(decoding: body, as: UTF8.self).hasPrefix("GET \(path)") {
            mistakes.add("\(path): \(String(decoding: body.prefix(60), as: UTF8.self))")
        }
    }

    private mutating func askOverHTTP1(overTLS: Bool) throws {
        let client = try overTLS ? gateway.connectTLS() : gateway.connect()
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let paths = (0..<Int.random(in: 1...3, using: &random)).map { _ in nextPath() }
            for path in paths { try client.get(path) }
            for path in paths {
                let response = try client.response()
                if response.isCut { return }
                check(path, status: response.status, body: response.body)
            }
        }
    }

    private mutating func vanish() throws {
        let client = try Bool.random(using: &random) ? gateway.connectTLS() : gateway.connect()
        if Bool.random(using: &random) {
            try client.get(nextPath())
        } else {
            try client.send("POST \(nextPath()) HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\nhalf")
        }
        switch Int.random(in: 0..<3, using: &random) {
        case 0: client.socket.reset()
        case 1: client.socket.close()
        default: client.socket.shutdownSending()
        }
    }

    private mutating func upload() throws {
        let client = try gateway.connect()
        let size = Int.random(in: 0..<400_000, using: &random)
        let path = nextPath()
        try client.post(path, Pattern.bytes(size))
        let response = try client.response()
        if response.status == 413 && size <= 300_000 { mistakes.add("\(path): 413 for \(size)") }
        guard response.status == 200, path.hasPrefix("/echo"), !response.isCut else { return }
        if response.text != "POST \(path) \(size)" { mistakes.add("\(path): \(response.text.prefix(60))") }
    }

    private mutating func askOverHTTP2() throws {
        let client = try gateway.connectHTTP2()
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            var asked: [(path: String, stream: RecordingStream)] = []
            for _ in 0..<Int.random(in: 1...10, using: &random) {
                let path = nextPath()
                if let stream = client.peer.request("GET", path) { asked.append((path, stream)) }
            }
            if Bool.random(using: &random) { try client.flush() }
            for (_, stream) in asked where Int.random(in: 0..<6, using: &random) == 0 { stream.reset(errorCode: 8) }
            if Int.random(in: 0..<8, using: &random) == 0 { return client.socket.reset() }
            try client.pump { asked.allSatisfy { $0.stream.closeCode != nil } }
            for (path, stream) in asked where stream.hasEnded && stream.closeCode == 0 {
                check(path, status: stream.status, body: stream.body)
            }
        }
    }
}
