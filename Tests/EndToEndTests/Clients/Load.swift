import Foundation
import Synchronization
import TestSupport

/// Requests that are sent over and over by several clients at once while something happens to the system.
final class Load: Sendable {
    /// One request and how it went.
    struct Shot: Sendable {
        /// From 0, for each client.
        let number: Int
        let requestID: String
        let elapsed: Duration
        let result: Result<Answer, any Error>

        var status: Int? { try? result.get().status }
    }

    private struct State {
        var shots: [Shot] = []
        var isOver = false
    }

    private let state = Mutex(State())

    /// What has been answered, or has failed, so far.
    var shots: [Shot] { state.withLock { $0.shots } }

    /// Waits for `count` more successes (status 200 or 201) than there are now.
    func progress(of count: Int, within limit: Duration = .seconds(30)) async throws {
        let goal = successes + count
        try await eventually("\(count) more successes", within: limit) { successes >= goal }
    }

    private var successes: Int {
        state.withLock { $0.shots.count { $0.status == 200 || $0.status == 201 } }
    }

    private var isOver: Bool { state.withLock { $0.isOver } }

    private func end() { state.withLock { $0.isOver = true } }

    /// Shoots until `work` is done, and at most for four minutes and a half: a test's own limit comes after that.
    ///
    /// - Parameters:
    ///   - clients: How many there are; each sends its next request when the one before is answered.
    ///   - shoot: Gets the client's number and the request id to send.
    /// - Returns: Every shot.
    static func run(
        clients: Int, shoot: @escaping @Sendable (_ client: Int, _ requestID: String) async throws -> Answer,
        during work: (Load) async throws -> Void
    ) async throws -> [Shot] {
        let load = Load()
        let deadline = ContinuousClock.now + .seconds(270)
        return try await withThrowingDiscardingTaskGroup { group in
            for client in 0..<clients {
                group.addTask {
                    var number = 0
                    while !load.isOver && ContinuousClock.now < deadline {
                        await load.shoot(number, { try await shoot(client, $0) })
                        number += 1
                    }
                }
            }
            defer { load.end() }
            try await work(load)
            return load
        }.shots
    }

    private func shoot(_ number: Int, _ work: (String) async throws -> Answer) async {
        let requestID = UUID().uuidString
        let start = ContinuousClock.now
        let result: Result<Answer, any Error>
        do {
            result = .success(try await work(requestID))
        } catch {
            result = .failure(error)
        }
        let shot = Shot(
            number: number, requestID: requestID, elapsed: ContinuousClock.now - start, result: result)
        state.withLock { $0.shots.append(shot) }
    }
}
