import Logging
import Proxy
import Reactor
import Routing
import ServiceLifecycle
import UnixSignals

/// The data plane as a service: starts it, replaces its configuration on SIGHUP, and drains it at the end.
struct GatewayService: Service {
    /// How often the names of backends are looked up again. getaddrinfo does not tell how long an answer holds, and
    /// nameservers in clusters say five seconds (CoreDNS's `ttl`).
    static let nameRefreshInterval = Duration.seconds(5)
    /// Files that changed are looked at again after this time, until they are at rest…
    static let settleInterval = Duration.milliseconds(100)
    /// … or so often. Then other events have their turn.
    private static let settleLooks = 20
    /// While a name has no address.
    static let nameRetryInterval = Duration.seconds(1)

    private enum Event: Sendable {
        case reload
        case refreshNames
        case lookAtFiles
        case keysFetched
        case feedsTurned
    }

    let gateway: Gateway
    /// SIGHUP.
    let hangups: UnixSignalsSequence
    let keeper: ConfigurationKeeper
    let accessLog: AccessLog
    let drainSeconds: Int
    /// How often the files of the configuration are looked at where the file system does not tell of changes; 0: they are
    /// not watched at all.
    let watchSeconds: Int
    let status: ControlStatus
    var keySets: RemoteKeySets?
    var revocations: RevocationFeeds?
    let logger: Logger

    func run() async throws {
        try gateway.start()
        status.update { $0.phase = .serving }
        let listening = status.values.table?.listeners.map(\.name).joined(separator: ", ") ?? ""
        logger.notice("serving", metadata: ["listeners": "\(listening)"])
        await cancelWhenGracefulShutdown { await followEvents() }
        status.update { $0.phase = .draining }
        logger.notice("draining", metadata: ["deadline_seconds": "\(drainSeconds)"])
        await gateway.drain(deadlineSeconds: drainSeconds)
        accessLog.close()
        logger.notice("stopped")
    }

    /// Handles one event after the other until it is cancelled.
    private func followEvents() async {
        let events = EventQueue<Event>()
        await withTaskGroup { group in
            group.addTask {
                for await _ in hangups { events.add(.reload) }
            }
            group.addTask {
                // Sleeping fails only when it is cancelled, which ends the loop.
                while (try? await Task.sleep(for: refreshInterval)) != nil { events.add(.refreshNames) }
            }
            let notices = watchSeconds > 0 ? makeNotices() : nil
            if let notices { group.addTask { await notices.forEach { events.add(.lookAtFiles) } } }
            if watchSeconds > 0 {
                group.addTask {
                    while (try? await Task.sleep(for: .seconds(watchSeconds))) != nil { events.add(.lookAtFiles) }
                }
            }
            keySets?.onFetch { events.add(.keysFetched) }
            events.add(.keysFetched)
            revocations?.onTurn { events.add(.feedsTurned) }
            events.add(.feedsTurned)
            var keeper = keeper
            var told: [String: String] = [:]
            if notices?.watch(keeper.watchedFolders) == true { events.add(.lookAtFiles) }
            await events.forEach { event in
                await handle(event, &keeper)
                if event == .keysFetched { tellKeySets(&told) }
                if event == .feedsTurned { tellRevocations(&told) }
                if event != .refreshNames, notices?.watch(keeper.watchedFolders) == true { events.add(.lookAtFiles) }
                tellFailedHandshakes(&told)
            }
            group.cancelAll()
        }
    }

    private func makeNotices() -> ConfigurationNotices? {
        do throws(ReactorError) {
            return try ConfigurationNotices()
        } catch {
            logger.warning(
                "changes of files are not told; they are looked at",
                metadata: ["every_seconds": "\(watchSeconds)", "reason": "\(error)"])
            return nil
        }
    }

    /// Logs why TLS to an endpoint failed, once for each reason.
    private func tellFailedHandshakes(_ told: inout [String: String]) {
        for endpoint in gateway.endpoints {
            let name = "\(endpoint.backend) \(endpoint.endpoint)"
            guard let failure = endpoint.lastTLSFailure, told[name] != failure else { continue }
            told[name] = failure
            logger.warning("TLS to an endpoint failed", metadata: ["endpoint": "\(name)", "reason": "\(failure)"])
        }
    }

