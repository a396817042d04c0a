/// Finds what holds for each rule of rate limits, access, and the limits and log fields of TrafficPolicies.
struct RulePolicyResolver {
    private let rates: AttachedPolicies<RateLimitPolicyDocument>
    private let accesses: AttachedPolicies<AccessPolicyDocument>
    /// Fields that carry API keys somewhere.
    private let keyFields: Set<String>
    private let sink: DiagnosticSink
    /// What the rules refer to, by place.
    private(set) var rateLimits: [RateLimit] = []

    init(documents: Documents, settings: TranslationSettings, sink: DiagnosticSink) {
        self.sink = sink
        rates = AttachedPolicies(
            documents.rateLimitPolicies, documents: documents, settings: settings, sink: sink)
        accesses = AttachedPolicies(documents.accessPolicies, documents: documents, settings: settings, sink: sink)
        keyFields = Set(documents.authenticationPolicies.compactMap { $0.apiKeys?.header })
        for requests in documents.trafficPolicies.compactMap(\.requests) {
            for name in requests.value.loggedHeaders ?? [] where keyFields.contains(name) {
                sink.error(
                    at: requests.place.field("accessLog"),
                    "must not log \(name): an AuthenticationPolicy takes API keys from it")
            }
        }
    }

    /// Whether a policy that should say who or how many may call is not valid, so that nobody may; or asks for claims
    /// where nobody has any.
    ///
    /// - Parameter authentication: of the same rule.
    func isClosed(
        _ rule: RouteDocument.Rule, of route: RouteDocument, at gateway: GatewayDocument,
        authentication: AuthenticationRule?
    ) -> Bool {
        if accesses.isClosed(rule, of: route, at: gateway) || rates.isClosed(rule, of: route, at: gateway) {
            return true
        }
        // A redirect is for everybody whose address is let in.
        guard !rule.backends.isEmpty else { return false }
        let nearest = accesses.nearestFirst(rule: rule, of: route, at: gateway).first
        return nearest.map { !isMet($0, route, authentication) } ?? false
    }

    /// Nil when no policy says anything.
    ///
    /// - Parameter requests: what TrafficPolicies say of it.
    mutating func policies(
        for rule: RouteDocument.Rule, of route: RouteDocument, at gateway: GatewayDocument,
        requests: TrafficPolicyDocument.RequestSettings
    ) -> RulePolicies? {
        let rate = rates.nearestFirst(rule: rule, of: route, at: gateway).first
        let access = accesses.nearestFirst(rule: rule, of: route, at: gateway).first
        let logged = (requests.loggedHeaders ?? []).filter { !keyFields.contains($0) }
        let isLimited = requests.bodyBytes != nil || requests.headerBytes != nil
        guard rate != nil || access != nil || isLimited || !logged.isEmpty else { return nil }
        return RulePolicies(
            access: access?.rule, rateLimits: (rate?.limits ?? []).map { place(of: $0) },
            requestBodyBytes: requests.bodyBytes.map { UInt64($0) }, requestHeaderBytes: requests.headerBytes,
            loggedHeaders: logged)
    }

    /// Whether callers can have the claims that a policy asks for.
    private func isMet(
        _ policy: AccessPolicyDocument, _ route: RouteDocument, _ authentication: AuthenticationRule?
    ) -> Bool {
        guard policy.rule.asksForClaims, authentication?.provider == nil else { return true }
        sink.error(
            at: policy.metadata.place,
            "asks for claims at \(route.metadata.key), but no AuthenticationPolicy there has jwt")
        return false
    }

    private mutating func place(of limit: RateLimit) -> Int {
        if let known = rateLimits.firstIndex(of: limit) { return known }
        rateLimits.append(limit)
        return rateLimits.count - 1
    }
}
