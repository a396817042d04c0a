/// Ids of streams that wait for their turn, first in, first out. A stream that closes meanwhile stays in it, and whoever
/// takes it out finds no stream of that id.
struct StreamQueue: ~Copyable, Sendable {
    private var ids = Arena<UInt32>(firstCapacity: 16)
    private var first = 0

    var isEmpty: Bool { first == ids.count }

    mutating func append(_ id: UInt32) {
        // What was taken leaves room again, at the latest when it is half of all.
        if first > 16 && first * 2 > ids.count { compact() }
        ids.append(id)
    }

    mutating func next() -> UInt32? {
        guard !isEmpty else { return nil }
        let id = ids[first]
        first += 1
        if isEmpty {
            ids.removeAll()
            first = 0
        }
        return id
    }

    private mutating func compact() {
        let rest = ids.count - first
        for index in 0..<rest { ids.replace(at: index, with: ids[first + index]) }
        ids.truncate(to: rest)
        first = 0
    }
}
