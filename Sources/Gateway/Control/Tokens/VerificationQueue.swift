import Policy
public import ServiceLifecycle
import Synchronization

/// Where tokens wait for their signatures to be checked: bounded, first come first served, worked off by a fixed number
/// of tasks, so that a flood of bad tokens costs at most those and stalls no worker of the data plane.
public final class VerificationQueue: Service {
    struct Job: Sendable {
        let token: [UInt8]
        let provider: TokenVerifier.Provider
        let completion: @Sendable (Result<VerifiedToken, TokenRefusal>) -> Void
    }

    private struct State {
        var jobs: [Job] = []
        /// Jobs before this place are done; the array is cut when that is more than half of it.
        var head = 0
        var idle: [CheckedContinuation<Job?, Never>] = []
        var isClosed = false
        var results: [String: UInt64] = [:]

        var waiting: Int { jobs.count - head }

        mutating func takeFirst() -> Job? {
            guard head < jobs.count else { return nil }
            let job = jobs[head]
            head += 1
            if head * 2 > jobs.count {
                jobs.removeFirst(head)
                head = 0
            }
            return job
        }
    }

    /// The most tokens that wait; more are refused at once.
    public let capacity: Int
    /// How many tokens are checked at the same time.
    public let consumers: Int
    private let state = Mutex(State())
    private let secondsSince1970: @Sendable () -> Int64

    public init(capacity: Int = 8192, consumers: Int, secondsSince1970: @escaping @Sendable () -> Int64) {
        precondition(capacity > 0 && consumers > 0, "a queue needs room and somebody who works it off")
        self.capacity = capacity
        self.consumers = consumers
        self.secondsSince1970 = secondsSince1970
    }

    /// How many tokens wait now, and how many were checked so far by what came of it: "accepted" or the refusal's name.
    public var statistics: (waiting: Int, results: [String: UInt64]) {
        state.withLock { ($0.waiting, $0.results) }
    }

    /// Checks tokens until the shutdown, and then those that still wait.
    public func run() async {
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                await withDiscardingTaskGroup { group in
                    for _ in 0..<consumers { group.addTask { await self.work() } }
                }
            } onGracefulShutdown: {
                self.close()
            }
        } onCancel: {
            self.close()
        }
    }

    /// Never blocks. Returns false, and keeps nothing of the job, when the queue is full or closed.
    func submit(_ job: Job) -> Bool {
        let outcome = state.withLock { state -> (accepted: Bool, idle: CheckedContinuation<Job?, Never>?) in
            if state.isClosed || state.waiting >= capacity { return (false, nil) }
            if let idle = state.idle.popLast() { return (true, idle) }
            state.jobs.append(job)
            return (true, nil)
        }
        outcome.idle?.resume(returning: job)
        return outcome.accepted
    }

    private func close() {
        let idle = state.withLock { state in
            state.isClosed = true
            defer { state.idle = [] }
            return state.idle
        }
        for continuation in idle { continuation.resume(returning: nil) }
    }

    private func work() async {
        while let job = await next() {
            let result = job.provider.verify(job.token, nowSeconds: secondsSince1970())
            if result == .failure(.unknownKey), awaitsKey(job) { continue }
            let name =
                switch result {
                case .success: "accepted"
                case .failure(let refusal): "\(refusal)"
                }
            state.withLock { $0.results[name, default: 0] += 1 }
            job.completion(result)
        }
    }

    /// The job comes back when newer keys may be there. Then its key is not news any more, and it is answered.
    private func awaitsKey(_ job: Job) -> Bool {
        job.provider.awaitsKey(of: job.token) { [self] in
            if !submit(job) { job.completion(.failure(.overloaded)) }
        }
    }

    private func next() async -> Job? {
        await withCheckedContinuation { continuation in
            let ready = state.withLock { state -> Job?? in
                if let job = state.takeFirst() { return .some(job) }
                if state.isClosed { return .some(nil) }
                state.idle.append(continuation)
                return nil
            }
            if let ready { continuation.resume(returning: ready) }
        }
    }
}
