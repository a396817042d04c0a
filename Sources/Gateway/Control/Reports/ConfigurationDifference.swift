public import Routing

/// What changes for clients from one configuration to another: what `gatehouse diff` prints.
public struct ConfigurationDifference: Codable, Sendable, Equatable {
    public struct Change: Codable, Sendable, Equatable {
        /// "added", "removed" or "changed".
        public var change: String
        /// "listener", "route", "backend", "provider" or "clients".
        public var kind: String
        public var name: String
        /// As "requiredScopes: a → b".
        public var details: [String]
        /// A request with another answer than before.
        public var witness: String?
    }

    public private(set) var changes: [Change] = []

    /// What tells one match of a route from the others; everything else is what becomes of its requests.
    private static let conditions: Set<String> = [
        "listener", "hostname", "path", "method", "headers", "queryParameters",
    ]
    /// Names that no client sees, and addresses, which come and go without the documents.
    private static let internals: Set<String> = ["route", "rule", "endpoints"]

    public init(from old: Translation, to new: Translation) {
        guard let before = old.table, let after = new.table else { return }
        let (first, second) = (RouteTableSummary(of: before), RouteTableSummary(of: after))
        compare(
            "listener", first.listeners.map { ($0.name, FlatValue.lines($0)) },
            second.listeners.map { ($0.name, FlatValue.lines($0)) })
        compareRoutes(before, after)
        compare(
            "backend", first.backends.map { ($0.name, FlatValue.lines($0)) },
            second.backends.map { ($0.name, FlatValue.lines($0)) })
        compare(
            "provider", first.tokenProviders.map { ($0.name, FlatValue.lines($0)) },
            second.tokenProviders.map { ($0.name, FlatValue.lines($0)) })
        compare("clients", [("limits", Self.lines(old.clients))], [("limits", Self.lines(new.clients))])
    }

    /// For people: one line for each change, its details below.
    public var text: String {
        let signs = ["added": "+", "removed": "-", "changed": "~"]
        return changes.map { change in
            let details = change.details + (change.witness.map { [$0] } ?? [])
            return (["\(signs[change.change] ?? "?") \(change.kind) \(change.name)"] + details.map { "    \($0)" })
                .joined(separator: "\n")
        }
        .joined(separator: "\n")
    }

    // MARK: - Private

    private mutating func compare(
        _ kind: String, _ old: [(name: String, lines: [String: String])],
        _ new: [(name: String, lines: [String: String])]
    ) {
        let before = Dictionary(old.map { ($0.name, $0.lines) }) { first, _ in first }
        let after = Dictionary(new.map { ($0.name, $0.lines) }) { first, _ in first }
        for (name, lines) in old where after[name] == nil {
            changes.append(
                Change(change: "removed", kind: kind, name: name, details: Self.details(lines, [:], without: "name")))
        }
        for (name, lines) in new {
            guard let was = before[name] else {
                changes.append(
                    Change(change: "added", kind: kind, name: name, details: Self.details([:], lines, without: "name")))
                continue
            }
            let details = Self.details(was, lines, isChange: true)
            if !details.isEmpty { changes.append(Change(change: "changed", kind: kind, name: name, details: details)) }
        }
    }

    private mutating func compareRoutes(_ before: RouteTable, _ after: RouteTable) {
        let old = Self.matches(of: before)
        let new = Self.matches(of: after)
        let wasKnown = Dictionary(old.map { ($0.key, $0) }) { first, _ in first }
        let isKnown = Set(new.map(\.key))
        for match in old where !isKnown.contains(match.key) {
            changes.append(
                Change(
                    change: "removed", kind: "route", name: match.key, details: Self.details(match.effects, [:]),
                    witness: Self.witness(of: match.entry, before, before, after)))
        }
        for match in new {
            let was = wasKnown[match.key]
            let details = Self.details(was?.effects ?? [:], match.effects)
            guard was == nil || !details.isEmpty else { continue }
            changes.append(
                Change(
                    change: was == nil ? "added" : "changed", kind: "route", name: match.key, details: details,
                    witness: Self.witness(of: match.entry, after, before, after)))
        }
    }

    /// The matches of a table, each once: what is asked of a request, and what becomes of it.
    private static func matches(
        of table: RouteTable
    ) -> [(key: String, effects: [String: String], entry: RouteEntry)] {
        var seen: Set<String> = []
        return table.entries.compactMap { entry in
            let route = RouteTableSummary.Route(entry, table: table)
            let key = "\(route.listener): \(route.matchText)"
            // Of two with the same conditions only the first serves.
            guard seen.insert(key).inserted else { return nil }
            let effects = FlatValue.lines(route).filter { !conditions.contains(name($0.key)) }
            return (key, effects, entry)
        }
    }

    /// A request of the entry's, with what served it before and what serves it now.
    private static func witness(
        of entry: RouteEntry, _ table: RouteTable, _ before: RouteTable, _ after: RouteTable
    ) -> String? {
        guard let witness = table.witness(of: entry) else { return nil }
        let name = table.listeners[entry.listener].name
        let texts = [before, after].map { text(of: witness, at: name, in: $0) }
        return texts[0] == texts[1] ? "\(witness)" : "\(witness): was \(texts[0]), now \(texts[1])"
    }

    private static func text(of witness: Witness, at listener: String, in table: RouteTable) -> String {
        var witness = witness
        guard let place = table.listeners.firstIndex(where: { $0.name == listener }) else { return "no listener" }
        witness.listener = place
        switch table.decision(on: witness) {
        case .notFound: return "404"
        case .misdirected: return "421"
        case .rule(let rule):
            let targets = rule.backends.map(\.backend.name).joined(separator: ", ")
            return rule.redirect?.description ?? (targets.isEmpty ? "no backend" : targets) + access(rule, table)
        }
    }

    private static func access(_ rule: RouteRule, _ table: RouteTable) -> String {
        guard let asked = rule.authentication, !asked.anonymousAllowed else { return " for anybody" }
        let scopes = asked.requiredScopes.isEmpty ? "" : " and scopes \(asked.requiredScopes.joined(separator: " "))"
        let ways = [
            asked.provider.map { "a token of \(table.tokenProviders[$0].name)" },
            asked.apiKeys.map { "a key of \(table.apiKeySets[$0].name)" },
        ]
        return " with " + ways.compactMap(\.self).joined(separator: " or ") + scopes
    }

    private static func details(
        _ old: [String: String], _ new: [String: String], isChange: Bool = false, without left: String? = nil
    ) -> [String] {
        Set(old.keys).union(new.keys).sorted().compactMap { path in
            guard !internals.contains(name(path)), path != left, old[path] != new[path] else { return nil }
            switch (old[path], new[path]) {
            case (let was?, let now?): return "\(path): \(was) → \(now)"
            case (let was?, nil): return new.isEmpty && !isChange ? "\(path): \(was)" : "\(path): \(was) → none"
            case (nil, let now?): return old.isEmpty && !isChange ? "\(path): \(now)" : "\(path): none → \(now)"
            case (nil, nil): return nil
            }
        }
    }

    /// The first field of a path: "a" of "a[0].b".
    private static func name(_ path: String) -> String { String(path.prefix { $0 != "." && $0 != "[" }) }

    private static func lines(_ clients: ClientSettings) -> [String: String] {
        var lines: [String: String] = [:]
        for child in Mirror(reflecting: clients).children {
            let value = Mirror(reflecting: child.value)
            guard let name = child.label, value.displayStyle == .optional, let known = value.children.first else {
                continue
            }
            lines[name] = "\(known.value)"
        }
        return lines
    }
}
