import Testing

@testable import Postgres

struct QueueTests {
    @Test func `behaves like an array that loses its first element, whatever is done`() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SplitMix(state: seed)
        var queue = Queue<Int>()
        var model: [Int] = []
        for step in 0..<20_000 {
            switch random.next() % 10 {
            case 0..<5:
                queue.append(step)
                model.append(step)
            case 5..<9:
                let popped = queue.popFirst()
                #expect(popped == model.first, "seed \(seed)")
                model = Array(model.dropFirst())
            default:
                let divisor = Int(random.next() % 7) + 2
                let removed = queue.remove { $0.isMultiple(of: divisor) }
                #expect(removed == model.filter { $0.isMultiple(of: divisor) }, "seed \(seed)")
                model.removeAll { $0.isMultiple(of: divisor) }
            }
            #expect(queue.count == model.count && queue.first == model.first, "seed \(seed)")
        }
    }
}

/// A small generator with a seed, so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
