/// Which entry wins when several hold for a request.
///
/// The order is that of the specification (Gateway API v1, `HTTPRouteSpec.hostnames` and `HTTPRouteRule.matches`).
enum Precedence {
    static func sorted(_ entries: [RouteEntry], rules: [RouteRule]) -> [RouteEntry] {
        entries.indices
            .sorted { left, right in
                let first = entries[left]
                let second = entries[right]
                if first.listener != second.listener { return first.listener < second.listener }
                let (host, otherHost) = (rank(first.hostname), rank(second.hostname))
                if host != otherHost { return host > otherHost }
                let (path, otherPath) = (
                    rank(first.path, rules[first.rule].kind), rank(second.path, rules[second.rule].kind)
                )
                if path != otherPath { return path > otherPath }
                if (first.method == nil) != (second.method == nil) { return first.method != nil }
                if first.headers.count != second.headers.count { return first.headers.count > second.headers.count }
                if first.queryParameters.count != second.queryParameters.count {
                    return first.queryParameters.count > second.queryParameters.count
                }
                let (age, otherAge) = (first.createdSeconds ?? .max, second.createdSeconds ?? .max)
                if age != otherAge { return age < otherAge }
                let (rule, otherRule) = (rules[first.rule], rules[second.rule])
                if rule.routeName != otherRule.routeName { return rule.routeName < otherRule.routeName }
                if rule.index != otherRule.index { return rule.index < otherRule.index }
                return left < right
            }
            .map { entries[$0] }
    }

    /// An exact host before any wildcard, a longer wildcard before a shorter one.
    static func rank(_ hostname: Hostname) -> Int {
        switch hostname {
        case .any: 0
        case .wildcard(let suffix): 1 + suffix.utf8.count
        case .exact(let name): 1 << 32 + name.utf8.count
        }
    }

    /// An exact path before any regular expression, which the specification leaves to implementations; then prefixes. A
    /// longer text before a shorter one; a slash at a prefix's end does not count. An expression of a GRPCRoute stands
    /// for a method of any service, which comes after every service by its name (`GRPCRouteRule.matches`).
    private static func rank(_ path: PathCondition, _ kind: RouteKind) -> Int {
        switch path {
        case .prefix(let text): 2 * (text.utf8.count - text.utf8.reversed().prefix { $0 == UInt8(ascii: "/") }.count)
        case .regularExpression where kind == .grpc: 1
        case .regularExpression(let expression): 1 << 32 + expression.text.utf8.count
        case .exact(let text): 1 << 33 + text.utf8.count
        }
    }
}
