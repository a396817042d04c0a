import GatewayTestSupport
import Proxy
import Testing

@testable import Routing

/// What `gatehouse explain` says is what happens: ten thousand requests over sockets, each also put to `RequestProbe`.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ExplainServingTests {
    /// A rule says who it is by the host that it redirects to. No paths, methods and fields are too many: they must meet.
    private struct Generator {
        static let hosts = ["a.example.com", "b.example.com", "x.a.example.com", "example.com", "other.org"]
        static let elements = ["a", "b", "ab", "a%20b", "%C3%A9"]
        static let methods = ["GET", "POST", "PUT"]
        static let hostnames: [Hostname] = [
            .any, .exact("a.example.com"), .exact("example.com"), .wildcard(suffix: ".example.com"),
            .wildcard(suffix: ".a.example.com"),
        ]

        var random: SeededGenerator

        mutating func pick<T>(_ values: [T]) -> T { values[Int.random(in: values.indices, using: &random)] }
        mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

        mutating func path() -> String {
            let elements = (0..<Int.random(in: 0...3, using: &random)).map { _ in pick(Self.elements) }
            return "/" + elements.joined(separator: "/")
        }

        mutating func condition() throws -> PathCondition {
            switch Int.random(in: 0..<5, using: &random) {
            case 0: .regularExpression(try RegularExpression(pick(["/a.*", "/(a|b)/?", "/[^/]+/b", "/.*%20b"])))
            case 1...2: .exact(path())
            default: .prefix(path())
            }
        }

        mutating func query() throws -> [QueryCondition] {
            guard chance(30) else { return [] }
            let value = chance(50) ? ValueCondition.exact(Array("1 2".utf8)) : .regularExpression(try .init("[0-9 ]+"))
            return [QueryCondition(name: "q", value: value)]
        }

        mutating func table(isShared: Bool) throws -> RouteTable {
            let listeners = [
                ListenerDescription(name: "one", port: 80, transport: .http),
                ListenerDescription(
                    name: "two", port: isShared ? 80 : 81, transport: .http,
                    hostname: isShared ? .wildcard(suffix: ".a.example.com") : .any),
            ]
            var rules: [RouteRule] = []
            var entries: [RouteEntry] = []
            for number in 0..<Int.random(in: 1...20, using: &random) {
                let listener = Int.random(in: 0...1, using: &random)
                guard let hostname = pick(Self.hostnames).intersection(listeners[listener].hostname) else { continue }
                let conditions = [HeaderCondition(name: "x", value: "1"), HeaderCondition(name: "y", value: "2")]
                entries.append(
                    RouteEntry(
                        listener: listener, hostname: hostname, path: try condition(),
                        method: chance(40) ? pick(Self.methods) : nil,
                        headers: Array(conditions.prefix(Int.random(in: 0...2, using: &random))),
                        queryParameters: try query(), rule: rules.count,
                        createdSeconds: chance(50) ? Int64.random(in: 0...2, using: &random) : nil))
                rules.append(
                    RouteRule(
                        index: rules.count, routeName: "r\(number % 3)", ruleName: "\(number)",
                        redirect: Redirect(scheme: "https", hostname: "rule-\(rules.count).example")))
            }
            return RouteTable(listeners: listeners, rules: rules, entries: entries)
        }

        /// Most are good; some are what a canonical form has to be found for, and some what has none.
        mutating func request() -> String {
            var host = pick(Self.hosts)
            if chance(10) { host = host.uppercased() }
            if chance(5) { host += "." }
            if chance(20) { host += ":8080" }
            if chance(2) { host = pick(["a_b..c", "1.2.3", "user@example.com", "[::1]"]) }
            var target = path()
            if chance(40) { target += pick(["?q=1", "?q=1+2", "?a&q=1%202&q=3", "?q=x"]) }
            if chance(20) { target += pick(["/", "?q=1", "/../a", "//", "/%61", "/%2e%2e", "/a%2Fb", "/[b]", "/%zz"]) }
            if chance(3) { target = "http://\(host)\(target)" }
            var lines = ["\(chance(3) ? "get" : pick(Self.methods)) \(target) HTTP/1.1", "host: \(host)"]
            if chance(60) { lines.append("\(chance(50) ? "x" : "X"): \(chance(80) ? "1" : "2")") }
            if chance(40) { lines.append("y: 2") }
            if chance(5) { lines.append("x: 1") }
            return lines.joined(separator: "\r\n") + "\r\n\r\n"
        }
    }

    /// A connection that is opened anew when the gateway has closed it.
    private final class Asker {
        private let port: UInt16
        private var connection: (socket: BlockingSocket, reader: MessageReader)?

        init(port: UInt16) { self.port = port }

        func ask(_ text: String) throws -> String {
            if connection == nil {
                let socket = try BlockingSocket(connectingTo: port, deadlineSeconds: 60)
                connection = (socket, MessageReader(socket))
            }
            guard let (socket, reader) = connection else { return "" }
            try socket.send(Array(text.utf8))
            let response = try reader.response()
            if response["connection"] == "close" {
                socket.close()
                connection = nil
            }
            let rule = response["location"].map { $0.dropFirst("https://".count).prefix { $0 != "." } }
            return "\(response.status)\(rule.map { " \($0)" } ?? "")"
        }

        func close() { connection?.socket.close() }
    }

    private func explained(_ text: String, _ table: RouteTable, _ listener: Int) -> String {
        let probe = RequestProbe(Array(text.utf8), in: table, listener: listener)
        switch probe.answer {
        case .malformed, .ambiguousTarget: return "400"
        case .methodNotServed: return "501"
        case .decided(.notFound, let explanation):
            #expect(explanation.serving == nil)
            return "404"
        case .decided(.misdirected, _): return "421"
        case .decided(.rule(let rule), let explanation):
            #expect(explanation.serving.map { table.entries[$0].rule } == rule.index)
            return "302 rule-\(rule.index)"
        }
    }

    /// The fixed seed makes a failure the same everywhere.
    @Test func `explain says what ten thousand requests meet`() async throws {
        var generator = Generator(random: SeededGenerator(seed: 4))
        for round in 0..<100 {
            let isShared = round % 2 == 0
            let table = try generator.table(isShared: isShared)
            let listeners = table.listeners.prefix(isShared ? 1 : 2).enumerated().map { index, description in
                Listener(index: index, name: description.name, address: "127.0.0.1", port: 0, tls: nil)
            }
            let snapshot = try Snapshot(
                routes: table, listeners: listeners, limits: Limits(), verifier: ScriptedVerifier())
            let log = try AccessLog(path: "off")
            let gateway = try Gateway(snapshot: snapshot, workers: 1, accessLog: log)
            try gateway.start()
            let askers = try listeners.map { Asker(port: try #require(gateway.ports[$0.name])) }
            for _ in 0..<100 {
                let text = generator.request()
                let listener = generator.pick(Array(listeners.indices))
                let served = try askers[listener].ask(text)
                let explained = explained(text, table, listener)
                #expect(served == explained, "\(text)")
            }
            for asker in askers { asker.close() }
            await gateway.drain(deadlineSeconds: 10)
            log.close()
        }
    }
}
