/// Finds the authentication that holds for each rule: see `AuthenticationPolicyDocument` for the order.
struct AuthenticationResolver {
    /// What a policy is attached to. `rule` is nil for a whole route and for a Gateway.
    private struct Target: Hashable {
        let kind: AuthenticationPolicyDocument.TargetKind
        let key: String
        let rule: String?
    }

    private let documents: Documents
    private let settings: TranslationSettings
    private let sink: DiagnosticSink
    private var policies: [Target: AuthenticationPolicyDocument] = [:]
    private(set) var providers: [TokenProvider] = []

    init(documents: Documents, settings: TranslationSettings, sink: DiagnosticSink) {
        self.documents = documents
        self.settings = settings
        self.sink = sink
        for policy in documents.authenticationPolicies {
            for target in policy.targets { attach(policy, to: target) }
            if let tokens = policy.tokens { check(tokens.keySet) }
        }
    }

    /// The authentication of a rule of a route that is attached to `gateway`; nil when no policy says anything.
    mutating func rule(
        for rule: RouteDocument.Rule, of route: RouteDocument, at gateway: GatewayDocument
    ) -> AuthenticationRule? {
        let nearestFirst = [
            rule.name.flatMap { policies[Target(kind: .route, key: route.metadata.key, rule: $0)] },
            policies[Target(kind: .route, key: route.metadata.key, rule: nil)],
            policies[Target(kind: .gateway, key: gateway.metadata.key, rule: nil)],
        ].compactMap(\.self)
        guard let nearest = nearestFirst.first else { return nil }
        let scopes = nearestFirst.lazy.compactMap(\.requiredScopes).first ?? []
        if nearest.isAnonymous { return AuthenticationRule(provider: 0, anonymousAllowed: true) }
        guard !rule.backends.isEmpty else { return nil }
        guard let issuing = nearestFirst.first(where: { $0.tokens != nil }), let tokens = issuing.tokens else {
            sink.error(
                at: nearest.metadata.place,
                "asks for a token at \(route.metadata.key), but no policy on the way to the Gateway has jwt")
            return AuthenticationRule(provider: 0, requiredScopes: scopes)
        }
        return AuthenticationRule(provider: provider(issuing, tokens), requiredScopes: scopes)
    }

    private mutating func provider(
        _ policy: AuthenticationPolicyDocument, _ tokens: AuthenticationPolicyDocument.Tokens
    ) -> Int {
        if let index = providers.firstIndex(where: { $0.name == policy.metadata.key }) { return index }
        providers.append(
            TokenProvider(
                name: policy.metadata.key, issuer: tokens.issuer, audiences: tokens.audiences,
                algorithms: tokens.algorithms, clockSkewSeconds: tokens.clockSkewSeconds, keySet: tokens.keySet.value))
        return providers.count - 1
    }

    private mutating func attach(
        _ policy: AuthenticationPolicyDocument, to target: AuthenticationPolicyDocument.Target
    ) {
        guard exists(target) else { return }
        let key = Target(kind: target.kind, key: target.object.key, rule: target.sectionName?.value)
        if let other = policies[key] {
            sink.error(at: target.place, "AuthenticationPolicy \(other.metadata.key) has the same target")
            return
        }
        policies[key] = policy
    }

    private func exists(_ target: AuthenticationPolicyDocument.Target) -> Bool {
        switch target.kind {
        case .gateway:
            if documents.gateways.contains(where: { $0.metadata.key == target.object.key }) { return true }
        case .route:
            if let route = documents.routes.first(where: { $0.metadata.key == target.object.key }) {
                guard let name = target.sectionName, !route.rules.contains(where: { $0.name == name.value }) else {
                    return true
                }
                sink.error(at: name.place, "HTTPRoute \(target.object.key) has no rule of that name")
                return false
            }
        }
        sink.report(
            settings.missingReference, at: target.object.place, "there is no \(target.object.kind) \(target.object.key)"
        )
        return false
    }

    private func check(_ keySet: Located<TokenProvider.KeySetReference>) {
        guard case .configMap(let name, let key) = keySet.value else { return }
        guard let map = documents.configMaps.first(where: { $0.metadata.key == name }) else {
            sink.report(settings.missingReference, at: keySet.place, "there is no ConfigMap \(name)")
            return
        }
        if map.data[key] == nil { sink.error(at: keySet.place, "ConfigMap \(name) has no key \"\(key)\"") }
    }
}
