import GatewayTestSupport
import Testing

@testable import Routing

/// Why a request goes where it goes.
@Suite struct ExplanationTests {
    private func explain(_ request: Request, _ table: RouteTable) -> Explanation {
        table.explain(
            listener: request.listener, host: Array(request.host.utf8).span, path: Array(request.path.utf8).span,
            query: Array(request.query.utf8).span,
            method: Array(request.method.utf8).span
        ) { request.holds($0) }
    }

    @Test func `names the first condition that does not hold`() {
        let listeners = [
            ListenerDescription(name: "https", port: 443, transport: .https),
            ListenerDescription(name: "http", port: 80, transport: .http),
        ]
        let header = HeaderCondition(name: "x", value: "1")
        let table = table(
            listeners: listeners,
            [
                "elsewhere": entry(listener: 1), "host": entry(.exact("a.org"), .prefix("/b"), method: "PUT"),
                "path": entry(.any, .prefix("/b"), method: "PUT"), "method": entry(.any, .prefix("/a"), method: "PUT"),
                "header": entry(.any, .prefix("/a"), headers: [header]), "serves": entry(.any, .prefix("/a")),
                "later": entry(.any, .prefix("/")),
            ])
        let explanation = explain(Request(path: "/a/1"), table)
        var verdicts: [String: Explanation.Verdict] = [:]
        for (entry, verdict) in zip(table.entries, explanation.verdicts) {
            verdicts[table.rules[entry.rule].ruleName] = verdict
        }
        #expect(
            verdicts == [
                "elsewhere": .fails(.listener), "host": .fails(.hostname), "path": .fails(.path),
                "method": .fails(.method), "header": .fails(.header(header)), "serves": .serves, "later": .comesLater,
            ])
        #expect(explanation.serving.map { table.rules[table.entries[$0].rule].ruleName } == "serves")
    }

    @Test func `a host of another listener is said to be so`() {
        let listeners = ["a", "b"].map {
            ListenerDescription(name: $0, port: 443, transport: .https, hostname: .exact("\($0).org"))
        }
        let table = table(
            listeners: listeners, ["a": entry(.exact("a.org")), "b": entry(listener: 1, .exact("b.org"))])
        #expect(explain(Request(host: "b.org"), table).listener == 1)
        let nobodys = explain(Request(host: "c.org"), table)
        #expect(!nobodys.isHostServed && nobodys.serving == nil)
    }

    /// The fixed seed makes a failure the same everywhere.
    @Test func `explain says what the table does, for ten thousand pairs of table and request`() {
        var tables = RandomTables(seed: 4)
        for _ in 0..<200 {
            let table = tables.table()
            for _ in 0..<50 {
                let request = tables.request()
                let served: Int? = if case .rule(let rule) = table.decide(request) { rule.index } else { nil }
                let explanation = explain(request, table)
                let explained = explanation.serving.map { table.entries[$0].rule }
                #expect(served == explained, "\(request)")
                let count = explanation.verdicts.count { $0 == .serves }
                #expect(count == (served == nil ? 0 : 1), "\(request)")
            }
        }
    }
}

/// Tables and requests that often meet, from few hosts, elements, methods and fields.
struct RandomTables {
    private static let hosts = ["a.example.com", "b.example.com", "x.a.example.com", "example.com", "other.org"]
    private static let elements = ["", "a", "b", "ab", "c"]
    private static let methods = ["GET", "HEAD", "POST"]
    private static let hostnames: [Hostname] = [
        .any, .exact("a.example.com"), .exact("example.com"), .wildcard(suffix: ".example.com"),
        .wildcard(suffix: ".a.example.com"), .wildcard(suffix: ".com"),
    ]

    private var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    /// Listeners on one port or on two, and up to thirty rules with an entry each.
    mutating func table() -> RouteTable {
        let isShared = Bool.random(using: &generator)
        let listeners = (0..<2).map { number in
            ListenerDescription(
                name: "l\(number)", port: isShared ? 443 : 443 + UInt16(number), transport: .https,
                hostname: isShared && number == 1 ? .wildcard(suffix: ".a.example.com") : .any)
        }
        let backend = Backend(index: 0, name: "b", wireProtocol: .http1, endpoints: [])
        var entries: [RouteEntry] = []
        var rules: [RouteRule] = []
        for index in 0..<Int.random(in: 1...30, using: &generator) {
            let listener = Int.random(in: 0...1, using: &generator)
            let hostname = Self.hostnames.randomElement(using: &generator) ?? .any
            guard let common = hostname.intersection(listeners[listener].hostname) else { continue }
            entries.append(entry(listener, common, rule: rules.count))
            rules.append(
                RouteRule(
                    index: rules.count, routeName: "r\(index % 3)", ruleName: "\(index)",
                    backends: [WeightedBackend(backend: backend)]))
        }
        return RouteTable(listeners: listeners, backends: [backend], rules: rules, entries: entries)
    }

    mutating func request() -> Request {
        var request = Request(listener: Int.random(in: 0...1, using: &generator))
        request.host = Self.hosts.randomElement(using: &generator) ?? ""
        request.path = path()
        request.method = Self.methods.randomElement(using: &generator) ?? ""
        request.query = ["", "q=1", "q=2&q=1", "x=1&q=1"].randomElement(using: &generator) ?? ""
        if Bool.random(using: &generator) { request.headers["x"] = "1" }
        if Bool.random(using: &generator) { request.headers["y"] = "2" }
        return request
    }

    private mutating func entry(_ listener: Int, _ hostname: Hostname, rule: Int) -> RouteEntry {
        let path = path()
        let conditions = [HeaderCondition(name: "x", value: "1"), HeaderCondition(name: "y", value: "2")]
        let query = [QueryCondition(name: "q", value: .exact(Array("1".utf8)))]
        let pattern = ["/a.*", "/[ab]", ".*/c", "/a/b?"].randomElement(using: &generator) ?? ""
        let expression = (try? RegularExpression(pattern)).map { PathCondition.regularExpression($0) }
        let paths: [PathCondition] = [.exact(path), .prefix(path), expression ?? .prefix("/")]
        return RouteEntry(
            listener: listener, hostname: hostname,
            path: paths.randomElement(using: &generator) ?? .prefix(path),
            method: Bool.random(using: &generator) ? Self.methods.randomElement(using: &generator) : nil,
            headers: Array(conditions.prefix(Int.random(in: 0...2, using: &generator))),
            queryParameters: Array(query.prefix(Int.random(in: 0...1, using: &generator))), rule: rule,
            createdSeconds: Bool.random(using: &generator) ? Int64.random(in: 0...2, using: &generator) : nil)
    }

    private mutating func path() -> String {
        let depth = Int.random(in: 0...3, using: &generator)
        var elements: [String] = []
        for _ in 0..<depth { elements.append(Self.elements.randomElement(using: &generator) ?? "") }
        return "/" + elements.joined(separator: "/")
    }
}
