import Foundation
import Logging
import Metrics
import Postgres
import ServiceKit
import ServiceLifecycle
import Telemetry

/// Sends messages to people. Conform another type to it to send e-mails.
protocol MessageSender: Sendable {
    func send(_ message: Message) async throws
}

/// Whether messages go to the log.
enum MessageLog: String, CaseIterable, Sendable {
    case on
    case off
}

/// Writes messages to the log: for development, where everybody who reads it may be everybody.
struct LogSender: MessageSender {
    let logger: Logger

    func send(_ message: Message) async throws {
        // Not called a token: that would be redacted.
        logger.notice(
            "message to a person",
            metadata: [
                "purpose": "\(message.purpose.rawValue)", "address": "\(message.address)",
                "code": "\(message.token.text)", "expires_at": "\(message.expiresAt)",
            ])
    }
}

/// Appends messages to a file that only its owner reads, a JSON object a line: for scripts in development.
struct FileSender: MessageSender {
    let path: String

    struct Failure: Error, CustomStringConvertible {
        let path: String
        var description: String { "\(path) cannot be written" }
    }

    func send(_ message: Message) async throws {
        let line: JSONValue = [
            "purpose": .string(message.purpose.rawValue), "email": .string(message.address),
            "token": .string(message.token.text), "expires_at": .string("\(message.expiresAt)"),
        ]
        let files = FileManager.default
        guard
            files.fileExists(atPath: path)
                || files.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]),
            let file = FileHandle(forWritingAtPath: path)
        else { throw Failure(path: path) }
        try file.seekToEnd()
        try file.write(contentsOf: Data((line.text + "\n").utf8))
        try file.close()
    }
}

/// What is to be sent, until it is sent: at most a thousand jobs; what comes beyond is lost, and counted.
final class Mailroom: Sendable {
    static let capacity = 1_000

    enum Job: Sendable {
        case send(Message)
        case resetPassword(EmailAddress)
    }

    let jobs: AsyncStream<Job>
    private let continuation: AsyncStream<Job>.Continuation
    private let logger: Logger
    private let lost: Counter

    init(logger: Logger, metrics: MetricsRegistry) {
        self.logger = logger
        (jobs, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.capacity))
        metrics.describe("identity_messages_lost_total", "Messages to people that were not sent.")
        lost = Counter(label: "identity_messages_lost", factory: metrics)
    }

    func put(_ job: Job) {
        if case .enqueued = continuation.yield(job) { return }
        lose("too many are waiting, or the service is stopping")
    }

    /// Takes no more; what waits is still sent.
    func close() { continuation.finish() }

    /// One more that nobody sends, of which the log knows already.
    func loseQuietly() { lost.increment() }

    func lose(_ reason: String) {
        lost.increment()
        logger.error("a message was not sent", metadata: ["reason": "\(reason)"])
    }
}
