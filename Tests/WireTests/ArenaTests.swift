import Testing

@testable import Wire

@Suite struct ArenaTests {
    @Test func `keeps what was appended while it grows, and its memory when it is emptied`() {
        var arena = Arena<UInt8>()
        let piece = [UInt8](repeating: 7, count: 100)
        for _ in 0..<100 { arena.append(copying: piece.span) }
        arena.append(9)
        #expect(arena.count == 10_001)
        #expect(arena[9_999] == 7)
        #expect(arena[10_000] == 9)
        let before = arena.buffer.baseAddress
        arena.removeAll()
        arena.append(copying: piece.span)
        #expect(arena.buffer.baseAddress == before)
        #expect(arena.count == 100)
    }

    @Test func `is an empty run before anything was appended`() {
        let arena = Arena<UInt8>()
        #expect(arena.count == 0)
        #expect(arena.buffer.isEmpty)
    }

    @Test func `stops the program at an index outside`() async {
        await #expect(processExitsWith: .failure) {
            var arena = Arena<UInt8>()
            arena.append(1)
            _ = arena[1]
        }
    }
}

@Suite struct BufferPoolTests {
    @Test func `an emptied queue's memory serves the next one`() {
        let pool = BufferPool()
        var first = ByteQueue()
        first.append([UInt8](repeating: 1, count: 50_000).span, from: pool)
        first.removeFirst(50_000, into: pool)
        #expect(first.isEmpty)
        #expect(pool.take().capacity >= 50_000)
        #expect(pool.take().capacity == 0, "it was given out once")
    }

    @Test func `keeps no buffer above its bound`() {
        let pool = BufferPool()
        var queue = ByteQueue()
        queue.append([UInt8](repeating: 1, count: 1 << 20).span, from: pool)
        queue.removeFirst(1 << 20, into: pool)
        #expect(pool.take().capacity == 0)
    }
}
