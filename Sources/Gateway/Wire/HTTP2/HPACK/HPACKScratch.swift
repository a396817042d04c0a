/// Where a decoder puts a field together: its name, and its value behind it. One serves all connections of a thread, and
/// holds at most 16 KB between blocks.
struct HPACKScratch: ~Copyable, @unchecked Sendable {  // it owns plain bytes
    private static let keptCapacity = 16_384

    private var base: UnsafeMutablePointer<UInt8>?
    private var capacity = 0
    private(set) var count = 0

    init() {}

    deinit { base?.deallocate() }

    /// What it holds; valid until the next change.
    @inline(__always)
    var buffer: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: base, count: count) }

    @inline(__always)
    mutating func removeAll() { count = 0 }

    /// Gives back what one large field took.
    @inline(__always)
    mutating func trim() {
        if capacity > Self.keptCapacity { free() }
    }

    @inline(__always)
    mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let source = bytes.baseAddress else { return }
        // In bounds: reserved. The source is never in here: it is a table's, or the block's.
        reserve(bytes.count).initialize(from: source, count: bytes.count)
        count += bytes.count
    }

    /// Appends what `input` is the Huffman code of.
    /// - Returns: false when it is none.
    mutating func append(decoding input: UnsafeBufferPointer<UInt8>, _ huffman: HuffmanTables) -> Bool {
        let target = reserve(HuffmanTables.maximumBytes(for: input.count))
        guard let decoded = huffman.decode(input, into: target) else { return false }
        count += decoded
        return true
    }

    /// - Returns: the end of what it holds, with room for so many bytes.
    @inline(__always)
    private mutating func reserve(_ more: Int) -> UnsafeMutablePointer<UInt8> {
        if base == nil || count + more > capacity { grow(to: count + more) }
        return base.unsafelyUnwrapped + count  // grown
    }

    @inline(never)
    private mutating func grow(to needed: Int) {
        let larger = max(needed, 2 * capacity, 1024)
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        if let base {
            memory.initialize(from: base, count: count)
            base.deallocate()
        }
        base = memory
        capacity = larger
    }

    private mutating func free() {
        base?.deallocate()
        base = nil
        capacity = 0
        count = 0
    }
}
