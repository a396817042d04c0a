import Foundation
import Synchronization
import Testing

extension RunningSystem {
    @TaskLocal private static var scoped: RunningSystem?
    private static let hasIssues = Atomic<Bool>(false)

    /// The system of the suite that runs.
    static var current: RunningSystem {
        get throws { try #require(scoped, "the suite lacks the trait .runningSystem") }
    }

    /// Runs the system for the time of a suite, and shows the logs of its parts when a test of it failed.
    struct Trait: SuiteTrait, TestScoping {
        func provideScope(
            for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
        ) async throws {
            let system = try await RunningSystem.start()
            let result: Result<Void, any Error>
            do {
                try await RunningSystem.$scoped.withValue(system) { try await function() }
                result = .success(())
            } catch {
                result = .failure(error)
            }
            for problem in await system.end() { Issue.record("\(problem)") }
            if RunningSystem.hasIssues.load(ordering: .relaxed) {
                system.showLogs()
            } else {
                try FileManager.default.removeItem(atPath: system.folder)
            }
            try result.get()
        }
    }

    static func noteIssue() { hasIssues.store(true, ordering: .relaxed) }

    private func showLogs() {
        let files = LogFiles(folder: logs)
        let parts = Part.allCases.map { files.end(of: $0.rawValue) }.filter { !$0.isEmpty }
        let accesses = files.lines(of: "access.log").suffix(40).joined(separator: "\n")
        let text = "\(parts.joined(separator: "\n"))\n--- access.log\n\(accesses)\nAll of it: \(folder)\n"
        FileHandle.standardError.write(Data(text.utf8))
    }
}

extension Trait where Self == RunningSystem.Trait {
    /// One running system for all tests of the suite.
    static var runningSystem: Self { Self() }
}

extension Trait where Self == IssueHandlingTrait {
    /// Remembers that something failed, so that the logs are shown at the end.
    static var keepingLogsOfFailures: Self {
        compactMapIssues { issue in
            RunningSystem.noteIssue()
            return issue
        }
    }
}

/// The whole system, from a client's socket to Postgres and back.
///
/// One system serves all tests, one test at a time: some of them take parts of it down.
@Suite(.runningSystem, .keepingLogsOfFailures, .serialized, .timeLimit(.minutes(5)))
struct EndToEnd {}
