import Testing

@testable import Policy

@Suite struct LoadBalancerTests {
    /// The middle of a good generator, so that the tests need no seed.
    private func numbers(_ count: Int) -> [UInt64] { (0..<count).map { ConsistentHash.mix(UInt64($0)) } }

    @Test(arguments: [2, 3, 5, 64])
    func `two choices are two different places, and every place gets its share`(count: Int) {
        var taken = Array(repeating: 0, count: count)
        for number in numbers(20_000) {
            let (first, second) = LoadBalancer.two(of: count, random: number)
            #expect(first != second)
            #expect((0..<count).contains(first) && (0..<count).contains(second))
            taken[first] += 1
            taken[second] += 1
        }
        let share = 40_000 / count
        for number in taken { #expect(abs(number - share) < share / 4, "\(taken)") }
    }

    /// Requests that never end: the busiest endpoint of random choices would be far from the mean.
    @Test func `the less busy of two keeps the busiest near the mean`() {
        var load = Array(repeating: 0, count: 16)
        for number in numbers(16_000) {
            let (first, second) = LoadBalancer.two(of: 16, random: number)
            load[load[first] <= load[second] ? first : second] += 1
        }
        #expect(load.reduce(0, +) == 16_000)
        for number in load { #expect((995...1005).contains(number), "\(load)") }
    }

    @Test func `round robin is one after the other`() {
        var roundRobin = RoundRobin(start: .max)
        let places = (0..<9).map { _ in roundRobin.place(of: 3) }
        for place in 0..<3 { #expect(places.count { $0 == place } == 3) }
        #expect(zip(places, places.dropFirst()).allSatisfy { ($0 + 1) % 3 == $1 || $0 == $1 || $1 == 0 })
    }

    // MARK: - Consistent hash

    private func nodes(_ count: Int) -> [UInt64] {
        (0..<count).map { ConsistentHash.hash(Array("10.0.0.\($0):8080".utf8).span) }
    }

    private func owners(_ nodes: [UInt64], without gone: Int? = nil) -> [UInt64?] {
        (0..<4_000).map { key in
            ConsistentHash.place(
                for: ConsistentHash.hash(Array("session-\(key)".utf8).span), of: nodes.count, node: { nodes[$0] },
                isAvailable: { $0 != gone }
            ).map { nodes[$0] }
        }
    }

    @Test func `every node gets about as many keys`() {
        let nodes = nodes(8)
        let owners = owners(nodes)
        for node in nodes { #expect((400...600).contains(owners.count { $0 == node })) }
    }

    @Test func `the order of the nodes says nothing`() {
        #expect(owners(nodes(8)) == owners(nodes(8).reversed()))
    }

    @Test func `only the keys of a node that goes move, and they spread`() {
        let nodes = nodes(8)
        let before = owners(nodes)
        let after = owners(nodes, without: 3)
        var moved: [UInt64?: Int] = [:]
        for (old, new) in zip(before, after) {
            if old == nodes[3] { moved[new, default: 0] += 1 } else { #expect(old == new) }
        }
        #expect(moved.count == 7)
        #expect(moved[nodes[3]] == nil)
        #expect(after == owners(nodes.filter { $0 != nodes[3] }), "gone or unavailable is the same")
    }

    @Test func `nobody is chosen of nobody`() {
        #expect(ConsistentHash.place(for: 1, of: 0, node: { _ in 0 }) == nil)
        #expect(ConsistentHash.place(for: 1, of: 2, node: { UInt64($0) }, isAvailable: { _ in false }) == nil)
    }

    // MARK: - Slow start

    @Test func `an endpoint's share grows evenly to the whole`() {
        let start = SlowStart(at: 5_000_000_000, milliseconds: 10_000)
        #expect(start.percent(at: 5_000_000_000) == 10)
        #expect(start.percent(at: 10_000_000_000) == 55)
        #expect(start.percent(at: 14_999_000_000) >= 99)
        #expect(start.percent(at: 15_000_000_000) == 100)
        #expect(start.percent(at: 1) == 10, "a clock that reads an earlier turn's time")
        let taken = numbers(10_000).count { start.takes(at: 10_000_000_000, random: $0) }
        #expect((5_000...6_000).contains(taken))
    }

    @Test func `no slow start is the whole share at once`() {
        #expect(SlowStart(at: 7, milliseconds: 0).percent(at: 7) == 100)
    }
}
