import Logging
import Postgres
import ServiceKit
import ServiceLifecycle

/// Sends what lies in the mailroom.
struct MessageDispatch: Service, CustomStringConvertible {
    let resources: Resources
    let senders: [any MessageSender]
    let description = "messages to people"

    func run() async throws {
        if senders.isEmpty {
            resources.logger.warning("messages to people are lost: neither MESSAGES_FILE nor MESSAGES_LOG is set")
        }
        // The server has stopped before: what it put there is sent, nothing comes behind.
        await withGracefulShutdownHandler {
            for await job in resources.mailroom.jobs {
                do {
                    guard let message = try await message(of: job) else { continue }
                    if senders.isEmpty { resources.mailroom.loseQuietly() }
                    for sender in senders { try await sender.send(message) }
                } catch {
                    resources.mailroom.lose("\(error)")
                }
            }
        } onGracefulShutdown: {
            resources.mailroom.close()
        }
    }

    private func message(of job: Mailroom.Job) async throws -> Message? {
        switch job {
        case .send(let message): message
        case .resetPassword(let email): try await Passwords(resources: resources).prepareReset(email)
        }
    }
}

/// Reads the signing keys every ten seconds, and makes the next one when it is time.
struct KeyReading: Service, CustomStringConvertible {
    let resources: Resources
    let description = "signing keys"

    func run() async throws {
        var outage = Outage()
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            var pause = SigningKeys.recheck
            do {
                try await resources.keys.read()
                if outage.succeeded() { resources.logger.notice("signing keys are read again") }
            } catch let error as PostgresError {
                resources.logger.log(
                    level: outage.failed(error), "signing keys could not be read", metadata: ["reason": "\(error)"])
                pause = .seconds(1)
            } catch {
                resources.logger.error("signing keys could not be read", metadata: ["reason": "\(error)"])
            }
            do {
                try await cancelWhenGracefulShutdown { [pause] in try await Task.sleep(for: pause) }
            } catch {
                return
            }
        }
    }
}

extension KeyReading {
    /// How loudly it is told that the database is away: once as a warning, and once that it is back.
    struct Outage {
        private var isOn = false
        private var hasSucceeded = false

        mutating func failed(_ error: PostgresError) -> Logger.Level {
            // At first there is no table (42P01): the database is migrated meanwhile. That is no outage.
            if !hasSucceeded, error.sqlState == "42P01" { return .info }
            defer { isOn = true }
            return isOn ? .info : .warning
        }

        /// - Returns: Whether an outage is over.
        mutating func succeeded() -> Bool {
            hasSucceeded = true
            defer { isOn = false }
            return isOn
        }
    }
}

/// Deletes expired rows every minute.
struct Cleaning: Service, CustomStringConvertible {
    static let interval = Duration.seconds(60)

    let resources: Resources
    let description = "cleaning of expired rows"

    func run() async throws {
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            do {
                try await cancelWhenGracefulShutdown { try await Task.sleep(for: Self.interval) }
                let deleted = try await resources.store.clean(in: resources.database)
                resources.logger.debug("expired rows deleted", metadata: ["count": "\(deleted)"])
            } catch is CancellationError {
                return
            } catch {
                resources.logger.warning("expired rows could not be deleted", metadata: ["reason": "\(error)"])
            }
        }
    }
}
