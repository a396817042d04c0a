import GatewayTestSupport
import Synchronization

/// A number that one thread writes and another watches.
final class Progress: Sendable {
    private let number = Atomic<Int>(0)

    var value: Int { number.load(ordering: .relaxed) }
    func set(_ value: Int) { number.store(value, ordering: .relaxed) }
    func increment() -> Int { number.wrappingAdd(1, ordering: .relaxed).newValue }

    /// Waits until the number has not changed for a while.
    func settle() {
        var last = -1
        var unchanged = 0
        _ = eventually {
            unchanged = value == last ? unchanged + 1 : 0
            last = value
            return unchanged > 200
        }
    }
}

/// Shut until a test opens it: an endpoint that waits there is as slow as the test wants.
final class Gate: Sendable {
    private let isOpen = Atomic<Bool>(false)

    var isShut: Bool { !isOpen.load(ordering: .relaxed) }
    func open() { isOpen.store(true, ordering: .relaxed) }
    func shut() { isOpen.store(false, ordering: .relaxed) }
    /// Thirty seconds at most.
    func wait() { _ = eventually(within: 30) { isOpen.load(ordering: .relaxed) } }
}
