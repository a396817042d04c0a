/// The open streams of a session by their ids: open addressing with linear probing, at most half full.
///
/// A client chooses the ids, but never more than SETTINGS_MAX_CONCURRENT_STREAMS of them are open: that bounds a probe.
/// Takes no memory until a stream opens.
struct StreamTable: ~Copyable {
    private static let firstCapacity = 8
    /// An empty table of more slots gives them back: 1 KB.
    private static let keptCapacity = 64

    /// A power of two, or 0.
    private var slots: UnsafeMutablePointer<Slot>?
    private var capacity = 0
    private(set) var count = 0

    private struct Slot {
        /// 0: free.
        var id: UInt32
        /// Retained by the table.
        var stream: Unmanaged<HTTP2Stream>?
    }

    init() {}

    deinit {
        for index in 0..<capacity { slots.unsafelyUnwrapped[index].stream?.release() }
        slots?.deallocate()
    }

    func find(_ id: UInt32) -> HTTP2Stream? {
        guard let slots, id != 0 else { return nil }
        var index = home(id)
        // Ends: half of the slots are free. In bounds: home and the mask keep the index below the capacity.
        while slots[index].id != id {
            if slots[index].id == 0 { return nil }
            index = (index &+ 1) & (capacity &- 1)
        }
        return slots[index].stream?.takeUnretainedValue()
    }

    mutating func insert(_ stream: HTTP2Stream, _ id: UInt32) {
        if (count + 1) * 2 > capacity { grow() }
        place(Slot(id: id, stream: .passRetained(stream)))
        count += 1
    }

    mutating func remove(_ id: UInt32) {
        guard let slots, id != 0 else { return }
        var index = home(id)
        while slots[index].id != id {
            if slots[index].id == 0 { return }
            index = (index &+ 1) & (capacity &- 1)
        }
        let removed = slots[index].stream
        count -= 1
        closeGap(at: index, slots)
        removed?.release()
        if count == 0 && capacity > Self.keptCapacity { releaseMemory() }
    }

    /// The streams at this moment, in no order.
    func all() -> [HTTP2Stream] {
        (0..<capacity).compactMap { slots.unsafelyUnwrapped[$0].stream?.takeUnretainedValue() }
    }

    /// Ids come one after the other: multiplied, they do not make runs that a removal has to walk (Fibonacci hashing).
    private func home(_ id: UInt32) -> Int { Int((id &* 0x9E37_79B9) >> 16) & (capacity &- 1) }

    /// Moves later entries of a probe into the gap (Knuth, TAOCP 6.4, algorithm R).
    private func closeGap(at start: Int, _ slots: UnsafeMutablePointer<Slot>) {
        var gap = start
        var index = start
        while true {
            index = (index &+ 1) & (capacity &- 1)
            guard slots[index].id != 0 else { break }
            let distance = (index &- home(slots[index].id)) & (capacity &- 1)
            if distance >= (index &- gap) & (capacity &- 1) {
                slots[gap] = slots[index]
                gap = index
            }
        }
        slots[gap] = Slot(id: 0, stream: nil)
    }

    private func place(_ slot: Slot) {
        guard let slots else { return }
        var index = home(slot.id)
        while slots[index].id != 0 { index = (index &+ 1) & (capacity &- 1) }
        slots[index] = slot
    }

    private mutating func releaseMemory() {
        slots?.deallocate()
        slots = nil
        capacity = 0
    }

    private mutating func grow() {
        let old = slots
        let oldCapacity = capacity
        capacity = max(Self.firstCapacity, oldCapacity * 2)
        slots = .allocate(capacity: capacity)
        slots?.initialize(repeating: Slot(id: 0, stream: nil), count: capacity)
        for index in 0..<oldCapacity where old.unsafelyUnwrapped[index].id != 0 {
            place(old.unsafelyUnwrapped[index])
        }
        old?.deallocate()
    }
}