    /// Logs why a key set cannot be had, once for each reason until it is had again.
    private func tellKeySets(_ told: inout [String: String]) {
        for (number, set) in (keySets?.figures ?? []).enumerated() {
            let name = "key set \(number) \(set.uri)"
            guard told[name] != set.lastFailure else { continue }
            told[name] = set.lastFailure
            guard let failure = set.lastFailure else { continue }
            logger.warning(
                "a key set could not be fetched; keys that were loaded before stay in use",
                metadata: ["uri": "\(set.uri)", "reason": "\(failure)"])
        }
    }

    /// Logs which feeds answer, which do not, and which have more to say than is kept, when that has changed.
    private func tellRevocations(_ told: inout [String: String]) {
        for (number, feed) in (revocations?.figures ?? []).enumerated() {
            let name = "feed \(number) \(feed.uri)"
            let state = feed.failure ?? (feed.answeredAt == nil ? nil : feed.isOverfull ? "overfull" : "answers")
            guard told[name] != state else { continue }
            told[name] = state
            if state == nil { continue }
            if let failure = feed.failure {
                logger.warning(
                    "a revocation feed does not answer; what it told before stays in force",
                    metadata: ["uri": "\(feed.uri)", "reason": "\(failure)"])
            } else if feed.isOverfull {
                logger.warning(
                    "a revocation feed has more entries than are kept; tokens are refused that nobody revoked",
                    metadata: ["uri": "\(feed.uri)", "entries": "\(feed.entries)"])
            } else {
                logger.notice(
                    "a revocation feed answers", metadata: ["uri": "\(feed.uri)", "entries": "\(feed.entries)"])
            }
        }
    }

    private var refreshInterval: Duration {
        status.values.unresolvedNames.isEmpty ? Self.nameRefreshInterval : Self.nameRetryInterval
    }

    /// A listener's address that cannot be had refuses the whole configuration.
    private func install(_ snapshot: Snapshot) throws(ConfigurationError) {
        do throws(ReactorError) {
            try gateway.replace(snapshot)
        } catch {
            throw ConfigurationError(diagnostics: [Diagnostic(.error, at: Place(file: ""), "\(error)")])
        }
    }

    private func handle(_ event: Event, _ keeper: inout ConfigurationKeeper) async {
        do throws(ConfigurationError) {
            switch event {
            case .reload:
                accessLog.reopen()
                try await reload(&keeper, because: "SIGHUP")
            case .lookAtFiles:
                for _ in 0..<Self.settleLooks {
                    if keeper.filesHaveChanged() { return try await reload(&keeper, because: "files changed") }
                    // At rest, or cancelled: the next look is somebody else's.
                    guard keeper.filesAreChanging, (try? await Task.sleep(for: Self.settleInterval)) != nil else {
                        return
                    }
                }
            case .refreshNames:
                guard keeper.usesNames, let snapshot = try await keeper.refreshEndpoints() else { return }
                try install(snapshot)
                logger.info("addresses of backends changed")
            case .keysFetched:
                guard let snapshot = try keeper.refreshKeys() else { return }
                try install(snapshot)
                logger.notice("the keys of an issuer changed")
            case .feedsTurned:
                keeper.tellRevocations()
            }
        } catch {
            status.update {
                $0.refusedReloads += 1
                $0.refusal = error.diagnostics.filter { $0.severity == .error }
            }
            for diagnostic in error.diagnostics where diagnostic.severity == .error {
                logger.error("configuration refused, the old one keeps serving: \(diagnostic)")
            }
        }
    }

    private func reload(_ keeper: inout ConfigurationKeeper, because reason: String) async throws(ConfigurationError) {
        let before = status.values
        var next = keeper
        do throws(ConfigurationError) {
            let snapshot = try await next.load()
            try install(snapshot)
            keeper = next
            keeper.dropUnusedKeySets()
            status.update { $0.reloads += 1 }
            logger.notice(
                "configuration replaced",
                metadata: ["rules": "\(snapshot.routes.rules.count)", "reason": "\(reason)"])
        } catch {
            // What is in use stays what it was; only the files are known, so that they are not refused twice.
            keeper.hasSeenFiles(as: next)
            keeper.dropUnusedKeySets()
            status.update {
                $0.table = before.table
                $0.verifier = before.verifier
                $0.revocations = before.revocations
                $0.documents = before.documents
                $0.authorities = before.authorities
                $0.rateLimiters = before.rateLimiters
                $0.configuredAtSeconds = before.configuredAtSeconds
                $0.certificates = before.certificates
                $0.problems = before.problems
                $0.objects = before.objects
                $0.unresolvedNames = before.unresolvedNames
            }
            throw error
        }
    }
}
