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
        /// True, or absent.
        public var proxyProtocol: Bool?
    }

    public struct Provider: Codable, Sendable, Equatable {
        public var name: String
        public var issuer: String
        public var audiences: [String]
        public var algorithms: [String]
        public var clockSkewSeconds: Int
        public var keySet: String
        /// As "https://identity.example/revocations every 1000 ms".
        public var revocations: String?
        /// As "sub → x-user-id".
        public var claimsToHeaders: [String]?
    }

    public struct BackendPort: Codable, Sendable, Equatable {
        public var name: String
        public var `protocol`: String
        public var endpoints: [String]
        /// What differs from the defaults, as "retries.maximumRetries: 1"; absent when nothing does.
        public var traffic: [String]?
        public var tls: TLS?
    }

    public struct TLS: Codable, Sendable, Equatable {
        public var hostname: String
        public var subjectAltNames: [String]?
        /// "system", or the size of the PEM text.
        public var authorities: String
        public var clientCertificate: Bool
    }

    /// One way into a rule; the list is in order of precedence for each listener.
    public struct Route: Codable, Sendable, Equatable {
        public var listener: String
        public var hostname: String
        public var path: String
        public var method: String?
        public var headers: [String]?
        public var queryParameters: [String]?
        public var route: String
        public var rule: String
        public var backends: [String]?
        /// The share of its requests that is answered with 500, because it leads to nothing, as "1/3".
        public var unresolved: String?
        public var redirect: String?
        /// In words.
        public var filters: [String]?
        /// The cookie that keeps a client at an endpoint.
        public var sessionCookie: String?
        public var requestTimeoutMilliseconds: Int?
        public var backendRequestTimeoutMilliseconds: Int?
        /// As "2 on 502 503 after 25 ms"; absent when the rule has no `retry`.
        public var retries: String?
        /// "none", "anonymous", or the provider's name.
        public var authentication: String
        public var requiredScopes: [String]?
        /// As "groups: staff, admins".
        public var requiredClaims: [String]?
        /// The Secret that API keys are in.
        public var apiKeys: String?
        /// As "allow addresses", "deny claims groups: blocked".
        public var access: [String]?
        /// As "per-client: 100 in 1m by client address, burst 20".
        public var rateLimits: [String]?
        public var maxRequestBodyBytes: UInt64?
        public var maxRequestHeaderBytes: Int?
        public var loggedHeaders: [String]?
    }

    public var listeners: [Listener]
    public var tokenProviders: [Provider]
    public var backends: [BackendPort]
    public var routes: [Route]

    public init(of table: RouteTable) {
        listeners = table.listeners.map { Listener($0) }
        tokenProviders = table.tokenProviders.map {
            Provider(
                name: $0.name, issuer: $0.issuer, audiences: $0.audiences, algorithms: $0.algorithms.map(\.rawValue),
                clockSkewSeconds: $0.clockSkewSeconds, keySet: $0.keySet.description,
                revocations: $0.revocations.map { "\($0.uri) every \($0.intervalMilliseconds) ms" },
                claimsToHeaders: $0.claimsToHeaders.isEmpty
                    ? nil : $0.claimsToHeaders.map { "\($0.claim) → \($0.header)" })
        }
        backends = table.backends.map { BackendPort($0) }
        routes = table.entries.map { Route($0, table: table) }
    }
}

extension RouteTableSummary.Listener {
    public init(_ listener: ListenerDescription) {
        name = listener.name
        gateway = listener.gateway
        port = listener.port
        self.protocol = listener.transport.rawValue
        hostname = listener.hostname.description
        certificates = listener.certificates
        proxyProtocol = listener.proxyProtocol ? true : nil
    }
}

extension RouteTableSummary.BackendPort {
    public init(_ backend: Backend) {
        name = backend.name
        self.protocol = backend.wireProtocol.rawValue
        endpoints = backend.endpoints.map(\.description)
        traffic = backend.traffic.differences
        tls = backend.tls.map { RouteTableSummary.TLS($0) }
    }
}

