import Testing

@testable import Routing

/// The compiled index against the plainest possible reading of the rules: try every entry in order of precedence.
@Suite struct MatchingPropertyTests {
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        /// SplitMix64.
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
            return mixed ^ (mixed >> 31)
        }
    }

    private static let hosts = ["a.example.com", "b.example.com", "x.a.example.com", "example.com", "other.org"]
    private static let elements = ["", "a", "b", "ab", "c"]
    private static let methods = ["GET", "HEAD", "POST"]

    private func path(_ generator: inout Generator) -> String {
        let depth = Int.random(in: 0...3, using: &generator)
        return "/"
            + (0..<depth).map { _ in Self.elements.randomElement(using: &generator) ?? "" }.joined(separator: "/")
    }

    private func randomEntry(_ generator: inout Generator) -> RouteEntry {
        let hostnames: [Hostname] = [
            .any, .exact("a.example.com"), .exact("example.com"), .wildcard(suffix: ".example.com"),
            .wildcard(suffix: ".a.example.com"), .wildcard(suffix: ".com"),
        ]
        let path = path(&generator)
        let conditions = [HeaderCondition(name: "x", value: "1"), HeaderCondition(name: "y", value: "2")]
        let query = [QueryCondition(name: "q", value: .exact(Array("1".utf8)))]
        let pattern = ["/a.*", "/[ab]", ".*/c", "/a/b?"].randomElement(using: &generator) ?? ""
        let paths: [PathCondition] = [
            .exact(path), .prefix(path),
            (try? RegularExpression(pattern)).map { .regularExpression($0) } ?? .prefix("/"),
        ]
        return entry(
            listener: Int.random(in: 0...1, using: &generator),
            hostnames.randomElement(using: &generator) ?? .any,
            paths.randomElement(using: &generator) ?? .prefix("/"),
            method: Bool.random(using: &generator) ? Self.methods.randomElement(using: &generator) : nil,
            headers: Array(conditions.prefix(Int.random(in: 0...2, using: &generator))),
            query: Array(query.prefix(Int.random(in: 0...1, using: &generator))),
            created: Bool.random(using: &generator) ? Int64.random(in: 0...2, using: &generator) : nil)
    }

    private func holds(_ entry: RouteEntry, _ request: Request) -> Bool {
        guard entry.listener == request.listener, entry.hostname.covers(Array(request.host.utf8).span),
            entry.method == nil || entry.method == request.method,
            entry.headers.allSatisfy(request.holds), entry.queryParameters.allSatisfy({ holds($0, request) })
        else { return false }
        switch entry.path {
        case .regularExpression(let expression): return expression.matches(Array(request.path.utf8).span)
        case .exact(let path): return path == request.path
        case .prefix(let prefix):
            let trimmed = String(prefix.reversed().drop { $0 == "/" }.reversed())
            return request.path == trimmed || request.path.hasPrefix(trimmed + "/")
        }
    }

    private func holds(_ condition: QueryCondition, _ request: Request) -> Bool {
        request.query.split(separator: "&").first { $0.hasPrefix("\(condition.name)=") }
            .map { $0 == "\(condition.name)=\(condition.value)" } ?? false
    }

    @Test func `the index answers as a scan of all entries does`() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = Generator(state: seed)
        let listeners = (0..<2).map { ListenerDescription(name: "l\($0)", port: 443 + $0, transport: .https) }
        let backend = Backend(index: 0, name: "b", wireProtocol: .http1, endpoints: [])
        for _ in 0..<200 {
            var entries: [RouteEntry] = []
            var rules: [RouteRule] = []
            for index in 0..<Int.random(in: 1...30, using: &generator) {
                var entry = randomEntry(&generator)
                entry.rule = index
                entries.append(entry)
                rules.append(
                    RouteRule(
                        index: index, routeName: "r\(index % 3)", ruleName: "\(index)",
                        backends: [WeightedBackend(backend: backend)]))
            }
            let table = RouteTable(listeners: listeners, backends: [backend], rules: rules, entries: entries)
            for _ in 0..<50 {
                var request = Request(listener: Int.random(in: 0...1, using: &generator))
                request.host = Self.hosts.randomElement(using: &generator) ?? ""
                request.path = path(&generator)
                request.method = Self.methods.randomElement(using: &generator) ?? ""
                request.query = ["", "q=1", "q=2&q=1", "x=1&q=1"].randomElement(using: &generator) ?? ""
                if Bool.random(using: &generator) { request.headers["x"] = "1" }
                if Bool.random(using: &generator) { request.headers["y"] = "2" }
                // Candidates of one host and path kind and length are told apart by precedence; the scan uses the
                // table's own order, so this tests the index, and PrecedenceTests tests the order.
                let scanned = table.entries.first { holds($0, request) }.map { table.rules[$0.rule].ruleName }
                #expect(table.rule(request) == scanned, "seed \(seed), \(request)")
            }
        }
    }

    @Test(.timeLimit(.minutes(1))) func `ten thousand routes compile and are found`() {
        let count = 10_000
        let backend = Backend(index: 0, name: "b", wireProtocol: .http1, endpoints: [])
        let rules = (0..<count).map {
            RouteRule(
                index: $0, routeName: "r\($0)", ruleName: "\($0)", backends: [WeightedBackend(backend: backend)])
        }
        let entries = (0..<count).map {
            RouteEntry(hostname: .exact("h\($0 % 100).example.com"), path: .prefix("/p\($0)/items"), rule: $0)
        }
        let listener = ListenerDescription(name: "https", port: 443, transport: .https)
        let table = RouteTable(listeners: [listener], backends: [backend], rules: rules, entries: entries)
        for index in stride(from: 0, to: count, by: 97) {
            let request = Request(host: "h\(index % 100).example.com", path: "/p\(index)/items/1")
            #expect(table.rule(request) == "\(index)")
        }
    }
}
