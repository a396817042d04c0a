import Foundation
import Glibc
import Synchronization
import TestSupport

/// A program that we started. Its output goes to two files, and it does not outlive this process.
final class ChildProcess: Sendable {
    enum End: Sendable, Equatable, CustomStringConvertible {
        case exited(Int32)
        case killed(signal: Int32)

        var description: String {
            switch self {
            case .exited(let status): "exit status \(status)"
            case .killed(let signal): "signal \(signal)"
            }
        }
    }

    let name: String
    let processID: pid_t
    private let ending: Mutex<End?>

    private init(name: String, processID: pid_t) {
        self.name = name
        self.processID = processID
        ending = Mutex(nil)
    }

    /// How it ended, or nil while it runs.
    var end: End? { ending.withLock { $0 } }

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - environment: All of its environment.
    ///   - logs: A folder; `<name>.out` and `<name>.err` there are appended to.
    /// - Throws: ``HarnessError`` when there is no such program.
    static func start(
        _ name: String, program: String, arguments: [String], environment: [String: String] = [:], logs: String
    ) async throws -> ChildProcess {
        // The kernel ends the program when the thread that started it ends, so that thread lives as long as it does.
        let command = ["/usr/bin/setpriv", "--pdeathsig", "TERM", program] + arguments
        let variables = environment.map { "\($0.key)=\($0.value)" }
        return try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                let processID: pid_t
                do {
                    processID = try spawn(command, environment: variables, output: "\(logs)/\(name)")
                } catch {
                    return continuation.resume(throwing: error)
                }
                let process = ChildProcess(name: name, processID: processID)
                continuation.resume(returning: process)
                process.waitForEnd()
            }
        }
    }

    /// Sends a signal, if the process has not ended.
    func signal(_ signal: Int32) {
        // Under the lock: the process id is not free for another process until `waitForEnd` has taken the lock.
        ending.withLock { if $0 == nil { kill(processID, signal) } }
    }

    /// Waits for the process's own end.
    ///
    /// - Throws: ``TestSupportError`` when it still runs after `limit`.
    @discardableResult
    func end(within limit: Duration) async throws -> End {
        try await eventually("the end of \(name)", within: limit) { end }
    }

    /// Asks the process to end, and insists after `limit`.
    ///
    /// - Returns: How it ended; `killed(signal: SIGKILL)` when it had to be forced.
    @discardableResult
    func stop(within limit: Duration = .seconds(15)) async throws -> End {
        signal(SIGTERM)
        do {
            return try await end(within: limit)
        } catch is TestSupportError {
            signal(SIGKILL)
            return try await end(within: .seconds(5))
        }
    }

    private func waitForEnd() {
        var information = siginfo_t()
        // Leaves the process as a zombie, so that its id still means it when the lock is taken.
        while waitid(P_PID, id_t(processID), &information, WEXITED | WNOWAIT) != 0 && errno == EINTR {}
        ending.withLock { end in
            var status: Int32 = 0
            while waitpid(processID, &status, 0) < 0 && errno == EINTR {}
            // wait(2): the low seven bits are the signal, the next byte the exit status.
            let signal = status & 0x7F
            end = signal == 0 ? .exited((status >> 8) & 0xFF) : .killed(signal: signal)
        }
    }

    private static func spawn(_ command: [String], environment: [String], output: String) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let appending = O_WRONLY | O_CREAT | O_APPEND
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "\(output).out", appending, 0o600)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "\(output).err", appending, 0o600)
        // What other tests have open is none of its business, and it would keep their pipes from ending.
        for descriptor in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap({ Int32($0) })
        where descriptor > STDERR_FILENO {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Threads of a test run may have signals blocked, and a child would inherit that.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let arguments = command.map { strdup($0) } + [nil]
        let variables = environment.map { strdup($0) } + [nil]
        defer { (arguments + variables).forEach { free($0) } }
        var processID = pid_t()
        let failure = posix_spawn(&processID, command[0], &actions, &attributes, arguments, variables)
        guard failure == 0 else {
            throw HarnessError("\(command[0]) did not start: \(String(cString: strerror(failure)))")
        }
        return processID
    }
}

extension ChildProcess {
    /// Runs a program to its end.
    ///
    /// - Returns: Its standard output.
    /// - Throws: ``HarnessError``, with its standard error, unless it exits with 0 within `limit`.
    static func run(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], limit: Duration = .seconds(30),
        logs: String
    ) async throws -> [UInt8] {
        let name = "\(URL(fileURLWithPath: program).lastPathComponent)-\(UUID().uuidString)"
        defer {
            for suffix in ["out", "err"] {
                // Nothing is lost with a file that is not there.
                try? FileManager.default.removeItem(atPath: "\(logs)/\(name).\(suffix)")
            }
        }
        let process = try await start(
            name, program: program, arguments: arguments, environment: environment, logs: logs)
        let end: End
        do {
            end = try await process.end(within: limit)
        } catch {
            process.signal(SIGKILL)
            throw error
        }
        guard end == .exited(0) else {
            let complaint = try String(contentsOfFile: "\(logs)/\(name).err", encoding: .utf8)
            throw HarnessError("\(program) ended with \(end): \(complaint)")
        }
        return Array(try Data(contentsOf: URL(fileURLWithPath: "\(logs)/\(name).out")))
    }
}
