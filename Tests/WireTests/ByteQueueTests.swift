import Testing

@testable import Wire

@Suite struct ByteQueueTests {
    @Test func `gives bytes in their order, in any pieces`() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededGenerator(seed: seed)
        var queue = ByteQueue()
        var model: [UInt8] = []
        for step in 0..<20_000 {
            if Bool.random(using: &random) {
                let bytes = (0..<Int.random(in: 0..<200, using: &random)).map { _ in
                    UInt8.random(in: .min ... .max, using: &random)
                }
                queue.append(bytes.span)
                model += bytes
            } else {
                let count = Int.random(in: 0...queue.count, using: &random)
                let front = queue.withFront(count) { front in front.withUnsafeBufferPointer { Array($0) } }
                #expect(front == Array(model.prefix(count)), "seed \(seed), step \(step)")
                queue.removeFirst(count)
                model.removeFirst(count)
            }
            #expect(queue.count == model.count && queue.isEmpty == model.isEmpty, "seed \(seed), step \(step)")
        }
    }

    @Test func `shows no more than it has`() {
        var queue = ByteQueue()
        queue.append([1, 2, 3].span)
        #expect(queue.withFront { $0.count } == 3)
        #expect(queue.withFront(2) { $0.count } == 2)
        #expect(queue.withFront(10) { $0.count } == 3)
        queue.removeAll()
        #expect(queue.withFront { $0.count } == 0)
    }

    @Test func `refuses to lose more than it has`() async {
        await #expect(processExitsWith: .failure) {
            var queue = ByteQueue()
            queue.append([1].span)
            queue.removeFirst(2)
        }
    }
}
