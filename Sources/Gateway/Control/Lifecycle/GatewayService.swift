import Logging
import Proxy
import Reactor
import Routing
import ServiceLifecycle
import UnixSignals

/// The data plane as a service: starts it, replaces its configuration on SIGHUP, and drains it at the end.
struct GatewayService: Service {
    /// How often the names of backends are looked up again.
    static let nameRefreshInterval = Duration.seconds(30)
    /// While a name has no address.
    static let nameRetryInterval = Duration.seconds(5)

    private enum Event: Sendable {
        case reload
        case refreshNames
    }

    let gateway: Gateway
    /// SIGHUP.
    let hangups: UnixSignalsSequence
    let keeper: ConfigurationKeeper
    let accessLog: AccessLog
    let drainSeconds: Int
    let status: ControlStatus
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
        // One place for each kind of event: a second SIGHUP while one waits says nothing new.
        let (reloads, reload) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingOldest(2))
        await withTaskGroup { group in
            group.addTask {
                for await _ in hangups { reload.yield(.reload) }
            }
            group.addTask {
                // Sleeping fails only when it is cancelled, which ends the loop.
                while (try? await Task.sleep(for: refreshInterval)) != nil { reload.yield(.refreshNames) }
            }
            var keeper = keeper
            for await event in reloads { await handle(event, &keeper) }
            group.cancelAll()
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
                let snapshot = try await keeper.load()
                try install(snapshot)
                status.update { $0.reloads += 1 }
                logger.notice("configuration replaced", metadata: ["rules": "\(snapshot.routes.rules.count)"])
            case .refreshNames:
                guard keeper.usesNames, let snapshot = try await keeper.refreshEndpoints() else { return }
                try install(snapshot)
                logger.info("addresses of backends changed")
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
}
