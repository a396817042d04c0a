import Logging
import Proxy

/// What the admin interface sees of the process, and can make it do.
struct AdminProcess: Sendable {
    var figures: @Sendable () -> GatewayFigures = { GatewayFigures() }
    /// By the listener's name.
    var boundPorts: @Sendable () -> [String: UInt16] = { [:] }
    /// The busiest clients, at most so many, and how many there are.
    var clients: @Sendable (Int) async -> (count: Int, busiest: [ConnectionReport.Client]) = { _ in (0, []) }
    var logLevel = LogLevelControl(.info)
    /// Begins the orderly end of the process, as SIGTERM does.
    var drain: @Sendable () -> Void = {}

    func connections(to listeners: [String]) async -> ConnectionReport {
        let gateway = figures().gateway
        let ports = boundPorts()
        let found = await clients(ConnectionReport.clientLimit)
        return ConnectionReport(
            open: gateway.connectionsOpen, accepted: gateway.connectionsAccepted, refused: gateway.connectionsRefused,
            evicted: gateway.connectionsEvicted, abusive: gateway.connectionsAbusive,
            handshakesFailed: gateway.handshakesFailed, requestsOpen: gateway.requestsOpen,
            listeners: listeners.map { name in
                let counted = gateway.listeners[name] ?? ListenerStatistics()
                return ConnectionReport.Listener(
                    name: name, port: ports[name], open: counted.connectionsOpen,
                    accepted: counted.connectionsAccepted)
            },
            clients: found.count, busiestClients: found.busiest)
    }
}
