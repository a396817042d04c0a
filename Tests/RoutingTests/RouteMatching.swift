import Routing

/// A request, as far as matching looks at it.
struct Request: CustomStringConvertible {
    var listener = 0
    var host = "example.com"
    var path = "/"
    var query = ""
    var method = "GET"
    var headers: [String: String] = [:]

    var description: String { "\(method) \(listener)/\(host)\(path)?\(query) \(headers)" }

    func holds(_ condition: HeaderCondition) -> Bool {
        headers[condition.name].map { condition.value.matches(Array($0.utf8).span) } ?? false
    }
}

extension RouteTable {
    func decide(_ request: Request) -> Decision {
        match(
            listener: request.listener, host: Array(request.host.utf8).span, path: Array(request.path.utf8).span,
            query: Array(request.query.utf8).span, method: Array(request.method.utf8).span
        ) { request.holds($0) }
    }

    /// The name of the rule that serves the request, or nil.
    func rule(_ request: Request) -> String? {
        if case .rule(let rule) = decide(request) { rule.ruleName } else { nil }
    }
}

/// A table whose rules are named and have one entry each.
func table(
    listeners: [ListenerDescription] = [ListenerDescription(name: "https", port: 443, transport: .https)],
    _ named: KeyValuePairs<String, RouteEntry>
) -> RouteTable {
    let backend = Backend(index: 0, name: "default/a:80", wireProtocol: .http1, endpoints: [])
    var rules: [RouteRule] = []
    var entries: [RouteEntry] = []
    for (name, entry) in named {
        // "route/rule" gives the route a name of its own.
        let parts = name.split(separator: "/")
        var entry = entry
        entry.rule = rules.count
        entries.append(entry)
        rules.append(
            RouteRule(
                index: rules.count, routeName: parts.count > 1 ? String(parts[0]) : "route",
                ruleName: String(parts[parts.count - 1]), backends: [WeightedBackend(backend: backend)]))
    }
    return RouteTable(listeners: listeners, backends: [backend], rules: rules, entries: entries)
}

func entry(
    listener: Int = 0, _ hostname: Hostname = .any, _ path: PathCondition = .prefix("/"), method: String? = nil,
    headers: [HeaderCondition] = [], query: [QueryCondition] = [], created: Int64? = nil
) -> RouteEntry {
    RouteEntry(
        listener: listener, hostname: hostname, path: path, method: method, headers: headers,
        queryParameters: query, rule: 0,
        createdSeconds: created)
}
