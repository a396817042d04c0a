import Foundation
import Proxy
import Routing

/// What `/readyz` answers with.
struct ReadinessReport: Codable, Sendable, Equatable {
    var ready: Bool
    var phase: String
    /// What is missing before the process is ready.
    var waitingFor: [String]
    /// Why a newer configuration is not in use. The process is ready all the same: the older one serves.
    var refusedConfiguration: [String]
    /// What of the configuration in use is left out, and why. The rest serves.
    var problems: [String]
    var unresolvedNames: [String]
    /// Revocation feeds that do not answer. The process is ready all the same: what they told before is in force.
    var revocationProblems: [String]

    init(_ values: ControlStatus.Values) {
        var waitingFor = values.waitingFor
        switch values.phase {
        case .starting: waitingFor.insert("the listeners", at: 0)
        case .draining: waitingFor = []
        case .serving: break
        }
        if values.table == nil && values.phase == .starting { waitingFor.insert("a configuration", at: 0) }
        self.waitingFor = waitingFor
        ready = values.phase == .serving && waitingFor.isEmpty
        phase = values.phase.rawValue
        refusedConfiguration = values.refusal.map(\.description)
        problems = values.problems.map(\.description)
        unresolvedNames = values.unresolvedNames
        revocationProblems = values.revocationProblems
    }
}

/// One endpoint as `/endpoints` shows it, summed over the workers.
struct EndpointReport: Codable, Sendable, Equatable {
    var backend: String
    var endpoint: String
    /// "healthy"; "unhealthy": its health checks fail; "ejected": a worker leaves it alone after failures.
    var state: String
    var workersEjecting: UInt64
    var requestsActive: UInt64
    var requestsPending: UInt64
    var connectionsOpen: UInt64
    var connectionsIdle: UInt64
    /// Since the start.
    var requests: UInt64
    var retries: UInt64
    var ejections: UInt64
    var failures: [String: UInt64]
    var healthChecks: UInt64
    var healthChecksFailed: UInt64
    var lastTLSFailure: String?

    init(_ endpoint: EndpointStatistics) {
        backend = endpoint.backend
        self.endpoint = endpoint.endpoint
        state = !endpoint.isHealthy ? "unhealthy" : endpoint.workersEjecting > 0 ? "ejected" : "healthy"
        workersEjecting = endpoint.workersEjecting
        requestsActive = endpoint.requestsActive
        requestsPending = endpoint.requestsPending
        connectionsOpen = endpoint.connectionsOpen
        connectionsIdle = endpoint.connectionsIdle
        requests = endpoint.requests
        retries = endpoint.retries
        ejections = endpoint.ejections
        failures = [
            "connect": endpoint.failuresConnect, "tls": endpoint.failuresTLS, "timeout": endpoint.failuresTimeout,
            "reset": endpoint.failuresReset, "malformed": endpoint.failuresMalformed, "status": endpoint.failuresStatus,
        ]
        healthChecks = endpoint.healthChecks
        healthChecksFailed = endpoint.healthChecksFailed
        lastTLSFailure = endpoint.lastTLSFailure
    }

    static func all(_ endpoints: [EndpointStatistics]) -> [EndpointReport] {
        endpoints.map { EndpointReport($0) }.sorted { ($0.backend, $0.endpoint) < ($1.backend, $1.endpoint) }
    }
}

/// What `/connections` shows.
struct ConnectionReport: Codable, Sendable, Equatable {
    struct Listener: Codable, Sendable, Equatable {
        var name: String
        /// That it is bound to; absent for one that shares another's socket.
        var port: UInt16?
        var open: UInt64
        var accepted: UInt64
    }

    struct Client: Codable, Sendable, Equatable {
        /// An IPv4 address or an IPv6 /64.
        var client: String
        var open: Int
    }

    /// At most so many clients are named.
    static let clientLimit = 50

    var open: UInt64
    var accepted: UInt64
    var refused: UInt64
    var evicted: UInt64
    var abusive: UInt64
    var handshakesFailed: UInt64
    var requestsOpen: UInt64
    var listeners: [Listener]
    var clients: Int
    /// Those with the most connections.
    var busiestClients: [Client]
}

/// What the page asks for every second: totals since the start, from which it makes rates.
struct LiveReport: Codable, Sendable, Equatable {
    struct Rule: Codable, Sendable, Equatable {
        /// By the first digit of the status; 0: none.
        var classes: [UInt64]
        /// How many took as long as the bound of that place.
        var durations: [UInt64]
    }

    /// Seconds since 1970.
    var time: Double
    /// Changes when the page has to be made anew.
    var configuredAt: Int64
    var phase: String
    var refused: Bool
    /// By the first digit of the status; 0: none.
    var responses: [UInt64]
    /// Requests that neither were forwarded nor redirected, by how they ended.
    var outcomes: [String: UInt64]
    var requestsOpen: UInt64
    var connectionsOpen: UInt64
    var heldBytes: UInt64
    var residentBytes: UInt64
    /// Milliseconds.
    var durationBounds: [Double]
    /// By "namespace/route rule".
    var rules: [String: Rule]
    var endpoints: [EndpointReport]
    var listeners: [String: UInt64]

    init(_ figures: GatewayFigures, status: ControlStatus.Values, time: Double) {
        let gateway = figures.gateway
        self.time = time
        configuredAt = status.configuredAtSeconds
        phase = status.phase.rawValue
        refused = !status.refusal.isEmpty
        responses = gateway.responses
        outcomes = Self.unusual(gateway)
        requestsOpen = gateway.requestsOpen
        connectionsOpen = gateway.connectionsOpen
        heldBytes = gateway.loops.heldBytes
        residentBytes = figures.memory.residentBytes
        durationBounds = TrafficStatistics.durationBounds.map { Double($0) / 1000 }
        rules = [:]
        for (subject, traffic) in gateway.traffic {
            guard case .rule(let route, let rule) = subject else { continue }
            rules["\(route) \(rule)"] = Rule(classes: traffic.statuses, durations: traffic.durations)
        }
        endpoints = EndpointReport.all(figures.endpoints)
        listeners = gateway.listeners.mapValues(\.connectionsOpen)
    }

    static func unusual(_ gateway: GatewayStatistics) -> [String: UInt64] {
        var found: [String: UInt64] = [:]
        for (outcome, count) in gateway.requests where count > 0 && outcome != .forwarded && outcome != .redirected {
            found[outcome.rawValue] = count
        }
        return found
    }
}
