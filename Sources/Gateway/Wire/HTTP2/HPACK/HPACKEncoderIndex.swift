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

    private static let ways: UInt32 = 4
    private static let sets: UInt32 = 32
    private static let seen: UInt16 = 1 << 15

    /// Either bit 15 and bits 17–31 of the hash: a field that was seen, and not inserted. Or bits 25–31 of the hash and
    /// eight bits of the number of its insertion, which tell the table's at most 128 entries apart; when that is long ago
    /// it may look like a later one, so an entry's own hash is always compared.
    private var places: UnsafeMutablePointer<UInt16>?
    private var clock: UInt32 = 0

    init() {}

    deinit { places?.deallocate() }

    @inline(__always)
    func find(_ hash: UInt32, _ table: borrowing HPACKDynamicTable) -> Finding {
        guard let places else { return .new }
        var finding = Finding.new
        let first = Self.first(hash)
        for place in first..<first + Int(Self.ways) {
            let held = places[place]  // in bounds: `first` is at most four below the end
            if held & Self.seen != 0 {
                if held == Self.seenMark(hash) { finding = .seen }
            } else if UInt32(held >> 8) == hash >> 25 {
                let age = Self.age(held, table)
                if age < table.count && table.entry(at: age).hash == hash { return .entry(age) }
            }
        }
        return finding
    }

    /// Remembers a field; `isInserted`: the next insertion will be its.
    mutating func note(_ hash: UInt32, _ table: borrowing HPACKDynamicTable, isInserted: Bool) {
        let places = allocated()
        let first = Self.first(hash)
        clock &+= 1
        var chosen = first + Int(clock & (Self.ways - 1))
        // A place that holds nothing, before one that holds what was seen once, before an entry's.
        var gain = 0
        for step in 0..<Self.ways {
            let place = first + Int((clock &+ step) & (Self.ways - 1))
            let held = places[place]  // in bounds: `first` is at most four below the end
            if held == Self.seenMark(hash) {
                chosen = place
                break
            }
            let worth = held & Self.seen != 0 ? 1 : Self.age(held, table) >= table.count ? 2 : 0
            if worth > gain { (chosen, gain) = (place, worth) }
        }
        let number = UInt16(table.insertions & 0xFF)
        places[chosen] = isInserted ? UInt16(truncatingIfNeeded: hash >> 25) << 8 | number : Self.seenMark(hash)
    }

    private mutating func allocated() -> UnsafeMutablePointer<UInt16> {
        if let places { return places }
        let memory = UnsafeMutablePointer<UInt16>.allocate(capacity: Int(Self.sets * Self.ways))
        memory.initialize(repeating: 0, count: Int(Self.sets * Self.ways))
        places = memory
        return memory
    }

    @inline(__always)
    private static func seenMark(_ hash: UInt32) -> UInt16 { seen | UInt16(truncatingIfNeeded: hash >> 17) }

    /// How many insertions ago the entry in this place was made, modulo 256.
    @inline(__always)
    private static func age(_ held: UInt16, _ table: borrowing HPACKDynamicTable) -> Int {
        Int(UInt8(truncatingIfNeeded: table.insertions &- 1 &- UInt32(held)))
    }

    @inline(__always)
    private static func first(_ hash: UInt32) -> Int { Int((hash & (sets - 1)) * ways) }

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
