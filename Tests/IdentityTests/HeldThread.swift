import Foundation

@testable import Identity

/// Holds threads until it is released, once and for all.
final class HeldThread: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    /// To be called on threads of the hasher only: a thread that runs tasks must never be held.
    func wait() {
        semaphore.wait()
        // Whoever comes after passes as well.
        semaphore.signal()
    }

    func release() { semaphore.signal() }
}

/// Keeps one thread of the hasher busy, from before `body` until it releases it or ends, however it ends.
func withHeldThread(of hasher: PasswordHasher, _ body: (HeldThread) async throws -> Void) async throws {
    let held = HeldThread()
    let (entered, entrance) = AsyncStream.makeStream(of: Void.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
        defer { held.release() }
        group.addTask {
            defer { entrance.finish() }
            try await hasher.perform {
                entrance.finish()
                held.wait()
                return .success(())
            }
        }
        for await _ in entered {}
        try await body(held)
        held.release()
        try await group.waitForAll()
    }
}
