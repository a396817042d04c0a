import Synchronization

/// What waits to be done, each kind at most once: a second wish for the same while one waits says nothing new, and none is
/// ever lost, however long the one before takes.
final class EventQueue<Event: Hashable & Sendable>: Sendable {
    private let waiting = Mutex<[Event]>([])
    private let wakeups: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    init() {
        (wakeups, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    func add(_ event: Event) {
        waiting.withLock { events in
            if !events.contains(event) { events.append(event) }
        }
        wake.yield()
    }

    /// Hands out one event after the other, first come first served, until the task is cancelled. For one task.
    func forEach(_ body: (Event) async -> Void) async {
        for await _ in wakeups {
            while let event = waiting.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { await body(event) }
        }
    }
}
