import Routing
import Wire

/// What one worker needs to record a request of one rule.
final class RuleRecord {
    private let counters: TrafficCounters
    /// What the access log says of the rule: fields beginning with a comma.
    let logText: [UInt8]
    /// The most that is logged of one such field.
    static let loggedBytes = 256
    /// Request fields that the log tells: the name, and as a member of a JSON object: `"name":`.
    let loggedHeaders: [(name: [UInt8], text: [UInt8])]

    init(_ rule: RouteRule, _ counters: WorkerCounters) {
        self.counters = counters.counters(of: .rule(route: rule.routeName, rule: rule.ruleName))
        var text: [UInt8] = []
        text.append(literal: ",\"route\":")
        text.append(jsonString: rule.routeName)
        text.append(literal: ",\"rule\":")
        text.append(jsonString: rule.ruleName)
        logText = text
        loggedHeaders = (rule.policies?.loggedHeaders ?? []).map { name in
            var text: [UInt8] = []
            text.append(jsonString: name)
            text.append(UInt8(ascii: ":"))
            return (Array(name.utf8), text)
        }
    }

    func finished(_ outcome: Outcome, status: UInt16, microseconds: UInt64) {
        counters.finished(outcome, status: status, microseconds: microseconds)
    }
}

extension Exchange {
    /// The first field of each name, as an object; what the client did not send is left out.
    func append(_ logged: [(name: [UInt8], text: [UInt8])], to line: inout ByteWriter) {
        var isFirst = true
        for header in logged {
            for index in request.headers.indices where !request.headers.isRemoved(at: index) {
                guard request.headers.withName(at: index, { $0.equals(header.name) }) else { continue }
                line.append(literal: isFirst ? ",\"request_headers\":{" : ",")
                isFirst = false
                line.append(bytes: header.text.span)
                request.headers.withValue(at: index) { value in
                    line.append(jsonString: value.extracting(first: RuleRecord.loggedBytes))
                }
                break
            }
        }
        if !isFirst { line.append(UInt8(ascii: "}")) }
    }
}
