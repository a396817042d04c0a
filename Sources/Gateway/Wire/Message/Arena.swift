/// A growing run of plain values with one owner: what `Array` does, without references to count or to find unique.
///
/// Head blocks are touched some hundred times a request; as arrays they cost more in reference counts and copies of
/// their headers than in bytes moved. Every access by index or range is checked. Its memory survives `removeAll`, up to a bound.
@usableFromInline
struct Arena<Element: BitwiseCopyable>: ~Copyable, @unchecked Sendable {  // it owns plain values
    @usableFromInline
    private(set) var base: UnsafeMutablePointer<Element>?
    @usableFromInline
    private(set) var count = 0
    private var capacity = 0
    private let firstCapacity: Int

    /// Takes no memory until something is appended, then for this many elements.
    init(firstCapacity: Int = 512 / MemoryLayout<Element>.stride) {
        base = nil
        self.firstCapacity = firstCapacity
    }

    // Inlinable, or Swift 6.3.1 crashes where it inlines the setter of a property that holds one.
    @inlinable
    deinit { base?.deallocate() }

    @inlinable
    var indices: Range<Int> { 0..<count }

    /// The values; valid until the next change.
    @inlinable
    var buffer: UnsafeBufferPointer<Element> { UnsafeBufferPointer(start: base, count: count) }

    @inlinable
    subscript(index: Int) -> Element {
        get { buffer[checked: index] }
    }

    @inline(__always)
    mutating func append(_ element: Element) {
        append(count: 1) { $0.initialize(to: element) }
    }

    mutating func append(copying elements: UnsafeBufferPointer<Element>) {
        guard let source = elements.baseAddress else { return }
        // The source may lie in an arena, but never in this one: appending takes it exclusively.
        append(count: elements.count) { $0.initialize(from: source, count: elements.count) }
    }

    /// Appends `more` elements, all of which `fill` writes where it is told to.
    @inline(__always)
    mutating func append(count more: Int, _ fill: (UnsafeMutablePointer<Element>) -> Void) {
        guard more > 0 else { return }
        reserve(more)
        // In bounds: reserved.
        fill(base.unsafelyUnwrapped + count)
        count &+= more
    }

    /// Has the elements from `start` written anew, and cuts the arena off behind `end`.
    @inline(__always)
    mutating func rewrite(from start: Int, to end: Int, _ fill: (UnsafeMutablePointer<Element>) -> Void) {
        precondition(start >= 0 && start <= end && end <= count, "only what was appended is rewritten")
        fill(base.unsafelyUnwrapped + start)
        count = end
    }

    mutating func replace(at index: Int, with element: Element) {
        precondition(index >= 0 && index < count, "no such element")
        base.unsafelyUnwrapped[index] = element
    }

    /// Memory above 16 KB goes back: blocks are pooled, and one large head must not be kept for ever.
    mutating func removeAll() {
        count = 0
        guard capacity * MemoryLayout<Element>.stride > 16_384 else { return }
        base?.deallocate()
        base = nil
        capacity = 0
    }

    /// All memory goes back.
    mutating func releaseMemory() {
        base?.deallocate()
        base = nil
        count = 0
        capacity = 0
    }

    /// Gives its memory away, with what is in it.
    mutating func surrender() -> UnsafeMutableBufferPointer<Element> {
        let memory = UnsafeMutableBufferPointer(start: base, count: capacity)
        base = nil
        count = 0
        capacity = 0
        return memory
    }

    /// Takes memory that another arena has given away, in place of its own.
    mutating func adopt(_ memory: UnsafeMutableBufferPointer<Element>) {
        base?.deallocate()
        base = memory.baseAddress
        count = 0
        capacity = memory.count
    }

    var hasMemory: Bool { base != nil }

    /// Drops what was appended since there were `newCount` elements.
    mutating func truncate(to newCount: Int) {
        precondition(newCount >= 0 && newCount <= count, "an arena does not grow by being cut")
        count = newCount
    }

    /// Lets `body` append at most `more` elements without intermediate copies.
    @inline(__always)
    mutating func append<E: Error>(
        addingCapacity more: Int, _ body: (inout OutputSpan<Element>) throws(E) -> Void
    ) throws(E) {
        reserve(more)
        // In bounds: reserved.
        let free = UnsafeMutableBufferPointer(start: base.map { $0 + count }, count: more)
        var output = OutputSpan(buffer: free, initializedCount: 0)
        do throws(E) {
            try body(&output)
        } catch {
            _ = output.finalize(for: free)
            throw error
        }
        count += output.finalize(for: free)
    }

    @inline(__always)
    private mutating func reserve(_ more: Int) {
        if count + more > capacity { grow(to: count + more) }
    }

    @inline(never)
    private mutating func grow(to needed: Int) {
        let larger = max(needed, capacity * 2, firstCapacity)
        let memory = UnsafeMutablePointer<Element>.allocate(capacity: larger)
        if let base {
            memory.initialize(from: base, count: count)
            base.deallocate()
        }
        base = memory
        capacity = larger
    }
}

extension UnsafeBufferPointer {
    /// Checked in optimised builds as well, where the pointer's own subscript is not.
    @usableFromInline
    subscript(checked index: Int) -> Element {
        precondition(index >= 0 && index < count, "no such element")
        return self[index]
    }
}

extension Arena where Element == UInt8 {
    mutating func append(copying bytes: Span<UInt8>) {
        bytes.withUnsafeBufferPointer { append(copying: $0) }
    }

    mutating func lowercase(_ range: Range<Int>) {
        for offset in range where buffer[checked: offset] &- 0x41 < 26 {
            replace(at: offset, with: self[offset] | 0x20)
        }
    }
}
