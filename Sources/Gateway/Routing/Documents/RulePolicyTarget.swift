/// What a policy for requests is attached to (GEP-713): a Gateway, a route, or one rule of a route.
public struct RulePolicyTarget: Sendable {
    /// "Gateway", "HTTPRoute" or "GRPCRoute".
    public let kind: String
    public let object: ObjectReference
    /// The name of a rule; only for a route.
    public let sectionName: Located<String>?
    public let place: Place

    static let kinds = ["Gateway", "HTTPRoute", "GRPCRoute"]

    init?(_ object: ObjectReader, namespace: String) {
        var object = object
        let kind = object.choice("kind", of: Self.kinds, required: true)
        let target = object.reference(
            group: "gateway.networking.k8s.io", namespace: namespace, of: kind?.value ?? "Gateway")
        sectionName = object.objectName("sectionName")
        object.finish()
        place = object.place
        guard let kind, let target else { return nil }
        if target.namespace != namespace {
            object.sink.error(at: target.place, "must be in the policy's own namespace")
        }
        if let sectionName, kind.value == "Gateway" {
            object.sink.error(at: sectionName.place, "is not supported by this version for a Gateway")
        }
        self.kind = kind.value
        self.object = target
    }
}

/// A policy for requests. Of several on the way to a rule the nearest wins: rule, then route, then Gateway.
protocol RulePolicyDocument: Sendable {
    static var kind: String { get }
    var metadata: Metadata { get }
    var targets: [RulePolicyTarget] { get }
    /// Whether it has targets of which nobody knows which they are.
    var hasLostTargets: Bool { get }
}

extension ObjectReader {
    /// Reads `targetRefs`.
    mutating func ruleTargets(namespace: String) -> (known: [RulePolicyTarget], areSomeLost: Bool) {
        let objects = objects("targetRefs", required: true) ?? []
        let known = objects.compactMap { RulePolicyTarget($0, namespace: namespace) }
        return (known, known.isEmpty || known.count < objects.count)
    }

    /// Reads a list of claims and the values that are meant.
    mutating func claimConditions(_ name: String) -> [ClaimCondition]? {
        objects(name)?.compactMap { object in
            var object = object
            let claim = object.string("name", required: true)
            let values = object.strings("values", required: true) ?? []
            object.finish()
            if let claim, claim.value.isEmpty { object.sink.error(at: claim.place, "must not be empty") }
            return claim.map { ClaimCondition(name: $0.value, values: values.map(\.value)) }
        }
    }

    /// Whether the mapping has no field but this one.
    func isEmptyApart(from name: String) -> Bool {
        !hasField { $0 != name }
    }
}
