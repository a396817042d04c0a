import Policy
import Routing
import ServiceLifecycle
import Synchronization
import Testing

@testable import Control

@Suite(.timeLimit(.minutes(3))) struct VerificationQueueTests {
    private let provider = TokenVerifier.Provider(
        settings: TokenProvider(name: "p", issuer: "i", audiences: ["a"], keySet: .file(path: "/k")), keys: nil)

    private func queue(capacity: Int, consumers: Int = 2) -> VerificationQueue {
        VerificationQueue(capacity: capacity, consumers: consumers) { TokenFactory.now }
    }

    @Test func `refuses at once when it is full, and never calls the refused`() async {
        let queue = queue(capacity: 3)
        let verifier = TokenVerifier(providers: [provider], queue: queue)
        let results = Mutex<[Result<VerifiedToken, TokenRefusal>]>([])
        // Nobody works yet, so the queue fills.
        let accepted = (0..<5).map { _ in
            verifier.verify([], provider: 0) { result in results.withLock { $0.append(result) } }
        }
        #expect(accepted == [true, true, true, false, false])
        #expect(queue.statistics.waiting == 3)
        await runToEnd(queue)
        #expect(results.withLock { $0 } == Array(repeating: .failure(.malformed), count: 3))
        #expect(queue.statistics.results == ["malformed": 3])
    }

    @Test func `works off what waits before it ends, and takes nothing after`() async {
        let queue = queue(capacity: 100)
        let verifier = TokenVerifier(providers: [provider], queue: queue)
        let count = Atomic<Int>(0)
        for _ in 0..<100 {
            #expect(verifier.verify([], provider: 0) { _ in count.add(1, ordering: .relaxed) })
        }
        await runToEnd(queue)
        #expect(count.load(ordering: .relaxed) == 100)
        #expect(!verifier.verify([], provider: 0) { _ in Issue.record("called after the end") })
    }

    @Test func `hands a token to a consumer that waits`() async {
        let queue = queue(capacity: 1)
        let verifier = TokenVerifier(providers: [provider], queue: queue)
        await withTaskGroup { group in
            group.addTask { await queue.run() }
            for _ in 0..<50 {
                await withCheckedContinuation { continuation in
                    let isAccepted = verifier.verify([], provider: 0) { _ in continuation.resume() }
                    // One at a time, so a queue of one never overflows.
                    #expect(isAccepted)
                    // Cut short by the time limit, it must not wait for what never comes.
                    if !isAccepted { continuation.resume() }
                }
            }
            group.cancelAll()
        }
        #expect(queue.statistics.results == ["malformed": 50])
    }

    /// Runs a queue that is told to end from the beginning: it works off what it has.
    private func runToEnd(_ queue: VerificationQueue) async {
        let task = Task { await queue.run() }
        task.cancel()
        await task.value
    }
}
