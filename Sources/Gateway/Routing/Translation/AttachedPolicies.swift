/// The policies for requests of one kind, by what they are attached to.
///
/// Of two for the same target the older one holds (GEP-713): by creation time, then by namespace and name. The other is
/// reported.
struct AttachedPolicies<Policy: RulePolicyDocument> {
    private var targets = PolicyTargets<Policy>()
    /// Objects of which some policy names a part that is not there.
    private var misnamed: Set<PolicyTarget> = []
    /// Policies that are not valid.
    private let refused: Set<String>
    /// Namespaces with a policy that is not valid and does not say what all it is for.
    private let closedNamespaces: Set<String>

    init(_ policies: [Policy], documents: Documents, settings: TranslationSettings, sink: DiagnosticSink) {
        let oldestFirst = policies.sorted {
            let (left, right) = ($0.metadata, $1.metadata)
            let ages = (left.createdSeconds ?? .max, right.createdSeconds ?? .max)
            return ages.0 == ages.1 ? left.key < right.key : ages.0 < ages.1
        }
        refused = Set(documents.refused(Policy.kind).map(\.key))
        let whole = Set(policies.filter { !$0.hasLostTargets }.map(\.metadata.key))
        closedNamespaces = Set(refused.subtracting(whole).map { key in String(key.prefix { $0 != "/" }) })
        for policy in oldestFirst {
            // Of another namespace it has no say.
            for target in policy.targets where target.object.namespace == policy.metadata.namespace {
                let isKnown = Self.exists(target, documents, settings, sink)
                // Documents refuse the sections of a Gateway.
                if target.sectionName != nil, !isKnown || target.kind == "Gateway" {
                    misnamed.insert(PolicyTarget(kind: target.kind, key: target.object.key, section: nil))
                }
                guard isKnown else { continue }
                targets.attach(
                    policy, named: policy.metadata.key, kind: Policy.kind,
                    to: PolicyTarget(
                        kind: target.kind, key: target.object.key, section: target.sectionName?.value),
                    at: target.place, sink)
            }
        }
    }

    /// Those on the way to a rule of a route that is attached to `gateway`.
    func nearestFirst(
        rule: RouteDocument.Rule, of route: RouteDocument, at gateway: GatewayDocument
    ) -> [Policy] {
        let kind = route.kind.rawValue
        return [
            rule.name.flatMap { targets[kind, route.metadata.key, $0] }, targets[kind, route.metadata.key],
            targets["Gateway", gateway.metadata.key],
        ].compactMap(\.self)
    }

    /// Whether requests of a rule are to be refused, because a policy that is for it is not valid: nobody knows whom or
    /// what it would have kept out. A policy that does not even say what it is for closes its namespace.
    func isClosed(_ rule: RouteDocument.Rule, of route: RouteDocument, at gateway: GatewayDocument) -> Bool {
        if isMisnamed(route, at: gateway) { return true }
        if refused.isEmpty { return false }
        let namespaces = [route.metadata.namespace, gateway.metadata.namespace]
        if namespaces.contains(where: closedNamespaces.contains) { return true }
        return nearestFirst(rule: rule, of: route, at: gateway).contains { refused.contains($0.metadata.key) }
    }

    /// Whether some policy is for a part of the route or of the Gateway that is not there: nobody knows which it meant.
    private func isMisnamed(_ route: RouteDocument, at gateway: GatewayDocument) -> Bool {
        if misnamed.isEmpty { return false }
        let kind = route.kind.rawValue
        return misnamed.contains(PolicyTarget(kind: kind, key: route.metadata.key, section: nil))
            || misnamed.contains(PolicyTarget(kind: "Gateway", key: gateway.metadata.key, section: nil))
    }

    private static func exists(
        _ target: RulePolicyTarget, _ documents: Documents, _ settings: TranslationSettings, _ sink: DiagnosticSink
    ) -> Bool {
        switch target.kind {
        case "Gateway":
            if documents.gateways.contains(where: { $0.metadata.key == target.object.key }) { return true }
        case "HTTPRoute", "GRPCRoute":
            let object = ObjectKey(kind: target.kind, key: target.object.key)
            if let route = documents.routes.first(where: { $0.object == object }) {
                guard let name = target.sectionName, !route.rules.contains(where: { $0.name == name.value }) else {
                    return true
                }
                sink.error(at: name.place, "\(target.kind) \(target.object.key) has no rule of that name")
                return false
            }
        default: break
        }
        sink.report(
            settings.missingReference, at: target.object.place, reason: .targetNotFound,
            "there is no \(target.object.kind) \(target.object.key)"
        )
        return false
    }
}
