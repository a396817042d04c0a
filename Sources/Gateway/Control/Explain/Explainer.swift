import Policy
import Proxy
import Routing

/// Says what becomes of a request, by putting it to the engine that serves.
public struct Explainer: Sendable {
    let table: RouteTable
    /// By the name of a listener: the port that it is bound to, where that is not the declared one.
    let boundPorts: [String: UInt16]
    /// Checks a token for the provider at this place of the table.
    let verify: @Sendable (_ token: String, _ provider: Int) async -> Result<VerifiedToken, TokenRefusal>

    /// - Throws: `ExplainError` when no listener could have been meant.
    public func explain(_ request: ExplainedRequest) async throws(ExplainError) -> ExplanationReport {
        let arrival = try listener(for: request)
        let probe = RequestProbe(request.head, in: table, listener: arrival.listener)
        var report = ExplanationReport(request: "\(request.method) \(request.url)", outcome: "")
        report.notes = [arrival.note].compactMap(\.self)
        switch probe.answer {
        case .malformed(let reason): report.end(400, "the request is not read: \(reason)")
        case .methodNotServed: report.end(501, "the gateway serves no such method")
        case .ambiguousTarget(let reason): report.end(400, "the target is not read, because \(reason)")
        case .decided(let decision, let explanation):
            report.host = probe.host
            report.target = probe.target
            report.listener = RouteTableSummary.Listener(table.listeners[explanation.listener])
            addOthers(explanation, probe, request, to: &report)
            switch decision {
            case .notFound: report.end(404, "no route")
            case .misdirected: report.end(421, "the host belongs to another listener")
            case .rule(let rule): await add(rule, explanation, probe, request, to: &report)
            }
            check(decision, explanation, &report)
        }
        return report
    }

    /// Phase by phase, as `Exchange` does it.
    private func add(
        _ rule: RouteRule, _ explanation: Explanation, _ probe: RequestProbe, _ request: ExplainedRequest,
        to report: inout ExplanationReport
    ) async {
        guard let serving = explanation.serving else { return }
        let route = RouteTableSummary.Route(table.entries[serving], table: table)
        report.route = route
        if refusesAddress(rule, request, &report) { return }
        if probe.isPreflight {
            return report.end(204, "answered as a browser's question before the request itself (CORS)")
        }
        if rule.redirect != nil { return report.end(rule.redirect?.statusCode, "answered with a redirect") }
        report.backends = rule.backends.map { RouteTableSummary.BackendPort($0.backend) }
        var caller: VerifiedToken?
        if let asked = rule.authentication {
            guard let identified = await identify(asked, probe, &report) else { return }
            caller = identified
            if let denial = asked.denial(of: caller, access: rule.policies?.access) {
                return report.end(denial, policy: rule.policies?.access?.policy ?? "")
            }
        } else {
            report.token = "none is asked for"
        }
        addLimits(rule, probe, request, caller, to: &report)
        if probe.isHeadTooLarge { return report.end(431, "the head is larger than a TrafficPolicy allows") }
        if probe.isBodyTooLarge { return report.end(413, "the body is larger than a TrafficPolicy allows") }
        if rule.unresolvedWeight > 0 {
            let share = "\(rule.unresolvedWeight)/\(rule.totalWeight)"
            report.notes.append("\(share) of the requests are answered with 500: their backend cannot be resolved")
        }
        switch rule.backends.count {
        case 0: report.end(500, "no backend takes requests")
        case 1: report.end(nil, "forwarded to \(rule.backends[0].backend.name)")
        default: report.end(nil, "forwarded to one of \((route.backends ?? []).joined(separator: ", "))")
        }
    }

    /// That explaining and serving say the same is tested, and looked at here once more.
    private func check(_ decision: RouteTable.Decision, _ explanation: Explanation, _ report: inout ExplanationReport) {
        let served: Int? = if case .rule(let rule) = decision { rule.index } else { nil }
        if served != explanation.serving.map({ table.entries[$0].rule }) {
            report.notes.append("explaining and serving disagree: this is a defect of gatehouse, please report it")
        }
    }

    // MARK: - Listeners

    private func boundPort(of listener: Int) -> UInt16 {
        let declared = table.listeners[listener].port
        let sharing = table.listeners.filter { $0.port == declared }
        return sharing.lazy.compactMap { boundPorts[$0.name] }.first ?? declared
    }

