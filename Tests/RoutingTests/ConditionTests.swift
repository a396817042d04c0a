import Testing

@testable import Routing

@Suite struct ConditionTests {
    private func holds(_ condition: QueryCondition, _ query: String) -> Bool {
        condition.holds(in: Array(query.utf8).span)
    }

    @Test(arguments: [
        ("a=1", true), ("x=2&a=1", true), ("a=2&a=1", false), ("a=1&a=2", true), ("", false), ("a", false),
        ("a=", false), ("%61=%31", true), ("aa=1", false), ("a=11", false), ("&&a=1", true), ("a=1#", false),
    ])
    func `of a query parameter the first value counts, decoded`(query: String, holds: Bool) {
        let condition = QueryCondition(name: "a", value: .exact([UInt8(ascii: "1")]))
        #expect(self.holds(condition, query) == holds)
    }

    @Test func `plus is a space, and a percent sign without digits is itself`() throws {
        let spaced = QueryCondition(name: "a b", value: .exact(Array("c d%".utf8)))
        #expect(holds(spaced, "a+b=c%20d%"))
        let expression = QueryCondition(name: "a", value: .regularExpression(try RegularExpression("[0-9 ]+")))
        #expect(holds(expression, "a=1+2"))
        #expect(!holds(expression, "a=x"))
        #expect(holds(QueryCondition(name: "a", value: .exact([])), "b=1&a"))
    }

    @Test func `exact, then expression, then prefix; and more query parameters win`() throws {
        let parameter = QueryCondition(name: "q", value: .exact([UInt8(ascii: "1")]))
        let table = table([
            "prefix": entry(.any, .prefix("/items")), "exact": entry(.any, .exact("/items/1")),
            "expression": entry(.any, .regularExpression(try RegularExpression("/items/[0-9]+"))),
            "query": entry(.any, .prefix("/items"), query: [parameter]),
        ])
        #expect(table.rule(Request(path: "/items/1")) == "exact")
        #expect(table.rule(Request(path: "/items/2")) == "expression")
        #expect(table.rule(Request(path: "/items/a")) == "prefix")
        #expect(table.rule(Request(path: "/items/a", query: "q=1")) == "query")
    }
}
