/// What is probably not meant in a route table that is valid: found by asking the table itself about made-up requests.
public struct RouteLint: Sendable, Hashable {
    public enum Check: String, Sendable, CaseIterable {
        /// No request gets to this match: another listener takes its hosts.
        case unreachable = "unreachable-route"
        /// No request gets to this match: one before it in the same route has the same conditions.
        case shadowed = "shadowed-route"
        /// Nothing in the documents says which of two routes serves a request: their ages or names decide.
        case ambiguous = "ambiguous-route"
        /// A backend is reached, and no policy says who may.
        case unauthenticated = "no-authentication"
    }

    public var check: Check
    /// A place in `RouteTable.rules`: whose fault it is.
    public var rule: Int
    public var message: String
    /// A request that shows it.
    public var witness: Witness
}

extension RouteTable {
    /// At most so many pairs of routes are compared with each other at one path of one host.
    private static let comparedAtOnePlace = 64

    /// Everything that is probably not meant, in the order of the rules, each kind once for a rule and its opponent.
    public func lint() -> [RouteLint] {
        var found: [RouteLint] = []
        var reached: [Int: Witness] = [:]
        for entry in entries {
            if let witness = witness(of: entry) {
                if reached[entry.rule] == nil { reached[entry.rule] = witness }
            } else if !entry.hasExpressions {
                found.append(unreached(entry))
            }
        }
        found += overlaps()
        for rule in rules where rule.authentication == nil && !rule.backends.isEmpty {
            // A rule that nothing reaches gives nothing away.
            guard let witness = reached[rule.index] else { continue }
            let message = "reaches a backend without an AuthenticationPolicy; if that is meant, say anonymous"
            found.append(RouteLint(check: .unauthenticated, rule: rule.index, message: message, witness: witness))
        }
        var seen: Set<String> = []
        return found.enumerated()
            .filter { seen.insert("\($0.element.check) \($0.element.rule) \($0.element.message)").inserted }
            .sorted { ($0.element.rule, $0.offset) < ($1.element.rule, $1.offset) }
            .map(\.element)
    }

    private func unreached(_ entry: RouteEntry) -> RouteLint {
        let witness = plainest(for: entry)
        let rule = rules[entry.rule]
        guard case .rule(let other) = decision(on: witness) else {
            let message = "no request reaches \(Self.name(entry)): another listener of the port takes its hosts"
            return RouteLint(check: .unreachable, rule: rule.index, message: message, witness: witness)
        }
        let explanation = explanation(of: witness)
        let isElsewhere = explanation.listener != entry.listener
        if !isElsewhere, other.routeName != rule.routeName {
            let why = whyFirst(other, rule)
            let message =
                "\(other.routeName) has \(Self.name(entry)) too, and serves it, because \(why); one of them has to go"
            return RouteLint(check: .ambiguous, rule: rule.index, message: message, witness: witness)
        }
        let why = isElsewhere ? "listener \"\(listeners[explanation.listener].name)\" takes its hosts" : nil
        let message =
            "no request reaches \(Self.name(entry)): "
            + (why ?? "rule \(other.ruleName) of the route comes before it with the same conditions")
        return RouteLint(
            check: isElsewhere ? .unreachable : .shadowed, rule: rule.index, message: message, witness: witness)
    }

    /// Routes whose conditions differ only in their headers, so that a request with all of them is either's.
    private func overlaps() -> [RouteLint] {
        struct Place: Hashable {
            let listener: Int
            let hostname: Hostname
            let path: PathCondition
            let method: String?
            let headers: Int
            let queryParameters: [QueryCondition]
        }
        var groups: [Place: [RouteEntry]] = [:]
        for entry in entries where !entry.headers.isEmpty {
            let place = Place(
                listener: entry.listener, hostname: entry.hostname, path: entry.path, method: entry.method,
                headers: entry.headers.count, queryParameters: entry.queryParameters)
            groups[place, default: []].append(entry)
        }
        var found: [RouteLint] = []
        for group in groups.values where group.count > 1 {
            for (index, later) in group.enumerated().prefix(Self.comparedAtOnePlace) {
                for earlier in group[..<index] {
                    if let overlap = overlap(of: earlier, later) { found.append(overlap) }
                }
            }
        }
        return found
    }

    private func overlap(of earlier: RouteEntry, _ later: RouteEntry) -> RouteLint? {
        let (first, second) = (rules[earlier.rule], rules[later.rule])
        guard first.routeName != second.routeName else { return nil }
        var headers = earlier.headers
        for condition in later.headers {
            if let known = headers.first(where: { $0.name == condition.name }) {
                if known.value.example != condition.value.example { return nil }
            } else {
                headers.append(condition)
            }
        }
        guard headers.count > later.headers.count else { return nil }
        var witness = plainest(for: later)
        witness.headers = headers.map { HeaderCondition(name: $0.name, value: $0.value.example) }
        guard case .rule(let winner) = decision(on: witness), winner.index == first.index else { return nil }
        let message =
            "a request can have the headers of \(second.routeName) and of \(first.routeName); "
            + "\(first.routeName) serves it, because \(whyFirst(first, second))"
        return RouteLint(check: .ambiguous, rule: second.index, message: message, witness: witness)
    }

    /// What decides between two rules whose conditions weigh the same.
    private func whyFirst(_ first: RouteRule, _ second: RouteRule) -> String {
        func created(_ rule: RouteRule) -> Int64? { entries.first { $0.rule == rule.index }?.createdSeconds }
        return created(first) == created(second) ? "its name comes first" : "it is older"
    }

    private static func name(_ entry: RouteEntry) -> String {
        var parts = [entry.method ?? "any method", "path \(entry.path)"]
        if entry.hostname != .any { parts.append("host \(entry.hostname)") }
        parts += entry.headers.map(\.description) + entry.queryParameters.map { "query \($0)" }
        return "the match " + parts.joined(separator: ", ")
    }
}

extension RouteEntry {
    /// Of a regular expression one example is tried; that it goes elsewhere does not say that all requests do.
    fileprivate var hasExpressions: Bool {
        if case .regularExpression = path { return true }
        return (headers.map(\.value) + queryParameters.map(\.value)).contains {
            if case .regularExpression = $0 { true } else { false }
        }
    }
}
