import Routing
import Testing

/// The order of Gateway API v1, `HTTPRouteSpec.hostnames` and `HTTPRouteRule.matches`, each step a case.
@Suite struct PrecedenceTests {
    private let green = HeaderCondition(name: "X-Color", value: "green")
    private let large = HeaderCondition(name: "x-size", value: "large")

    @Test func `an exact host goes before a wildcard`() {
        let table = table([
            "wildcard": entry(.wildcard(suffix: ".example.com"), .exact("/a")),
            "exact": entry(.exact("a.example.com"), .prefix("/")),
        ])
        #expect(table.rule(Request(host: "a.example.com", path: "/a")) == "exact")
        #expect(table.rule(Request(host: "b.example.com", path: "/a")) == "wildcard")
    }

    @Test func `a longer wildcard goes before a shorter one`() {
        let table = table([
            "short": entry(.wildcard(suffix: ".example.com")),
            "long": entry(.wildcard(suffix: ".b.example.com")),
            "any": entry(),
        ])
        #expect(table.rule(Request(host: "a.b.example.com")) == "long")
        #expect(table.rule(Request(host: "a.example.com")) == "short")
        #expect(table.rule(Request(host: "example.com")) == "any")
    }

    @Test func `a host without a matching path leaves the request to wider hosts`() {
        let table = table([
            "exact": entry(.exact("a.example.com"), .prefix("/a")), "any": entry(.any, .prefix("/b")),
        ])
        #expect(table.rule(Request(host: "a.example.com", path: "/b")) == "any")
    }

    @Test func `an exact path goes before any prefix`() {
        let table = table(["prefix": entry(.any, .prefix("/a/b")), "exact": entry(.any, .exact("/a/b"))])
        #expect(table.rule(Request(path: "/a/b")) == "exact")
        #expect(table.rule(Request(path: "/a/b/c")) == "prefix")
    }

    @Test func `a longer prefix goes before a shorter one, whatever else they ask`() {
        let table = table([
            "short": entry(.any, .prefix("/a"), method: "GET", headers: [green, large]),
            "long": entry(.any, .prefix("/a/b")),
        ])
        let headers = ["x-color": "green", "x-size": "large"]
        #expect(table.rule(Request(path: "/a/b/c", headers: headers)) == "long")
        #expect(table.rule(Request(path: "/a/c", headers: headers)) == "short")
    }

    @Test func `a slash at the end makes a prefix no longer`() {
        let table = table(["slash": entry(.any, .prefix("/a/")), "method": entry(.any, .prefix("/a"), method: "GET")])
        #expect(table.rule(Request(path: "/a/b")) == "method")
    }

    @Test func `a method goes before headers`() {
        let table = table([
            "headers": entry(headers: [green, large]), "method": entry(method: "GET"),
        ])
        let headers = ["x-color": "green", "x-size": "large"]
        #expect(table.rule(Request(method: "GET", headers: headers)) == "method")
        #expect(table.rule(Request(method: "PUT", headers: headers)) == "headers")
    }

    @Test func `more headers go before fewer`() {
        let table = table(["one": entry(headers: [green]), "two": entry(headers: [green, large])])
        #expect(table.rule(Request(headers: ["x-color": "green", "x-size": "large"])) == "two")
        #expect(table.rule(Request(headers: ["x-color": "green", "x-size": "small"])) == "one")
        #expect(table.rule(Request(headers: ["x-color": "red"])) == nil)
    }

    @Test func `an older route goes before a newer one, and one without a time comes last`() {
        let table = table([
            "a/timeless": entry(), "b/newer": entry(created: 200), "c/older": entry(created: 100),
        ])
        #expect(table.rule(Request()) == "older")
    }

    @Test func `routes of the same age go by name`() {
        let table = table(["b/second": entry(created: 100), "a/first": entry(created: 100)])
        #expect(table.rule(Request()) == "first")
    }

    @Test func `rules of one route go by their place`() {
        let table = table(["first": entry(), "second": entry()])
        #expect(table.rule(Request()) == "first")
    }

    @Test func `methods are compared with their case`() {
        let table = table(["rule": entry(method: "GET")])
        #expect(table.rule(Request(method: "get")) == nil)
        #expect(table.rule(Request(method: "GE")) == nil)
        #expect(table.rule(Request(method: "GETX")) == nil)
    }
}
