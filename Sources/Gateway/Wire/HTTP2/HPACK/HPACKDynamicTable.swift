internal import Glibc

/// The dynamic table of one direction (RFC 7541 §2.3.2, §4): newest entry first, oldest out.
///
/// Entries lie one behind the other in one piece of memory, each of them whole, so that a field is read without being put
/// together. When the end of the memory is reached, the live entries move to its beginning, or to a piece twice as large;
/// at its largest it is one and a half times the table's limit, so a move is preceded by insertions of a third of that:
/// at most two bytes are moved for each that is inserted. Nothing is allocated before the first insertion.
struct HPACKDynamicTable: ~Copyable, @unchecked Sendable {  // it owns plain values
    struct Entry: BitwiseCopyable {
        /// Counted from the first byte that was ever inserted, modulo 2³²; `origin` is where the memory begins.
        fileprivate(set) var start: UInt32 = 0
        var nameCount: UInt16
        var valueCount: UInt16
        /// The encoder's, to find it by.
        var hash: UInt32 = 0
        /// The encoder's: the number of the entry that came after this one, modulo 256.
        fileprivate(set) var successor: UInt8 = 0
        var name: HPACKName
        var isNameWellFormed = true
        var isWellFormed = true

        var byteCount: Int { Int(nameCount) + Int(valueCount) }
        /// §4.1.
        var size: Int { byteCount + HPACKDynamicTable.overhead }
    }

    /// What an entry costs besides its bytes (§4.1).
    static let overhead = 32
    private static let firstCapacity = 256
    private static let firstEntries = 8

    /// Bytes as §4.1 counts them; never more than `limit`.
    private(set) var size = 0
    private(set) var limit: Int
    private(set) var count = 0
    /// How many entries were ever inserted, modulo 2³².
    private(set) var insertions: UInt32 = 0

    private var bytes: UnsafeMutablePointer<UInt8>?
    private var byteCapacity = 0
    private var origin: UInt32 = 0
    private var end: UInt32 = 0
    /// A ring: entry n is at n modulo its capacity, a power of two.
    private var ring: UnsafeMutablePointer<Entry>?
    private var ringCapacity: UInt32 = 0

    /// - Parameter limit: in bytes, at most 65,535.
    init(limit: Int) {
        precondition((0...65_535).contains(limit), "a dynamic table has at most 65,535 bytes")
        self.limit = limit
    }

    deinit {
        bytes?.deallocate()
        ring?.deallocate()
    }

    /// The entry `index` insertions ago; 0 is the newest.
    @inline(__always)
    func entry(at index: Int) -> Entry {
        precondition(index >= 0 && index < count, "no such entry")
        return ring.unsafelyUnwrapped[slot(insertions &- 1 &- UInt32(truncatingIfNeeded: index))]  // there is one
    }

    /// The entry whose number is `number` modulo 256; nil when it was evicted.
    @inline(__always)
    func index(of number: UInt8) -> Int? {
        let index = Int(UInt8(truncatingIfNeeded: insertions &- 1) &- number)
        return index < count ? index : nil
    }

    /// The number of an entry, modulo 256: tells those of a table of at most 8,160 bytes apart.
    @inline(__always)
    func number(at index: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: insertions &- 1 &- UInt32(truncatingIfNeeded: index))
    }

    mutating func setSuccessor(_ number: UInt8, at index: Int) {
        precondition(index >= 0 && index < count, "no such entry")
        // There is one.
        ring.unsafelyUnwrapped[slot(insertions &- 1 &- UInt32(truncatingIfNeeded: index))].successor = number
    }

    /// Name and value of a live entry, one behind the other; valid until the next change.
    @inline(__always)
    func text(of entry: Entry) -> UnsafeBufferPointer<UInt8> {
        let offset = Int(entry.start &- origin)
        precondition(offset + entry.byteCount <= byteCapacity, "an entry lies within the memory")
        return UnsafeBufferPointer(start: bytes.map { $0 + offset }, count: entry.byteCount)
    }

    /// Evicts what is too much, then and later (§4.3).
    mutating func setLimit(_ bytes: Int) {
        evict(downTo: bytes)
        limit = bytes
    }

    /// What an entry that is larger than the table does (§4.4).
    mutating func removeAll() { evict(downTo: 0) }

    /// Inserts a field that is no larger than the table, and evicts what it displaces (§4.4).
    ///
    /// Neither `name` nor `value` may be in the table.
    mutating func insert(_ new: Entry, name: UnsafePointer<UInt8>?, value: UnsafePointer<UInt8>?) {
        precondition(new.size <= limit, "an entry is no larger than its table")
        evict(downTo: limit - new.size)
        reserve(new.byteCount)
        var entry = new
        entry.start = end
        if let bytes {
            // In bounds: reserved.
            let target = bytes + Int(end &- origin)
            if let name { target.initialize(from: name, count: Int(new.nameCount)) }
            if let value { (target + Int(new.nameCount)).initialize(from: value, count: Int(new.valueCount)) }
        }
        if count == ringCapacity { growRing() }
        ring.unsafelyUnwrapped[slot(insertions)] = entry  // grown
        end &+= UInt32(truncatingIfNeeded: new.byteCount)
        insertions &+= 1
        count += 1
        size += new.size
    }

    @inline(__always)
    private func slot(_ number: UInt32) -> Int { Int(number & (ringCapacity &- 1)) }

    @inline(__always)
    private mutating func evict(downTo bytes: Int) {
        while size > bytes {
            size -= entry(at: count - 1).size
            count -= 1
        }
    }

    @inline(__always)
    private mutating func reserve(_ more: Int) {
        if Int(end &- origin) + more > byteCapacity { makeRoom(more) }
    }

    @inline(never)
    private mutating func makeRoom(_ more: Int) {
        let first = count > 0 ? entry(at: count - 1).start : end
        let live = Int(end &- first)
        let offset = Int(first &- origin)
        origin = first
        if live + more <= byteCapacity * 3 / 4 {
            // In bounds: the live bytes end where the table's do. The two may overlap.
            if let bytes { memmove(bytes, bytes + offset, live) }
            return
        }
        let largest = limit + limit / 2
        let capacity = max(live + more, min(max(2 * byteCapacity, Self.firstCapacity), largest))
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        if let bytes {
            memory.initialize(from: bytes + offset, count: live)
            bytes.deallocate()
        }
        bytes = memory
        byteCapacity = capacity
    }

    @inline(never)
    private mutating func growRing() {
        let capacity = max(2 * ringCapacity, UInt32(Self.firstEntries))
        let memory = UnsafeMutablePointer<Entry>.allocate(capacity: Int(capacity))
        for index in 0..<count {
            let entry = entry(at: index)
            (memory + Int((insertions &- 1 &- UInt32(index)) & (capacity - 1))).initialize(to: entry)
        }
        ring?.deallocate()
        ring = memory
        ringCapacity = capacity
    }
}
