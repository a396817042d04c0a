/// Finds what holds for each rule of rate limits, access, and the limits and log fields of TrafficPolicies.
struct RulePolicyResolver {
    private let rates: AttachedPolicies<RateLimitPolicyDocument>
    private let accesses: AttachedPolicies<AccessPolicyDocument>
    private let refusedAccess: Set<String>
    /// Namespaces in which an AccessPolicy does not say what it is for.
    private let closedNamespaces: Set<String>
    private let sink: DiagnosticSink
    /// What the rules refer to, by place.
    private(set) var rateLimits: [RateLimit] = []

    init(documents: Documents, settings: TranslationSettings, sink: DiagnosticSink) {
        self.sink = sink
        refusedAccess = Set(documents.refused("AccessPolicy").map(\.key))
        closedNamespaces = documents.namespacesOfRefused(documents.accessPolicies)
        rates = AttachedPolicies(
            documents.rateLimitPolicies, documents: documents, settings: settings, sink: sink)
        accesses = AttachedPolicies(documents.accessPolicies, documents: documents, settings: settings, sink: sink)
        let keyFields = Set(documents.authenticationPolicies.compactMap { $0.apiKeys?.header })
        for requests in documents.trafficPolicies.compactMap(\.requests) {
            for name in requests.value.loggedHeaders ?? [] where keyFields.contains(name) {
                sink.error(
                    at: requests.place.field("accessLog"),
                    "must not log \(name): an AuthenticationPolicy takes API keys from it")
            }
        }
    }

    /// Whether a policy that should say who may call is not valid, so that nobody may.
    func isClosed(_ rule: RouteDocument.Rule, of route: RouteDocument, at gateway: GatewayDocument) -> Bool {
        if accesses.isMisnamed(route, at: gateway) { return true }
        guard !refusedAccess.isEmpty else { return false }
        let namespaces = [route.metadata.namespace, gateway.metadata.namespace]
        if namespaces.contains(where: closedNamespaces.contains) { return true }
        return accesses.nearestFirst(rule: rule, of: route, at: gateway).contains {
            refusedAccess.contains($0.metadata.key)
        }
    }

    /// Nil when no policy says anything.
    ///
    /// - Parameters:
    ///   - authentication: of the same rule.
    ///   - requests: what TrafficPolicies say of it.
    mutating func policies(
        for rule: RouteDocument.Rule, of route: RouteDocument, at gateway: GatewayDocument,
        authentication: AuthenticationRule?, requests: TrafficPolicyDocument.RequestSettings
    ) -> RulePolicies? {
        let rate = rates.nearestFirst(rule: rule, of: route, at: gateway).first
        let access = accesses.nearestFirst(rule: rule, of: route, at: gateway).first
        let logged = requests.loggedHeaders ?? []
        let isLimited = requests.bodyBytes != nil || requests.headerBytes != nil
        guard rate != nil || access != nil || isLimited || !logged.isEmpty else { return nil }
        if let access, access.rule.asksForClaims, authentication?.provider == nil {
            sink.error(
                at: access.metadata.place,
                "asks for claims at \(route.metadata.key), but no AuthenticationPolicy there has jwt")
        }
        return RulePolicies(
            access: access?.rule, rateLimits: (rate?.limits ?? []).map { place(of: $0) },
            requestBodyBytes: requests.bodyBytes.map { UInt64($0) }, requestHeaderBytes: requests.headerBytes,
            loggedHeaders: logged)
    }

    private mutating func place(of limit: RateLimit) -> Int {
        if let known = rateLimits.firstIndex(of: limit) { return known }
        rateLimits.append(limit)
        return rateLimits.count - 1
    }
}
