import Policy
import Proxy
import Reactor
import Routing

/// What a rule's policies make of a request.
extension Explainer {
    /// - Returns: whether the request ends here.
    func refusesAddress(
        _ rule: RouteRule, _ request: ExplainedRequest, _ report: inout ExplanationReport
    ) -> Bool {
        guard let access = rule.policies?.access, access.asksForAddresses else { return false }
        guard let address = request.clientAddress, let words = AddressSet.words(of: address) else {
            report.notes.append(
                "AccessPolicy \(access.policy) looks at the client's address: --client-address says what becomes of one"
            )
            return false
        }
        if access.admits(high: words.high, low: words.low) { return false }
        report.end(403, "AccessPolicy \(access.policy) does not admit \(address)")
        return true
    }

    /// - Returns: who calls, and nil within that when nobody is shown; nil when the request ends here.
    func identify(
        _ asked: AuthenticationRule, _ probe: RequestProbe, _ report: inout ExplanationReport
    ) async -> VerifiedToken?? {
        switch probe.evidence {
        case .apiKey(nil):
            report.token = "the API key is nobody's, or there are two"
            report.end(401, "the API key is refused")
        case .apiKey(let consumer?):
            report.token = "API key of the consumer \"\(consumer.subject)\"" + Self.scopes(of: consumer)
            return .some(consumer)
        case .nothing where asked.anonymousAllowed:
            report.token = "none is asked for"
            return .some(nil)
        case .nothing where asked.provider == nil:
            report.token = "an API key is asked for, and the request has none; -H says what becomes of one"
            report.end(401, "without an API key, refused")
        case .nothing:
            report.token = "asked for, and the request has none; --token says what becomes of one"
            report.end(401, "without a token, refused")
        case .unreadableToken:
            report.token = "asked for, and what the request has is not one token"
            report.end(401, "without a token, refused")
        case .token(let token): return await verify(token, asked, &report).map { .some($0) }
        }
        return nil
    }

    private func verify(
        _ token: [UInt8], _ asked: AuthenticationRule, _ report: inout ExplanationReport
    ) async -> VerifiedToken? {
        guard let provider = asked.provider else { return nil }
        switch await verify(String(decoding: token, as: UTF8.self), provider) {
        case .failure(let refusal) where refusal == .keysNotLoaded || refusal == .overloaded:
            report.token = refusal == .keysNotLoaded ? "not checked: the provider's keys are not loaded" : "not checked"
            report.end(503, "the token cannot be checked")
        case .failure(let refusal):
            report.token = "refused: \(refusal.text)"
            report.end(401, "the token is refused: \(refusal.text)")
        case .success(let verified):
            report.token = "accepted, subject \"\(verified.subject)\"" + Self.scopes(of: verified)
            return verified
        }
        return nil
    }

    private static func scopes(of caller: VerifiedToken) -> String {
        caller.scopes.isEmpty ? ", no scopes" : ", scopes \(caller.scopes.sorted().joined(separator: " "))"
    }

    /// The limits that count the request, and with which others it counts.
    func addLimits(
        _ rule: RouteRule, _ probe: RequestProbe, _ request: ExplainedRequest, _ caller: VerifiedToken?,
        to report: inout ExplanationReport
    ) {
        guard let places = rule.policies?.rateLimits, !places.isEmpty else { return }
        report.rateLimits = places.map { place in
            let limit = table.rateLimits[place]
            let key = limit.key.map { part in
                "\(part) \(value(of: part, rule, probe, request, caller))"
            }
            return ExplanationReport.Limit(policy: limit.policy, limit: limit.description, key: key)
        }
    }

    private func value(
        of part: RateLimit.KeyPart, _ rule: RouteRule, _ probe: RequestProbe, _ request: ExplainedRequest,
        _ caller: VerifiedToken?
    ) -> String {
        switch part {
        case .clientAddress: Self.network(of: request.clientAddress) ?? "that --client-address names"
        case .subject: "\"\(caller?.subject ?? "")\""
        case .consumer: "\"\(caller?.isConsumer == true ? caller?.subject ?? "" : "")\""
        case .route: rule.routeName
        case .rule: "\(rule.routeName) \(rule.ruleName)"
        case .header(let name): "\"\(probe.limitFields[name] ?? "")\""
        }
    }

    private static func network(of address: String?) -> String? {
        // Nil: no address; one that is none was refused before.
        guard let address, let socket = try? SocketAddress(numeric: address, port: 0) else { return nil }
        return ClientNetwork(socket).description
    }
}

extension ExplanationReport {
    mutating func end(_ denial: AccessDenial, policy: String) {
        switch denial {
        case .callerMissing: end(401, "without a token, refused")
        case .scopeMissing(let scope): end(403, "the caller has not the scope \(scope)")
        case .claimMissing(let claim): end(403, "the token has not the claim \(claim)")
        case .claimDenied(let claim): end(403, "AccessPolicy \(policy) denies the claim \(claim)")
        case .noClaimAllowed: end(403, "AccessPolicy \(policy) allows none of the caller's claims")
        }
    }
}
