import Foundation

/// Holds a thread until it is released.
final class HeldThread: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func wait() { semaphore.wait() }

    func release() { semaphore.signal() }
}
