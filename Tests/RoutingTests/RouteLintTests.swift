import Testing

@testable import Routing

/// What is valid and probably not meant.
@Suite struct RouteLintTests {
    private func lint(_ table: RouteTable) -> [String] {
        table.lint().filter { $0.check != .unauthenticated }
            .map { "\($0.check.rawValue) \(table.rules[$0.rule].ruleName): \($0.message) [\($0.witness)]" }
    }

    @Test func `of two routes with the same match one is told to go`() {
        let found = lint(
            table([
                "one/1": entry(.any, .prefix("/a"), method: "GET", created: 1),
                "two/2": entry(.any, .prefix("/a/"), method: "GET", created: 2),
            ]))
        #expect(found.count == 1)
        #expect(found.first?.contains("ambiguous-route 2: one has the match GET, path /a") == true, "\(found)")
        #expect(found.first?.contains("it is older") == true)
        #expect(found.first?.contains("[GET https://localhost/a]") == true)
    }

    @Test func `a match that its own route has before is shadowed`() {
        let found = lint(table(["one/1": entry(.any, .exact("/a")), "one/2": entry(.any, .exact("/a"))]))
        #expect(found.count == 1 && found.first?.hasPrefix("shadowed-route 2: no request reaches") == true, "\(found)")
    }

    @Test func `a host that a narrower listener of the port takes cannot be reached`() {
        let listeners = [
            ListenerDescription(name: "all", port: 443, transport: .https),
            ListenerDescription(name: "a", port: 443, transport: .https, hostname: .exact("a.org")),
        ]
        let found = lint(table(listeners: listeners, ["one/1": entry(.exact("a.org"), .prefix("/x"))]))
        #expect(found.count == 1 && found.first?.hasPrefix("unreachable-route 1") == true, "\(found)")
    }

    @Test func `headers that can come together are ambiguous, and those that exclude each other are not`() {
        let x = HeaderCondition(name: "x", value: "1")
        let y = HeaderCondition(name: "y", value: "1")
        let found = lint(table(["one/1": entry(headers: [x]), "two/2": entry(headers: [y])]))
        #expect(found.count == 1)
        #expect(found.first?.hasSuffix("['GET https://localhost/' -H 'x: 1' -H 'y: 1']") == true, "\(found)")
        let other = HeaderCondition(name: "x", value: "2")
        #expect(lint(table(["one/1": entry(headers: [x]), "two/2": entry(headers: [other])])).isEmpty)
    }

    @Test func `what more specific routes leave over is found`() {
        // GET and the path itself are taken; other methods are left.
        let found = lint(
            table([
                "one/all": entry(.any, .prefix("/a")), "two/exact": entry(.any, .exact("/a")),
                "three/get": entry(.any, .prefix("/a"), method: "GET"),
            ]))
        #expect(found.isEmpty)
    }

    @Test func `a backend without authentication is told with a request that reaches it`() {
        let open = table(["one/1": entry(.wildcard(suffix: ".org"), .prefix("/a"), method: "POST")])
        let found = open.lint()
        #expect(found.map(\.check) == [.unauthenticated])
        #expect(found.first?.witness.description == "POST https://www.org/a")
    }

    @Test func `a decision for anonymous callers is none to warn about`() {
        let backend = Backend(index: 0, name: "b", wireProtocol: .http1, endpoints: [])
        let rule = RouteRule(
            index: 0, routeName: "r", ruleName: "0", backends: [WeightedBackend(backend: backend)],
            authentication: AuthenticationRule(provider: 0, anonymousAllowed: true))
        let listener = ListenerDescription(name: "http", port: 80, transport: .http)
        let table = RouteTable(
            listeners: [listener], backends: [backend], rules: [rule], entries: [RouteEntry(rule: 0)])
        #expect(table.lint().isEmpty)
    }

    @Test func `every witness is served by its rule, in random tables`() {
        var tables = RandomTables(seed: 7)
        for _ in 0..<100 {
            let table = tables.table()
            for entry in table.entries {
                guard let witness = table.witness(of: entry) else { continue }
                guard case .rule(let rule) = table.decision(on: witness) else {
                    Issue.record("nothing serves \(witness)")
                    continue
                }
                #expect(rule.index == entry.rule)
            }
        }
    }
}