extension RouteTableSummary.Route {
    public init(_ entry: RouteEntry, table: RouteTable) {
        let rule = table.rules[entry.rule]
        listener = table.listeners[entry.listener].name
        hostname = entry.hostname.description
        path = entry.path.description
        method = entry.method
        headers = entry.headers.isEmpty ? nil : entry.headers.map(\.description)
        queryParameters = entry.queryParameters.isEmpty ? nil : entry.queryParameters.map(\.description)
        route = rule.routeName
        self.rule = rule.ruleName
        let isSplit = rule.backends.count > 1
        backends =
            rule.backends.isEmpty
            ? nil
            : rule.backends.map { isSplit ? "\($0.backend.name) \($0.weight)/\(rule.totalWeight)" : $0.backend.name }
        if rule.unresolvedWeight > 0 || rule.backends.isEmpty && rule.redirect == nil {
            unresolved = rule.backends.isEmpty ? "all" : "\(rule.unresolvedWeight)/\(rule.totalWeight)"
        }
        redirect = rule.redirect?.description
        let filters =
            (rule.filters?.descriptions ?? [])
            + rule.backends.flatMap { choice in
                (choice.filters?.descriptions ?? []).map { "for \(choice.backend.name): \($0)" }
            }
        self.filters = filters.isEmpty ? nil : filters
        sessionCookie = rule.persistence?.name
        requestTimeoutMilliseconds = rule.requestTimeoutMilliseconds
        backendRequestTimeoutMilliseconds = rule.backendRequestTimeoutMilliseconds
        retries = rule.retries.map { retries in
            let statuses =
                retries.statuses.isEmpty ? "failures" : retries.statuses.map(String.init).joined(separator: " ")
            return "\(retries.maximumRetries) on \(statuses) after \(retries.backoffMilliseconds) ms"
        }
        switch rule.authentication {
        case nil: authentication = "none"
        case .some(let asked) where asked.anonymousAllowed: authentication = "anonymous"
        case .some(let asked):
            authentication =
                asked.provider.map { table.tokenProviders[$0].name } ?? asked.apiKeys.map { table.apiKeySets[$0].name }
                ?? "none"
        }
        requiredScopes = rule.authentication.flatMap { $0.requiredScopes.isEmpty ? nil : $0.requiredScopes }
        requiredClaims = rule.authentication.flatMap {
            $0.requiredClaims.isEmpty ? nil : $0.requiredClaims.map(\.description)
        }
        apiKeys = rule.authentication?.apiKeys.map { "Secret \(table.apiKeySets[$0].secret)" }
        guard let policies = rule.policies else { return }
        access = policies.access.map { $0.summary }
        rateLimits = policies.rateLimits.isEmpty ? nil : policies.rateLimits.map { table.rateLimits[$0].description }
        maxRequestBodyBytes = policies.requestBodyBytes
        maxRequestHeaderBytes = policies.requestHeaderBytes
        loggedHeaders = policies.loggedHeaders.isEmpty ? nil : policies.loggedHeaders
    }
}

extension ClaimCondition: CustomStringConvertible {
    public var description: String { "\(name): \(values.joined(separator: ", "))" }
}

extension AccessRule {
    /// What it allows and denies, a line each.
    var summary: [String] {
        var lines: [String] = []
        if !deniedAddresses.isEmpty { lines.append("deny addresses \(deniedAddresses)") }
        if !allowedAddresses.isEmpty { lines.append("allow addresses \(allowedAddresses)") }
        lines += deniedClaims.map { "deny claims \($0)" }
        lines += allowedClaims.map { "allow claims \($0)" }
        return lines
    }
}

extension RateLimit: CustomStringConvertible {
    public var description: String {
        var text = "\(name): \(requests) in \(Syntax.duration(periodMilliseconds))"
        if !key.isEmpty { text += " by " + key.map(\.description).joined(separator: " and ") }
        if burst != requests { text += ", burst \(burst)" }
        return isShadow ? text + " (shadow)" : text
    }
}

extension RateLimit.KeyPart: CustomStringConvertible {
    public var description: String {
        switch self {
        case .clientAddress: "client address"
        case .subject: "subject"
        case .consumer: "consumer"
        case .header(let name): "header \(name)"
        case .route: "route"
        case .rule: "rule"
        }
    }
}

extension RouteTableSummary.TLS {
    init(_ tls: BackendTLS) {
        hostname = tls.hostname
        subjectAltNames = tls.subjectAltNames.isEmpty ? nil : tls.subjectAltNames
        authorities = tls.authorities.map { "\($0.count) bytes" } ?? "system"
        clientCertificate = tls.clientCertificate != nil
    }
}

extension TrafficSettings {
    /// Each setting that is not the default, by its path; nil when there is none.
    var differences: [String]? {
        var defaults: [String: String] = [:]
        Self.collect(TrafficSettings(), "") { defaults[$0] = $1 }
        var found: [String] = []
        Self.collect(self, "") { path, text in
            if defaults[path] != text { found.append("\(path): \(text)") }
        }
        return found.isEmpty ? nil : found
    }

    private static func collect(_ value: Any, _ path: String, _ report: (String, String) -> Void) {
        let mirror = Mirror(reflecting: value)
        if mirror.displayStyle == .optional {
            if let some = mirror.children.first { collect(some.value, path, report) } else { report(path, "none") }
        } else if mirror.displayStyle == .struct, !mirror.children.isEmpty {
            for child in mirror.children {
                collect(child.value, path.isEmpty ? child.label ?? "" : "\(path).\(child.label ?? "")", report)
            }
        } else {
            report(path, "\(value)")
        }
    }
}

extension Redirect: CustomStringConvertible {
    public var description: String {
        let target = "\(scheme ?? "<scheme>")://\(hostname ?? "<host>")" + (port.map { ":\($0)" } ?? "")
        return "\(statusCode) \(target)" + (path.map { " \($0)" } ?? "")
    }
}

extension Endpoint: CustomStringConvertible {
    /// "address:port", with brackets around an IPv6 address.
    public var description: String {
        address.utf8.contains(UInt8(ascii: ":")) ? "[\(address)]:\(port)" : "\(address):\(port)"
    }
}
