import Routing

/// What one worker needs to record a request of one rule.
final class RuleRecord {
    private let counters: TrafficCounters
    /// What the access log says of the rule: fields beginning with a comma.
    let logText: [UInt8]

    init(_ rule: RouteRule, _ counters: WorkerCounters) {
        self.counters = counters.counters(of: .rule(route: rule.routeName, rule: rule.ruleName))
        var text: [UInt8] = []
        text.append(literal: ",\"route\":")
        text.append(jsonString: rule.routeName)
        text.append(literal: ",\"rule\":")
        text.append(jsonString: rule.ruleName)
        logText = text
    }

    func finished(_ outcome: Outcome, status: UInt16, microseconds: UInt64) {
        counters.finished(outcome, status: status, microseconds: microseconds)
    }
}
