import Dispatch
import Foundation
import Synchronization

/// Threads for test code that blocks: sockets with deadlines, waits for a condition.
///
/// Swift's own pool has as many threads as the machine has processors. Two tests that block there for a while starve every
/// other test, and fail those that have a deadline of a second or two.
public final class BlockingThreads: TaskExecutor {
    public static let shared = BlockingThreads()

    private struct State {
        var jobs: [UnownedJob] = []
        /// Threads that wait for a job, or will as soon as they run.
        var waiting = 0
    }

    private let state = Mutex(State())
    /// Counts `jobs`.
    private let arrived = DispatchSemaphore(value: 0)

    private init() {}

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let needsThread = state.withLock { state in
            state.jobs.append(job)
            guard state.jobs.count > state.waiting else { return false }
            state.waiting += 1
            return true
        }
        if needsThread { Thread.detachNewThread { self.serve() } }
        arrived.signal()
    }

    private func serve() {
        while true {
            arrived.wait()
            let job = state.withLock { state in
                state.waiting -= 1
                return state.jobs.removeFirst()
            }
            job.runSynchronously(on: asUnownedTaskExecutor())
            state.withLock { $0.waiting += 1 }
        }
    }
}
