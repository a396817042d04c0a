import Routing
import Testing

@Suite struct RouteRuleTests {
    @Test func `backends without weight get nothing`() {
        let backends = (0..<3).map {
            Backend(index: $0, name: "b\($0)", wireProtocol: .http1, endpoints: [])
        }
        let rule = RouteRule(
            index: 0, routeName: "r", ruleName: "0",
            backends: [
                WeightedBackend(backend: backends[0], weight: 3), WeightedBackend(backend: backends[1], weight: 0),
                WeightedBackend(backend: backends[2], weight: 1),
            ])
        #expect(rule.backends.map(\.backend.name) == ["b0", "b2"])
        #expect(rule.totalWeight == 4)
    }

    @Test func `names of header conditions are lower case`() {
        let condition = HeaderCondition(name: "X-Version", value: "V2")
        #expect(condition.nameBytes == Array("x-version".utf8))
        #expect(condition.value == .exact(Array("V2".utf8)))
    }

    @Test func `a table without its rule is refused`() async {
        await #expect(processExitsWith: .failure) {
            _ = RouteTable(
                listeners: [ListenerDescription(name: "a", port: 80, transport: .http)], rules: [],
                entries: [RouteEntry(rule: 0)])
        }
    }
}
