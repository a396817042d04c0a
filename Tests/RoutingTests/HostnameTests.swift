import Routing
import Testing

@Suite struct HostnameTests {
    private func covers(_ hostname: Hostname, _ host: String) -> Bool {
        hostname.covers(Array(host.utf8).span)
    }

    @Test func `a wildcard stands for one or more whole labels`() {
        let wildcard = Hostname.wildcard(suffix: ".example.com")
        #expect(covers(wildcard, "a.example.com"))
        #expect(covers(wildcard, "a.b.example.com"))
        #expect(!covers(wildcard, "example.com"))
        #expect(!covers(wildcard, ".example.com"))
        #expect(!covers(wildcard, "aexample.com"))
        #expect(!covers(wildcard, "a.example.com.evil"))
        #expect(!covers(wildcard, ""))
    }

    @Test func `an exact name covers itself alone`() {
        #expect(covers(.exact("a.example.com"), "a.example.com"))
        #expect(!covers(.exact("a.example.com"), "b.a.example.com"))
        #expect(!covers(.exact("a.example.com"), "a.example.co"))
    }

    private static let pairs: [(Hostname, Hostname, Hostname?)] = [
        (.any, .exact("a.b"), .exact("a.b")),
        (.wildcard(suffix: ".b"), .exact("a.b"), .exact("a.b")),
        (.wildcard(suffix: ".b"), .exact("b"), nil),
        (.wildcard(suffix: ".b"), .wildcard(suffix: ".a.b"), .wildcard(suffix: ".a.b")),
        (.wildcard(suffix: ".b"), .wildcard(suffix: ".c"), nil),
        (.exact("a.b"), .exact("a.c"), nil),
        (.any, .any, .any),
    ]

    @Test(arguments: pairs)
    func `what two names have in common is the narrower one`(left: Hostname, right: Hostname, common: Hostname?) {
        #expect(left.intersection(right) == common)
        #expect(right.intersection(left) == common)
    }

    @Test func `wildcards are looked up from the longest suffix`() {
        let table = table([
            "com": entry(.wildcard(suffix: ".com")), "example": entry(.wildcard(suffix: ".example.com")),
        ])
        #expect(table.rule(Request(host: "x.y.example.com")) == "example")
        #expect(table.rule(Request(host: "example.com")) == "com")
        #expect(table.rule(Request(host: "com")) == nil)
        #expect(table.rule(Request(host: "example.org")) == nil)
    }

    @Test func `a host longer than a name can be is not found`() {
        let table = table(["rule": entry()])
        #expect(table.rule(Request(host: String(repeating: "a", count: 253))) == "rule")
        #expect(table.rule(Request(host: String(repeating: "a", count: 254))) == nil)
    }
}

@Suite struct ListenerTests {
    private let listeners = [
        ListenerDescription(name: "a", port: 443, transport: .https, hostname: .exact("a.example.com")),
        ListenerDescription(name: "b", port: 444, transport: .https, hostname: .exact("b.example.com")),
        ListenerDescription(name: "c", port: 80, transport: .http, hostname: .exact("c.example.com")),
    ]

    private func decide(_ listener: Int, _ host: String) -> String {
        let table = table(listeners: listeners, ["rule": entry(listener: 0)])
        return switch table.decide(Request(listener: listener, host: host)) {
        case .rule(let rule): rule.ruleName
        case .notFound: "notFound"
        case .misdirected: "misdirected"
        }
    }

    @Test func `entries belong to their listener`() {
        #expect(decide(0, "a.example.com") == "rule")
        #expect(decide(1, "b.example.com") == "notFound")
    }

    @Test func `a host of another https listener is misdirected`() {
        #expect(decide(0, "b.example.com") == "misdirected")
        #expect(decide(1, "a.example.com") == "misdirected")
    }

    @Test(arguments: [
        ("a.example.com", "exact"), ("b.example.com", "wildcard"), ("x.a.example.com", "wildcard"), ("other", "any"),
    ])
    func `of the listeners of one port the narrowest that covers the host answers`(host: String, rule: String) {
        let sharing = [
            ListenerDescription(name: "any", port: 443, transport: .https),
            ListenerDescription(
                name: "wildcard", port: 443, transport: .https, hostname: .wildcard(suffix: ".example.com")),
            ListenerDescription(name: "exact", port: 443, transport: .https, hostname: .exact("a.example.com")),
            ListenerDescription(name: "elsewhere", port: 444, transport: .https, hostname: .exact("c.example.com")),
        ]
        let table = table(
            listeners: sharing,
            [
                "any": entry(listener: 0), "wildcard": entry(listener: 1),
                "exact": entry(listener: 2, .any, .prefix("/")),
            ])
        for arrived in 0..<3 { #expect(table.rule(Request(listener: arrived, host: host)) == rule) }
    }

    @Test func `the narrowest listener answers alone, also when it has no route`() {
        let sharing = [
            ListenerDescription(name: "any", port: 443, transport: .https),
            ListenerDescription(name: "exact", port: 443, transport: .https, hostname: .exact("a.example.com")),
        ]
        let table = table(listeners: sharing, ["any": entry(listener: 0)])
        #expect(table.rule(Request(listener: 0, host: "a.example.com")) == nil)
    }

    @Test func `a host that no https listener serves is not found`() {
        #expect(decide(0, "x.example.com") == "notFound")
        #expect(decide(0, "c.example.com") == "notFound")
        #expect(decide(2, "a.example.com") == "notFound")
    }
}
