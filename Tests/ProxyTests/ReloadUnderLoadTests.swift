import GatewayTestSupport
import Proxy
import Reactor
import Routing
import Synchronization
import Testing
import Wire

/// Configurations are replaced while requests are under way: none is lost, and no tunnel ends.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ReloadUnderLoadTests {
    /// What the clients saw, all of them together.
    private final class Tally: Sendable {
        private struct State {
            var answers = 0
            var failures: [String] = []
            var isOver = false
        }

        private let state = Mutex(State())

        var isOver: Bool { state.withLock { $0.isOver } }
        var answers: Int { state.withLock { $0.answers } }
        var failures: [String] { state.withLock { $0.failures } }

        func end() { state.withLock { $0.isOver = true } }

        func record(_ isGood: Bool, _ text: @autoclosure () -> String) {
            let problem = isGood ? nil : text()
            state.withLock { state in
                state.answers += 1
                if let problem, state.failures.count < 20 { state.failures.append(problem) }
            }
        }
    }

    /// Sends one request after the other on a thread of its own, until the load is over or one fails.
    private static func load(
        _ name: String, _ tally: Tally, _ ask: @escaping @Sendable (_ number: Int) throws -> (Bool, String)
    ) throws -> WorkerThread {
        try WorkerThread(name: name) {
            var number = 0
            while !tally.isOver {
                do {
                    let (isGood, text) = try ask(number)
                    tally.record(isGood, "\(name) \(number): \(text)")
                    if !isGood { return }
                } catch {
                    return tally.record(false, "\(name) \(number): \(error)")
                }
                number += 1
            }
        }
    }

    // Sendable: made for one thread and used there.
    private struct Confined<Value>: @unchecked Sendable {
        let value: Value
    }

    private static func echo() throws -> ScriptedUpstream {
        try ScriptedUpstream { connection in
            while let request = try connection.request() {
                guard let name = request["upgrade"] else {
                    let body = request.body
                    try connection.send(
                        "HTTP/1.1 200 OK\r\ncontent-length: \(body.count)\r\nx-line: \(request.requestLine)\r\n\r\n")
                    try connection.send(body)
                    continue
                }
                try connection.send(
                    "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: \(name)\r\n\r\n")
                while true {
                    let bytes = try connection.reader.take(upTo: 65_536)
                    if bytes.isEmpty { return }
                    try connection.send(bytes)
                }
            }
        }
    }

    /// Each configuration is another: its endpoints, its rules, and a path that tells which one it is.
    private static func site(_ number: Int, _ endpoints: [[UInt16]]) -> Site {
        var site = Site(rules: [Site.Rule(path: "/load", endpoints: endpoints[number % endpoints.count])])
        site.rules.append(Site.Rule(path: "/is/\(number)", endpoints: endpoints[0]))
        for extra in 0..<number % 5 { site.rules.append(Site.Rule(path: "/more/\(extra)", endpoints: endpoints[0])) }
        return site
    }

    @Test(arguments: [1, 2])
    func `thirty reloads under load lose no GET, no POST and no WebSocket`(workers: Int) async throws {
        let first = try Self.echo()
        defer { first.stop() }
        let second = try Self.echo()
        defer { second.stop() }
        let endpoints = [[first.port], [first.port, second.port], [second.port]]
        let tally = Tally()
        try await withGateway(Self.site(0, endpoints), workers: workers) { gateway in
            let threads = try Self.clients(gateway, tally)
            defer {
                tally.end()
                for thread in threads { thread.join() }
            }
            let watcher = try gateway.connect()
            for number in 1...30 {
                let before = tally.answers
                try gateway.gateway.replace(Self.site(number, endpoints).snapshot())
                #expect(watcher.eventuallyGets("/is/\(number)") { $0.status == 200 })
                // Some requests of every kind go by before the next one.
                #expect(eventually { tally.answers >= before + 20 || !tally.failures.isEmpty })
                if !tally.failures.isEmpty { break }
            }
        }
        #expect(tally.failures == [])
        #expect(tally.answers >= 600)
    }

    private static func clients(_ gateway: GatewayUnderTest, _ tally: Tally) throws -> [WorkerThread] {
        var threads: [WorkerThread] = []
        for number in 0..<2 {
            let client = Confined(value: try gateway.connect(deadlineSeconds: 60))
            threads.append(
                try load("GET \(number)", tally) { request in
                    try client.value.get("/load/\(request)")
                    let answer = try client.value.response()
                    let isOwn = answer["x-line"] == "GET /load/\(request)"
                    return (answer.status == 200 && isOwn, "\(answer.status) \(answer.text)")
                })
        }
        let poster = Confined(value: try gateway.connect(deadlineSeconds: 60))
        threads.append(
            try load("POST", tally) { request in
                let body = Pattern.bytes(20_000, from: request)
                try poster.value.post("/load/\(request)", body)
                let answer = try poster.value.response()
                return (answer.status == 200 && answer.body == body, "\(answer.status) \(answer.body.count) bytes")
            })
        let newcomer = Confined(value: gateway)
        threads.append(
            try load("new connections", tally) { _ in
                let client = try newcomer.value.connect(deadlineSeconds: 60)
                try client.get("/load/new")
                let answer = try client.response()
                return (answer.status == 200, "\(answer.status) \(answer.text)")
            })
        let multiplexed = Confined(value: try gateway.connectHTTP2(deadlineSeconds: 60))
        threads.append(
            try load("HTTP/2", tally) { request in
                let body = Pattern.bytes(5_000, from: request)
                let answer = try multiplexed.value.post("/load/\(request)", body)
                return (answer.status == 200 && answer.body == body, "\(answer.status) \(answer.text.prefix(200))")
            })
        threads.append(try tunnel(gateway, tally))
        return threads
    }

    /// One tunnel for all of the time.
    private static func tunnel(_ gateway: GatewayUnderTest, _ tally: Tally) throws -> WorkerThread {
        let client = Confined(value: try gateway.connect(deadlineSeconds: 60))
        try client.value.get("/load/chat", fields: ["connection: Upgrade", "upgrade: echo"])
        let status = try client.value.reader.responseHead().status
        #expect(status == 101)
        return try load("tunnel", tally) { number in
            let sent = Pattern.bytes(3_000, from: number)
            try client.value.stream.send(sent)
            let got = try client.value.reader.take(count: sent.count)
            return (got == sent, "other bytes came back")
        }
    }
}
