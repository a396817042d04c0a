public import Routing

/// What becomes of a request, and why: what `gatehouse explain` prints and `/explain` answers with.
public struct ExplanationReport: Codable, Sendable, Equatable {
    /// A match that does not serve the request.
    public struct Other: Codable, Sendable, Equatable {
        public var route: String
        public var rule: String
        public var listener: String
        /// As "GET example.com/path[/*] x: 1".
        public var match: String
        /// The first condition that does not hold.
        public var reason: String
    }

    /// A rate limit that counts the request.
    public struct Limit: Codable, Sendable, Equatable {
        /// The `RateLimitPolicy`, as "namespace/name".
        public var policy: String
        /// As "per-client: 100 in 1m by client address".
        public var limit: String
        /// What the requests have in common that it counts together, as "client address 192.0.2.1"; empty: all.
        public var key: [String]
    }

    /// "GET https://localhost:8443/path".
    public var request: String
    /// The host as it is matched; absent when the request was not read so far.
    public var host: String?
    /// Path and query as they are matched and forwarded.
    public var target: String?
    public var listener: RouteTableSummary.Listener?
    /// What happens, in one sentence.
    public var outcome: String
    /// Of the gateway's own answer; absent when the request is forwarded.
    public var status: Int?
    /// The match that serves, with its rule's filters and policies.
    public var route: RouteTableSummary.Route?
    public var backends: [RouteTableSummary.BackendPort]?
    /// What the rule makes of the caller's token or API key.
    public var token: String?
    /// In the order in which they are asked; absent when there are none.
    public var rateLimits: [Limit]?
    /// In order of precedence, at most `othersLimit`.
    public var others: [Other] = []
    public var othersLeftOut = 0
    public var notes: [String] = []

    /// Other matches beyond these are only counted.
    public static let othersLimit = 500
}

extension ExplanationReport {
    /// For people.
    public var text: String {
        var lines = [request, "  outcome     \(outcome)"]
        if let target, let host { lines.append("  read as     host \(host), target \(target)") }
        if let listener {
            lines.append(
                "  listener    \(listener.name) (\(listener.protocol), port \(listener.port), host \(listener.hostname), "
                    + "Gateway \(listener.gateway))")
        }
        if let route {
            lines.append("  route       \(route.route), rule \(route.rule)")
            lines.append("  match       \(route.matchText)")
            for (name, value) in route.particulars { lines.append("  \(Self.padded(name, 11)) \(value)") }
        }
        if let token { lines.append("  caller      \(token)") }
        for limit in rateLimits ?? [] {
            let key = limit.key.isEmpty ? "all requests together" : limit.key.joined(separator: ", ")
            lines.append("  limit       \(limit.policy) \(limit.limit)")
            lines.append("              counted with \(key)")
        }
        for backend in backends ?? [] {
            let endpoints = backend.endpoints.isEmpty ? "no address known" : backend.endpoints.joined(separator: ", ")
            let tls = backend.tls.map { " with TLS to \($0.hostname)" } ?? ""
            lines.append("  backend     \(backend.name), \(backend.protocol)\(tls): \(endpoints)")
            for difference in backend.traffic ?? [] { lines.append("              \(difference)") }
        }
        for note in notes { lines.append("  note        \(note)") }
        lines += othersText
        return lines.joined(separator: "\n")
    }

    private var othersText: [String] {
        guard !others.isEmpty else { return [] }
        let names = others.map { "\($0.route), rule \($0.rule)" }
        let (nameWidth, matchWidth) = (names.map(\.count).max() ?? 0, others.map(\.match.count).max() ?? 0)
        var lines = ["", "Why not the others, in order of precedence:"]
        for (name, other) in zip(names, others) {
            lines.append("  \(Self.padded(name, nameWidth))  \(Self.padded(other.match, matchWidth))  \(other.reason)")
        }
        if othersLeftOut > 0 { lines.append("  … and \(othersLeftOut) more") }
        return lines
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}

extension RouteTableSummary.Route {
    /// As "GET example.com/path[/*] x: 1".
    public var matchText: String {
        let host = hostname == "*" ? "" : hostname
        let conditions = ([host + path] + (queryParameters ?? []) + (headers ?? [])).joined(separator: " ")
        return "\(method ?? "any method") \(conditions)"
    }

    /// What the rule does besides choosing a backend, name and value.
    var particulars: [(name: String, value: String)] {
        var found: [(String, String)] = []
        let scopes = requiredScopes.map { ", scopes " + $0.joined(separator: " ") } ?? ""
        found.append(("policies", "authentication \(authentication)\(scopes)"))
        // Whatever else a rule has is shown as the summary names it.
        for (path, value) in FlatValue.lines(self).sorted(by: { $0.key < $1.key }) {
            let name = String(path.prefix { $0 != "." && $0 != "[" })
            if !Self.shownElsewhere.contains(name) { found.append((path, value)) }
        }
        return found
    }

    private static let shownElsewhere: Set<String> = [
        "listener", "hostname", "path", "method", "headers", "queryParameters", "route", "rule", "backends",
        "authentication", "requiredScopes",
    ]
}
