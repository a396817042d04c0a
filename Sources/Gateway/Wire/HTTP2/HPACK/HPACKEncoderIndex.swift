/// Where an encoder looks for an entry by the hash of its field, and remembers which fields it saw once.
///
/// Four places for each hash, and no chains: a look-up costs the same whatever the fields are, and a field that finds its
/// places taken is merely not found, which costs a few bytes on the wire. Hence the hash needs no secret.
struct HPACKEncoderIndex: ~Copyable, @unchecked Sendable {  // it owns plain values
    enum Finding: BitwiseCopyable {
        /// Perhaps: the entry so many insertions ago has the same hash.
        case entry(Int)
        /// It came before, and is not in the table.
        case seen
        case new
    }

    private static let ways = 4
    private static let firstPlaces = 64
    private static let mostPlaces = 256

    /// Bits 17–31: those of the hash. Bit 16: seen, but not inserted. Bits 0–15: which insertion, modulo 2¹⁶; when that
    /// is long ago it may look like a later one, so an entry is always compared.
    private var places: UnsafeMutablePointer<UInt32>?
    private var capacity = 0
    private var clock = 0

    init() {}

    deinit { places?.deallocate() }

    /// Whether the table has outgrown it.
    @inline(__always)
    func isSmall(for entries: Int) -> Bool { entries * 3 > capacity && capacity < Self.mostPlaces }

    /// Forgets everything, with twice the room. Whoever calls it inserts the table's entries again.
    mutating func grow() {
        places?.deallocate()
        capacity = max(2 * capacity, Self.firstPlaces)
        places = .allocate(capacity: capacity)
        places?.initialize(repeating: 0, count: capacity)
    }

    @inline(__always)
    func find(_ hash: UInt32, _ table: borrowing HPACKDynamicTable) -> Finding {
        guard let places else { return .new }
        var finding = Finding.new
        let first = Self.first(hash, capacity)
        for place in first..<first + Self.ways {
            let held = places[place]  // in bounds: `first` is at most four below the capacity
            guard (held ^ hash) >> 17 == 0, held != 0 else { continue }
            if held & 1 << 16 == 0 {
                let index = Int(UInt16(truncatingIfNeeded: table.insertions &- 1) &- UInt16(truncatingIfNeeded: held))
                if index < table.count && table.entry(at: index).hash == hash { return .entry(index) }
            }
            finding = .seen
        }
        return finding
    }

    /// Remembers a field, which the next insertion will insert when `isInserted`.
    mutating func note(_ hash: UInt32, _ table: borrowing HPACKDynamicTable, isInserted: Bool) {
        note(hash, at: table.insertions, table, isInserted: isInserted)
    }

    /// - Parameter insertion: the number of the field's entry.
    mutating func note(
        _ hash: UInt32, at insertion: UInt32, _ table: borrowing HPACKDynamicTable, isInserted: Bool
    ) {
        if capacity == 0 { grow() }
        guard let places else { return }
        let first = Self.first(hash, capacity)
        clock &+= 1
        // In bounds: `first` is at most four below the capacity.
        var chosen = first + clock & (Self.ways - 1)
        for place in first..<first + Self.ways {
            let held = places[place]
            if (held ^ hash) >> 17 == 0 {
                chosen = place
                break
            }
            let age = Int(UInt16(truncatingIfNeeded: table.insertions &- 1) &- UInt16(truncatingIfNeeded: held))
            if held & 1 << 16 != 0 || age >= table.count { chosen = place }
        }
        places[chosen] = hash & 0xFFFE_0000 | (isInserted ? 0 : 1 << 16) | insertion & 0xFFFF
    }

    @inline(__always)
    private static func first(_ hash: UInt32, _ capacity: Int) -> Int {
        Int(hash) & (capacity / Self.ways - 1) * Self.ways
    }

    /// Eight bytes a step, the last ones overlapping.
    @inline(__always)
    static func hash(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) -> UInt32 {
        finish(mix(mix(UInt64(name.count), name), value))
    }

    @inline(__always)
    static func hash(_ name: HPACKName, _ value: UnsafeBufferPointer<UInt8>) -> UInt32 {
        finish(mix(UInt64(name.rawValue) << 8, value))
    }

    @inline(__always)
    private static func mix(_ seed: UInt64, _ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var state = (seed << 32 | UInt64(bytes.count)) &* 0x9E37_79B9_7F4A_7C15
        guard let start = UnsafeRawPointer(bytes.baseAddress) else { return state }
        if bytes.count >= 8 {
            // In bounds: eight bytes from an offset of at most count - 8.
            var offset = 0
            while offset < bytes.count - 8 {
                state = step(state, (start + offset).loadUnaligned(as: UInt64.self))
                offset += 8
            }
            return step(state, (start + bytes.count - 8).loadUnaligned(as: UInt64.self))
        }
        var word: UInt64 = 0
        for byte in bytes { word = word << 8 | UInt64(byte) }
        return step(state, word)
    }

    @inline(__always)
    private static func step(_ state: UInt64, _ word: UInt64) -> UInt64 {
        let product = (state ^ word) &* 0xD6E8_FEB8_6659_FD93
        return product ^ product >> 32
    }

    @inline(__always)
    private static func finish(_ state: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: state &* 0x9E37_79B9_7F4A_7C15 >> 32)
    }
}
