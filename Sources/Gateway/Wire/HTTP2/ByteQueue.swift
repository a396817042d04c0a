/// Bytes on their way: appended at the end, taken from the front, in one piece of memory.
///
/// An emptied queue gives memory above 16 KB back, so that an idle stream costs little.
public struct ByteQueue: Sendable {
    private static let keptCapacity = 16_384

    private var storage: [UInt8] = []
    private var offset = 0

    public init() {}

    public var count: Int { storage.count - offset }
    public var isEmpty: Bool { offset == storage.count }

    public mutating func append(_ bytes: Span<UInt8>) {
        if offset > 0 && storage.count + bytes.count > storage.capacity && offset >= count {
            storage.removeSubrange(..<offset)
            offset = 0
        }
        bytes.withUnsafeBufferPointer { storage.append(contentsOf: $0) }
    }

    /// Appends, in memory of `pool` when the queue has none; see `returnMemory`.
    mutating func append(_ bytes: Span<UInt8>, from pool: BufferPool) {
        if storage.capacity == 0 { storage = pool.take() }
        append(bytes)
    }

    /// Gives the memory of an empty queue to `pool`.
    mutating func returnMemory(to pool: BufferPool) {
        guard isEmpty, storage.capacity > 0 else { return }
        pool.giveBack(storage)
        storage = []
        offset = 0
    }

    /// The first `limit` bytes, or all when there are fewer; valid during the call.
    public func withFront<R>(_ limit: Int = .max, _ body: (Span<UInt8>) -> R) -> R {
        storage.withUnsafeBufferPointer { bytes in
            body(UnsafeBufferPointer(rebasing: bytes[offset..<offset + min(limit, count)]).span)
        }
    }

    /// Drops the first `consumed` bytes.
    public mutating func removeFirst(_ consumed: Int) {
        precondition(consumed <= count, "a queue of \(count) bytes cannot lose \(consumed)")
        offset += consumed
        if isEmpty { removeAll() }
    }

    /// Drops the first `consumed` bytes, and gives the memory to `pool` when these were all.
    mutating func removeFirst(_ consumed: Int, into pool: BufferPool) {
        precondition(consumed <= count, "a queue of \(count) bytes cannot lose \(consumed)")
        offset += consumed
        returnMemory(to: pool)
    }

    public mutating func removeAll() {
        storage.removeAll(keepingCapacity: storage.capacity <= Self.keptCapacity)
        offset = 0
    }
}
