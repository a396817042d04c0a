import Routing
import Testing

@Suite struct PathMatchingTests {
    @Test(arguments: [
        ("/warehouse", true), ("/warehouse/", true), ("/warehouse/items", true), ("/warehouse/items/7", true),
        ("/warehousex", false), ("/warehous", false), ("/Warehouse", false), ("/", false), ("/a/warehouse", false),
        ("", false), ("warehouse", false), ("*", false),
    ])
    func `a prefix holds for whole path elements`(path: String, matches: Bool) {
        let table = table(["rule": entry(.any, .prefix("/warehouse"))])
        #expect((table.rule(Request(path: path)) != nil) == matches)
    }

    @Test(arguments: ["/warehouse", "/warehouse/", "/warehouse/items"])
    func `a slash at the end of a prefix changes nothing`(path: String) {
        let table = table(["rule": entry(.any, .prefix("/warehouse/"))])
        #expect(table.rule(Request(path: path)) == "rule")
    }

    @Test(arguments: ["/", "/a", "/a/", "/a/b/c"])
    func `the prefix of a slash holds for every path`(path: String) {
        #expect(table(["rule": entry()]).rule(Request(path: path)) == "rule")
    }

    @Test(arguments: [("/a/b", true), ("/a/b/", false), ("/a", false), ("/a/b/c", false), ("/a/B", false)])
    func `an exact path holds byte for byte`(path: String, matches: Bool) {
        let table = table(["rule": entry(.any, .exact("/a/b"))])
        #expect((table.rule(Request(path: path)) != nil) == matches)
    }

    @Test func `an exact path with a slash at its end is another path`() {
        let table = table(["with": entry(.any, .exact("/a/")), "without": entry(.any, .exact("/a"))])
        #expect(table.rule(Request(path: "/a/")) == "with")
        #expect(table.rule(Request(path: "/a")) == "without")
    }

    @Test func `the root can be matched exactly`() {
        let table = table(["root": entry(.any, .exact("/"))])
        #expect(table.rule(Request(path: "/")) == "root")
        #expect(table.rule(Request(path: "/a")) == nil)
    }
}
