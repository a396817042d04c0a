/// A route table in a form for people and for other programs: what `gatehouse routes` and `/routes` show.
///
/// Holds no secrets: keys and certificates appear by name.
public struct RouteTableSummary: Codable, Sendable, Equatable {
    public struct Listener: Codable, Sendable, Equatable {
        public var name: String
        public var gateway: String
        public var port: UInt16
        public var `protocol`: String
        public var hostname: String
        public var certificates: [String]
    }

    public struct Provider: Codable, Sendable, Equatable {
        public var name: String
        public var issuer: String
        public var audiences: [String]
        public var algorithms: [String]
        public var clockSkewSeconds: Int
        public var keySet: String
    }

    public struct BackendPort: Codable, Sendable, Equatable {
        public var name: String
        public var `protocol`: String
        public var endpoints: [String]
    }

    /// One way into a rule; the list is in order of precedence for each listener.
    public struct Route: Codable, Sendable, Equatable {
        public var listener: String
        public var hostname: String
        public var path: String
        public var method: String?
        public var headers: [String]?
        public var route: String
        public var rule: String
        public var backends: [String]?
        public var redirect: String?
        public var requestTimeoutMilliseconds: Int?
        public var backendRequestTimeoutMilliseconds: Int?
        /// "none", "anonymous", or the provider's name.
        public var authentication: String
        public var requiredScopes: [String]?
    }

    public var listeners: [Listener]
    public var tokenProviders: [Provider]
    public var backends: [BackendPort]
    public var routes: [Route]

    public init(of table: RouteTable) {
        listeners = table.listeners.map {
            Listener(
                name: $0.name, gateway: $0.gateway, port: $0.port, protocol: $0.transport.rawValue,
                hostname: $0.hostname.description, certificates: $0.certificates)
        }
        tokenProviders = table.tokenProviders.map {
            Provider(
                name: $0.name, issuer: $0.issuer, audiences: $0.audiences, algorithms: $0.algorithms.map(\.rawValue),
                clockSkewSeconds: $0.clockSkewSeconds, keySet: $0.keySet.description)
        }
        backends = table.backends.map {
            BackendPort(
                name: $0.name, protocol: $0.wireProtocol.rawValue, endpoints: $0.endpoints.map(\.description))
        }
        routes = table.entries.map { Route($0, table: table) }
    }
}

extension RouteTableSummary.Route {
    init(_ entry: RouteEntry, table: RouteTable) {
        let rule = table.rules[entry.rule]
        listener = table.listeners[entry.listener].name
        hostname = entry.hostname.description
        path = entry.path.description
        method = entry.method
        headers = entry.headers.isEmpty ? nil : entry.headers.map { "\($0.name): \($0.value)" }
        route = rule.routeName
        self.rule = rule.ruleName
        let isSplit = rule.backends.count > 1
        backends =
            rule.backends.isEmpty
            ? nil
            : rule.backends.map { isSplit ? "\($0.backend.name) \($0.weight)/\(rule.totalWeight)" : $0.backend.name }
        redirect = rule.redirect?.description
        requestTimeoutMilliseconds = rule.requestTimeoutMilliseconds
        backendRequestTimeoutMilliseconds = rule.backendRequestTimeoutMilliseconds
        switch rule.authentication {
        case nil: authentication = "none"
        case .some(let asked) where asked.anonymousAllowed: authentication = "anonymous"
        case .some(let asked): authentication = table.tokenProviders[asked.provider].name
        }
        let scopes = rule.authentication?.requiredScopes ?? []
        requiredScopes = scopes.isEmpty ? nil : scopes
    }
}

extension Redirect: CustomStringConvertible {
    public var description: String {
        let target = "\(scheme ?? "<scheme>")://\(hostname ?? "<host>")" + (port.map { ":\($0)" } ?? "")
        return "\(statusCode) \(target)"
    }
}

extension Endpoint: CustomStringConvertible {
    /// "address:port", with brackets around an IPv6 address.
    public var description: String {
        address.utf8.contains(UInt8(ascii: ":")) ? "[\(address)]:\(port)" : "\(address):\(port)"
    }
}
