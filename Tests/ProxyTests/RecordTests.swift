import Foundation
import GatewayTestSupport
import Testing
import Wire

@testable import Proxy

@Suite struct LogTextTests {
    private func line(_ write: (inout ByteWriter) -> Void) -> String {
        var bytes: [UInt8] = []
        bytes.append(reserving: 4096, write)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(arguments: [0, 9, 10, 99, 100, 12_345, 9_999_999_999, UInt64.max])
    func `numbers`(number: UInt64) {
        #expect(line { $0.append(decimal: number) } == String(number))
        let digits = String(number, radix: 16)
        #expect(line { $0.append(hexadecimal: number) } == String(repeating: "0", count: 16 - digits.count) + digits)
    }

    @Test(arguments: [
        "", "plain /path?", "quote\" and \\", "line\nend", "ä", "\u{7f}", String(repeating: "x", count: 600),
    ])
    func `strings are those of the simple writer, and JSON`(text: String) throws {
        var simple: [UInt8] = []
        simple.append(jsonString: text)
        let written = line { $0.append(jsonString: Array(text.utf8).span) }
        #expect(written == String(decoding: simple, as: UTF8.self))
        #expect(throws: Never.self) { try JSONDecoder().decode(String.self, from: Data(written.utf8)) }
    }

    @Test func `each byte is escaped at each place as by the simple writer`() {
        for byte in UInt8.min...UInt8.max {
            for place in 0..<20 {
                var text = Array("abcdefghijklmnopqrst".utf8)
                text[place] = byte
                var simple: [UInt8] = []
                simple.append(jsonString: text)
                let written = line { $0.append(jsonString: text.span) }
                #expect(written == String(decoding: simple, as: UTF8.self))
            }
        }
    }

    @Test(arguments: [0, 999, 1_000, 1_700_000_000_123, -1, -1_000, 253_402_300_799_999] as [Int64])
    func `times are those of the simple writer`(milliseconds: Int64) {
        var clock = LogClock()
        // Twice: the second comes from what was kept.
        for time in [milliseconds, milliseconds] {
            var simple: [UInt8] = []
            simple.append(timestamp: time)
            #expect(line { clock.write(time, into: &$0) } == String(decoding: simple, as: UTF8.self))
        }
    }
}

@Suite struct TrafficCountersTests {
    @Test func `outcomes are counted by their place`() {
        #expect(Outcome.allCases.map(\.index) == Array(0..<Outcome.allCases.count))
        #expect(Outcome.allCases.count <= 64, "make room in the arrays of counters")
    }

    @Test func `a duration falls into the first bucket that holds it`() {
        for (index, bound) in TrafficCounters.bounds.enumerated() {
            for (microseconds, bucket) in [(bound, index), (bound + 1, index + 1)] {
                let counters = TrafficCounters(.backend("b"))
                counters.finished(.forwarded, status: 200, microseconds: microseconds)
                var total = TrafficStatistics()
                counters.add(to: &total)
                #expect(total.durations.firstIndex(of: 1) == bucket)
                #expect(total.totalMicroseconds == microseconds)
                #expect(total.outcomes == [.forwarded: 1])
                #expect(total.statuses == [0, 0, 1, 0, 0, 0])
            }
        }
    }

    @Test func `a name keeps its counters, and names beyond the limit share some`() {
        let counters = WorkerCounters()
        let first = counters.counters(of: .backend("b"))
        #expect(counters.counters(of: .backend("b")) === first)
        for number in 0..<WorkerCounters.subjectLimit { _ = counters.counters(of: .backend("\(number)")) }
        let late = counters.counters(of: .rule(route: "late", rule: "0"))
        #expect(late.subject == .others)
        #expect(counters.counters(of: .backend("later")) === late)
        #expect(counters.counters(of: .backend("b")) === first)
    }
}

@Suite(.timeLimit(.minutes(2))) struct RecordTests {
    @Test func `a line tells backend, endpoint, phases and versions`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let site = Site(rules: [.init(path: "/", endpoints: [upstream.port])])
        let log = try await withGateway(site) { gateway in
            let client = try gateway.connectTLS()
            try client.get("/a", fields: ["user-agent: \"curl\" \(String(repeating: "x", count: 400))"])
            #expect(try client.response().status == 200)
            #expect(eventually { gateway.count(.forwarded) == 1 })
            let statistics = gateway.gateway.statistics
            let rule = try #require(statistics.traffic[.rule(route: "default/route0", rule: "0")])
            #expect(rule.outcomes == [.forwarded: 1])
            #expect(rule.durations.reduce(0, +) == 1)
            let backend = try #require(statistics.traffic[.backend("default/backend0:80")])
            #expect(backend.statuses == [0, 0, 1, 0, 0, 0])
            #expect(statistics.listeners["https"]?.connectionsAccepted == 1)
            #expect(statistics.listeners["https"]?.connectionsOpen == 1)
            #expect(statistics.listeners["http"]?.connectionsAccepted == 0)
            #expect(statistics.handshakes == 1 && statistics.handshakesResumed == 0)
            #expect(statistics.loops.turns.reduce(0, +) > 0 && statistics.loops.busyMicroseconds > 0)
        }
        let line = try #require(log.first)
        #expect(line.listener == "https")
        #expect(line.route == "default/route0")
        #expect(line.backend == "default/backend0:80")
        #expect(line.endpoint == "127.0.0.1:\(upstream.port)")
        #expect(line.upstreamHTTP == "1.1")
        #expect(line.attempts == 1 && line.retries == 0)
        #expect(line.userAgent?.hasPrefix("\"curl\" xxx") == true)
        #expect(line.userAgent?.utf8.count == 256)
        let parts = try [line.prepare, line.queue, line.connect, line.upstream].map { try #require($0) }
        #expect(try #require(line.duration) >= parts[0] + parts[3])
        #expect(parts[3] >= parts[1] + parts[2])
    }

    @Test func `what no backend answered has no backend in its line`() async throws {
        let log = try await withGateway(Site(rules: [])) { gateway in
            let answer = try gateway.get("/")
            #expect(answer.status == 404)
        }
        let line = try #require(log.first)
        #expect(line.backend == nil && line.route == nil && line.upstream == nil && line.attempts == nil)
        #expect(line.traceID?.utf8.count == 32)
    }

    @Test func `without an access log requests are served and counted`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let snapshot = try Site(rules: [.init(path: "/", endpoints: [upstream.port])]).snapshot()
        let log = try AccessLog(path: "off")
        let gateway = try Gateway(snapshot: snapshot, workers: 1, accessLog: log)
        try gateway.start()
        let socket = try BlockingSocket(connectingTo: try #require(gateway.ports["http"]))
        let client = Client(socket: socket, stream: socket)
        try client.get("/")
        #expect(try client.response().status == 200)
        #expect(eventually { gateway.statistics.requests[.forwarded] == 1 })
        socket.close()
        await gateway.drain(deadlineSeconds: 5)
    }
}
