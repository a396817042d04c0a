/// A hash table from byte strings to numbers that is filled once and then only read, without allocating.
///
/// A key lives in a scope, so that one table holds the edges of a whole tree (scope: the parent) or the hosts of all
/// listeners (scope: the listener). The hash is not keyed: all keys come from the configuration, and a request can only
/// choose what is looked up, so it meets at most the longest chain that the configuration itself made.
struct ByteTable: Sendable {
    private struct Slot {
        var hash: UInt64
        var scope: Int32
        var start: Int32
        var count: Int32
        /// Negative: empty.
        var value: Int32
    }

    private static let empty = Slot(hash: 0, scope: 0, start: 0, count: 0, value: -1)

    private var slots = Array(repeating: Self.empty, count: 16)
    private var bytes: [UInt8] = []
    private(set) var count = 0

    /// The number kept for `key` in `scope`, or nil.
    func find(_ key: Span<UInt8>, scope: Int) -> Int? {
        let hash = Self.hash(key, scope)
        let mask = slots.count - 1
        var index = Int(truncatingIfNeeded: hash) & mask
        while slots[index].value >= 0 {
            if slots[index].hash == hash, slots[index].scope == Int32(scope), equals(key, slots[index]) {
                return Int(slots[index].value)
            }
            index = (index + 1) & mask
        }
        return nil
    }

    /// Keeps `value` (not negative) for a key that is not in the table yet.
    mutating func insert(_ key: Span<UInt8>, scope: Int, value: Int) {
        precondition(value >= 0, "a negative value marks an empty slot")
        if (count + 1) * 2 > slots.count { grow() }
        let start = bytes.count
        for index in key.indices { bytes.append(key[index]) }
        place(
            Slot(
                hash: Self.hash(key, scope), scope: Int32(scope), start: Int32(start), count: Int32(key.count),
                value: Int32(value)))
        count += 1
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: Self.empty, count: old.count * 2)
        for slot in old where slot.value >= 0 { place(slot) }
    }

    private mutating func place(_ slot: Slot) {
        let mask = slots.count - 1
        var index = Int(truncatingIfNeeded: slot.hash) & mask
        while slots[index].value >= 0 { index = (index + 1) & mask }
        slots[index] = slot
    }

    private func equals(_ key: Span<UInt8>, _ slot: Slot) -> Bool {
        guard key.count == Int(slot.count) else { return false }
        let start = Int(slot.start)
        for index in key.indices where bytes[start + index] != key[index] { return false }
        return true
    }

    /// FNV-1a, folded with the scope and mixed at the end so that the low bits carry all of it.
    private static func hash(_ key: Span<UInt8>, _ scope: Int) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ (UInt64(truncatingIfNeeded: scope) &* 0x9e37_79b9_7f4a_7c15)
        for index in key.indices { hash = (hash ^ UInt64(key[index])) &* 0x0000_0100_0000_01b3 }
        hash ^= hash >> 32
        return hash &* 0xd6e8_feb8_6659_fd93 ^ hash >> 29
    }
}
