import CPostgres
import Synchronization

extension PipelinedConnection {
    /// Begins to connect; the owner hears how it went.
    func open() {
        let deadline: Instant? = core.withLock { core in
            // Closed before it was opened: the poller must not get to know it, it would keep it for ever.
            guard core.phase == .resolving else { return nil }
            _ = pollerToken
            return core.connectDeadline
        }
        guard let deadline else { return }
        poller.wake(at: deadline)
        guard configuration.needsResolution else { return begin(addresses: []) }
        let isRunning = DetachedThread.run(named: "postgres-resolve") { [self] in
            let addresses = HostAddresses.resolve(configuration.host)
            guard !addresses.isEmpty else {
                return close(PostgresError(.connectionFailure, "the host \(configuration.host) has no address"))
            }
            begin(addresses: addresses)
        }
        if !isRunning { close(PostgresError(.connectionFailure, "no thread to resolve the host's name")) }
    }

    private func begin(addresses: [String]) {
        let token = pollerToken
        let failure: PostgresError? = core.withLock { core in
            guard core.phase == .resolving else { return nil }
            let parameters = configuration.connectionParameters(addresses: addresses)
            guard let handle = ConnectionHandle(parameters: parameters, logger: logger) else {
                return PostgresError(.connectionFailure, "libpq has no memory")
            }
            core.handle = handle
            core.phase = .connecting
            guard !handle.isBroken else { return handle.error }
            // The first thing to wait for is writing (PQconnectStart, ch. 34.1.1).
            return watch(handle, token: token, writable: true)
        }
        if let failure { close(failure) }
    }

    /// Goes on connecting. Under the lock.
    func connect(_ core: inout Core, _ turn: inout Turn) {
        guard let handle = core.handle else { return }
        switch PQconnectPoll(handle.raw) {
        case PGRES_POLLING_READING: turn.broken = watch(handle, token: pollerToken, writable: false)
        case PGRES_POLLING_WRITING: turn.broken = watch(handle, token: pollerToken, writable: true)
        case PGRES_POLLING_OK: turn.broken = start(&core, handle, &turn)
        default: turn.broken = handle.error
        }
    }

    private func start(_ core: inout Core, _ handle: ConnectionHandle, _ turn: inout Turn) -> PostgresError? {
        guard PQsetnonblocking(handle.raw, 1) == 0, PQenterPipelineMode(handle.raw) == 1,
            let canceller = Canceller(handle)
        else { return handle.error }
        core.canceller = canceller
        core.phase = .open
        turn.opened = true
        return watch(handle, token: pollerToken, writable: false)
    }

    /// Watches the socket, which libpq may have replaced since (it tries one address after the other).
    private func watch(_ handle: ConnectionHandle, token: Poller.Token, writable: Bool) -> PostgresError? {
        let failure = poller.watch(handle.descriptor, for: token, writable: writable)
        return failure == 0 ? nil : PostgresError(.connectionFailure, "the socket cannot be watched (\(failure))")
    }
}
