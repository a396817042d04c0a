import ArgumentParser
import Foundation

/// `passwords benchmark`: what the settings of Argon2id cost on this machine.
struct PasswordsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "passwords", abstract: "Password hashing.", subcommands: [Benchmark.self])

    struct Benchmark: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "benchmark",
            abstract: "Measure Argon2id with usual parameters, through the service's own queue.",
            discussion: "Neither database nor settings are needed. CPU time is that of the whole process.")

        @Option(help: "How many passwords are hashed at a time (PASSWORD_THREADS).") var threads = 2
        @Option(help: "How long each setting is measured.") var seconds = 2.0

        func validate() throws {
            guard 1...64 ~= threads else { throw ValidationError("--threads is 1 to 64") }
            guard 0.1...60 ~= seconds else { throw ValidationError("--seconds is 0.1 to 60") }
        }

        func run() async throws {
            print("  memory KiB  passes  lanes   CPU ms/hash   hashes/s   memory in all")
            for parameters in Self.settings {
                let measured = try await Self.measure(parameters, threads: threads, for: .seconds(seconds))
                print(Self.line(parameters, measured, threads: threads))
            }
        }

        /// The choices of OWASP's cheat sheet for password storage, then RFC 9106's second recommendation with one lane.
        private static let settings = [
            Argon2Parameters(memoryKibibytes: 7_168, passes: 5, lanes: 1),
            Argon2Parameters(memoryKibibytes: 9_216, passes: 4, lanes: 1),
            Argon2Parameters(memoryKibibytes: 12_288, passes: 3, lanes: 1),
            Argon2Parameters(memoryKibibytes: 19_456, passes: 2, lanes: 1),
            Argon2Parameters(memoryKibibytes: 47_104, passes: 1, lanes: 1),
            Argon2Parameters(memoryKibibytes: 65_536, passes: 3, lanes: 1),
        ]

        private struct Measurement {
            var hashes: Int
            var wallSeconds: Double
            var processorSeconds: Double
        }

        /// As many tasks as threads, each with its next password when the one before is hashed.
        private static func measure(
            _ parameters: Argon2Parameters, threads: Int, for duration: Duration
        ) async throws -> Measurement {
            let hasher = PasswordHasher(parameters: parameters, threads: threads, queueLimit: threads)
            let (start, processorStart) = (ContinuousClock.now, processorSeconds())
            let hashes = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<threads {
                    group.addTask {
                        var count = 0
                        while ContinuousClock.now - start < duration {
                            _ = try await hasher.hash("correct horse battery staple")
                            count += 1
                        }
                        return count
                    }
                }
                return try await group.reduce(0, +)
            }
            return Measurement(
                hashes: hashes, wallSeconds: (ContinuousClock.now - start) / .seconds(1),
                processorSeconds: processorSeconds() - processorStart)
        }

        private static func processorSeconds() -> Double { Double(clock()) / Double(CLOCKS_PER_SEC) }

        private static func line(_ parameters: Argon2Parameters, _ measured: Measurement, threads: Int) -> String {
            let milliseconds = measured.processorSeconds * 1_000 / Double(measured.hashes)
            let rate = Double(measured.hashes) / measured.wallSeconds
            let columns: [(String, Int)] = [
                ("\(parameters.memoryKibibytes)", 12), ("\(parameters.passes)", 8), ("\(parameters.lanes)", 7),
                (tenths(milliseconds), 14), (tenths(rate), 11),
                ("\(parameters.memoryKibibytes * threads / 1_024) MiB", 16),
            ]
            return columns.map { text, width in String(repeating: " ", count: max(0, width - text.count)) + text }
                .joined()
        }

        private static func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
    }
}
