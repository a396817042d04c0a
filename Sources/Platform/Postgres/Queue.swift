/// First in, first out, in amortised constant time.
struct Queue<Element> {
    private var storage: [Element?] = []
    private var head = 0

    var count: Int { storage.count - head }
    var isEmpty: Bool { count == 0 }

    var first: Element? {
        head < storage.count ? storage[head] : nil
    }

    mutating func append(_ element: Element) {
        storage.append(element)
    }

    mutating func popFirst() -> Element? {
        guard head < storage.count else { return nil }
        let element = storage[head].take()
        head += 1
        if head == storage.count {
            storage.removeAll(keepingCapacity: storage.capacity <= 64)
            head = 0
        } else if head > 64, head * 2 > storage.count {
            storage.removeSubrange(..<head)
            head = 0
        }
        return element
    }

    /// Removes and gives the elements for which a condition holds, in order.
    mutating func remove(where condition: (Element) -> Bool) -> [Element] {
        var removed: [Element] = []
        var kept: [Element?] = []
        for case let element? in storage[head...] {
            if condition(element) { removed.append(element) } else { kept.append(element) }
        }
        guard !removed.isEmpty else { return [] }
        storage = kept
        head = 0
        return removed
    }

    /// Changes the first element in place.
    mutating func updateFirst<Result>(_ change: (inout Element) -> Result) -> Result? {
        guard head < storage.count, storage[head] != nil else { return nil }
        return change(&storage[head]!)
    }

    func forEach(_ body: (Element) -> Void) {
        for case let element? in storage[head...] { body(element) }
    }

    /// Changes every element in place, in order.
    mutating func updateEach(_ change: (inout Element) -> Void) {
        for index in head..<storage.count where storage[index] != nil { change(&storage[index]!) }
    }
}

extension Queue: Sendable where Element: Sendable {}
