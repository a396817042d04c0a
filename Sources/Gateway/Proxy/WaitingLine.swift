/// First come, first served, and whoever gives up leaves without a search: a queue whose places are known by ticket.
struct WaitingLine<Element> {
    private var places: [Element?] = []
    /// The ticket of `places[0]`.
    private var first = 0
    /// Places before this one are empty.
    private var head = 0
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }
    /// What it holds in memory, empty places included: a bound on `count` alone would not bound it.
    var length: Int { places.count - head }

    /// - Returns: the ticket to leave with.
    mutating func append(_ element: Element) -> Int {
        places.append(element)
        count += 1
        return first + places.count - 1
    }

    mutating func popFirst() -> Element? {
        while head < places.count {
            let element = places[head].take()
            head += 1
            guard let element else { continue }
            count -= 1
            trim()
            return element
        }
        trim()
        return nil
    }

    /// Does nothing when the ticket was served.
    mutating func remove(ticket: Int) {
        let place = ticket - first
        guard place >= head, place < places.count, places[place] != nil else { return }
        places[place] = nil
        count -= 1
        if count == 0 { head = places.count }
        trim()
    }

    private mutating func trim() {
        guard head > 0, head == places.count || head >= 64 && head * 2 >= places.count else { return }
        places.removeFirst(head)
        first += head
        head = 0
    }
}