    private func listener(for request: ExplainedRequest) throws(ExplainError) -> (listener: Int, note: String?) {
        let listeners = table.listeners
        let alike = listeners.indices.filter { (listeners[$0].transport == .https) == request.isTLS }
        if let exact = alike.first(where: { boundPort(of: $0) == request.port }) { return (exact, nil) }
        let known = listeners.indices.map { "\(listeners[$0].transport.rawValue) at \(boundPort(of: $0))" }
        let all = known.isEmpty ? "there is none" : "there is " + known.joined(separator: ", ")
        if listeners.indices.contains(where: { boundPort(of: $0) == request.port }) {
            throw ExplainError("the listener at port \(request.port) speaks another protocol; \(all)")
        }
        // A gateway is often reached by the port of something in front of it.
        if let only = alike.first, Set(alike.map { boundPort(of: $0) }).count == 1 {
            return (
                only, "no listener has port \(request.port); explained as if it came to port \(boundPort(of: only))"
            )
        }
        throw ExplainError("no listener has port \(request.port); \(all)")
    }

    // MARK: - What lost

    private func addOthers(
        _ explanation: Explanation, _ probe: RequestProbe, _ request: ExplainedRequest,
        to report: inout ExplanationReport
    ) {
        for (place, verdict) in explanation.verdicts.enumerated() {
            guard verdict != .serves else { continue }
            guard report.others.count < ExplanationReport.othersLimit else {
                report.othersLeftOut += 1
                continue
            }
            let entry = table.entries[place]
            let rule = table.rules[entry.rule]
            report.others.append(
                ExplanationReport.Other(
                    route: rule.routeName, rule: rule.ruleName, listener: table.listeners[entry.listener].name,
                    match: RouteTableSummary.Route(entry, table: table).matchText,
                    reason: reason(verdict, entry, probe, request)))
        }
    }

    private func reason(
        _ verdict: Explanation.Verdict, _ entry: RouteEntry, _ probe: RequestProbe, _ request: ExplainedRequest
    ) -> String {
        switch verdict {
        case .serves: return "serves"
        case .comesLater: return "holds too, but comes later"
        case .fails(.listener): return "listener: only at \(table.listeners[entry.listener].name)"
        case .fails(.hostname): return "host: \(probe.host) is not \(entry.hostname)"
        case .fails(.path):
            let path = probe.target.prefix { $0 != "?" }
            switch entry.path {
            case .exact(let wanted): return "path: \(path) is not \(wanted)"
            case .prefix(let wanted): return "path: \(path) is not below \(wanted)"
            case .regularExpression(let wanted): return "path: \(path) does not match \(wanted)"
            }
        case .fails(.method): return "method: \(request.method) is not \(entry.method ?? "")"
        case .fails(.header(let condition)):
            let sent = request.fields.filter { $0.name.lowercased() == condition.name }.map(\.value)
            let found = sent.isEmpty ? "not sent" : "\"\(sent.joined(separator: ","))\""
            return "header: \(condition.name) is \(found), not \(Self.text(condition.value))"
        case .fails(.query(let condition)):
            return "query: no \(condition.name) that is \(Self.text(condition.value))"
        }
    }
}

extension Explainer {
    private static func text(_ condition: ValueCondition) -> String {
        switch condition {
        case .exact: "\"\(condition)\""
        case .regularExpression(let expression): "something that matches \(expression)"
        }
    }
}

extension ExplanationReport {
    mutating func end(_ status: Int?, _ outcome: String) {
        self.status = status
        self.outcome = status.map { "\($0): \(outcome)" } ?? outcome
    }
}

extension TokenRefusal {
    /// For people who look for the reason; clients are told less.
    var text: String {
        switch self {
        case .malformed: "it is not a token of this form (RFC 7519)"
        case .unsupportedAlgorithm: "its algorithm is not allowed, or not its key's"
        case .unknownKey: "its key (kid) is not in the key set"
        case .badSignature: "its signature is wrong"
        case .expired: "it has expired"
        case .notYetValid: "it is not valid yet"
        case .wrongIssuer: "it is another issuer's"
        case .wrongAudience: "it is for another audience"
        case .revoked: "its issuer took it back"
        case .keysNotLoaded: "the keys are not loaded"
        case .overloaded: "too many wait"
        }
    }
}
