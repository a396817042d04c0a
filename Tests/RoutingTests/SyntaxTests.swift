import Testing

@testable import Routing

@Suite struct SyntaxTests {
    @Test(arguments: [
        ("500ms", 500), ("10s", 10_000), ("1m", 60_000), ("1h", 3_600_000), ("1h30m", 5_400_000), ("0s", 0),
        ("1m30s500ms", 90_500),
    ])
    func `durations follow GEP-2257`(text: String, milliseconds: Int) {
        #expect(Syntax.milliseconds(text) == milliseconds)
    }

    @Test(arguments: ["", "10", "s", "-1s", "1.5s", "1d", "100000s", "1s 1s", "1s1s1s1s1s", "1us"])
    func `other texts are no durations`(text: String) {
        #expect(Syntax.milliseconds(text) == nil)
    }

    @Test(arguments: [("/%7Euser", "/~user"), ("/%e4", "/%E4"), ("/a%20b", "/a%20b"), ("/a/", "/a/"), ("/", "/")])
    func `paths of routes are brought to canonical form`(text: String, canonical: String) throws {
        #expect(try Syntax.path(text).get() == canonical)
    }

    @Test(arguments: [
        "", "a", "*", "//", "/a//b", "/a/./b", "/a/..", "/%2e%2e/a", "/a%2Fb", "/a%5cb", "/a%00", "/a%25b", "/a%",
        "/a%4",
        "/a%zz", "/a?b", "/a#b", "/a b", "/ä", "/a\\b",
    ])
    func `paths that no canonical request can have are refused`(text: String) {
        #expect(throws: SyntaxError.self) { try Syntax.path(text).get() }
    }

    @Test(arguments: ["a", "a.example.com", "*.example.com", "*.com", "1a.b", "a-b.c"])
    func `hostnames are DNS names, with one wildcard at most`(text: String) throws {
        #expect(try Syntax.hostname(text).get().description == text)
    }

    @Test(arguments: ["", "*", "a.*.b", "A.b", "a:80", "1.2.3.4", "-a.b", "a-.b", "a..b", "a.", "a_b.c", "[::1]"])
    func `other texts are no hostnames`(text: String) {
        #expect(throws: SyntaxError.self) { try Syntax.hostname(text).get() }
    }

    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("2000-02-29T12:00:00Z", 951_825_600), ("2024-12-31T23:59:59Z", 1_735_689_599),
        ("1969-12-31T23:59:59Z", -1),
    ])
    func `times are counted from 1970`(text: String, seconds: Int64) {
        #expect(Syntax.secondsSince1970(text) == seconds)
    }

    @Test(arguments: ["", "2024-01-01", "2024-13-01T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:00:00+01"])
    func `other texts are no times`(text: String) {
        #expect(Syntax.secondsSince1970(text) == nil)
    }

    @Test func `a misspelt name is recognised, a different one is not`() {
        #expect(Spelling.nearest(to: "hostname", among: ["hostnames", "rules"]) == "hostnames")
        #expect(Spelling.nearest(to: "backendRef", among: ["backendRefs", "rules"]) == "backendRefs")
        #expect(Spelling.nearest(to: "colour", among: ["hostnames", "rules"]) == nil)
        #expect(Spelling.nearest(to: "x", among: ["y"]) == nil)
    }
}
