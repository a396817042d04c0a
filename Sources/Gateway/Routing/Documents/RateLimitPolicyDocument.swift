/// Our `RateLimitPolicy` (`gatehouse.dev/v1alpha1`): how many requests may come.
///
/// Of several policies on the way to a rule only the nearest counts, with all of its limits.
public struct RateLimitPolicyDocument: Sendable, RulePolicyDocument {
    static let kind = "RateLimitPolicy"

    public let metadata: Metadata
    public let targets: [RulePolicyTarget]
    let hasLostTargets: Bool
    public let limits: [RateLimit]

    private static let longestRefillMilliseconds = 30 * 86_400_000

    init?(_ document: inout ObjectReader) {
        let metadata = Metadata(&document)
        self.metadata = metadata
        guard var spec = document.object("spec", required: true) else { return nil }
        (targets, hasLostTargets) = spec.ruleTargets(namespace: metadata.namespace)
        let isShadow = spec.choice("mode", of: ["Enforce", "Shadow"])?.value == "Shadow"
        let tellsClients = spec.choice("headers", of: ["Send", "Omit"])?.value != "Omit"
        var limits: [RateLimit] = []
        for (number, object) in (spec.objects("limits", required: true) ?? []).enumerated() {
            guard var limit = Self.limit(object, number, policy: metadata.key) else { continue }
            if limits.contains(where: { $0.name == limit.name }) {
                spec.sink.error(at: object.place.field("name"), "another limit has the name \"\(limit.name)\"")
            }
            limit.isShadow = isShadow
            limit.tellsClients = tellsClients
            limits.append(limit)
        }
        if limits.count > 8 { spec.sink.error(at: spec.place.field("limits"), "must have at most 8 entries") }
        self.limits = limits
        spec.finish()
    }

    private static func limit(_ object: ObjectReader, _ number: Int, policy: String) -> RateLimit? {
        var object = object
        let name = object.objectName("name")
        let requests = object.integer("requests", in: 1...1_000_000_000, required: true)
        let period = object.duration("period", in: 1_000...86_400_000)
        if period == nil, !object.hasField(where: { $0 == "period" }) {
            object.sink.error(at: object.place.field("period"), "is required")
        }
        let burst = object.integer("burst", in: 1...1_000_000_000)
        let parts = (object.objects("key") ?? []).compactMap(keyPart)
        let keys = object.integer("maximumKeys", in: 8...4_194_304)?.value ?? 65_536
        object.finish()
        guard let requests, let period else { return nil }
        if (burst?.value ?? requests.value) * period.value > longestRefillMilliseconds * requests.value {
            object.sink.error(
                at: burst?.place ?? object.place, "would take more than 30 days to be there again after a pause")
            return nil
        }
        return RateLimit(
            policy: policy, name: name?.value ?? "limit-\(number + 1)", requests: requests.value,
            periodMilliseconds: period.value, burst: burst?.value, key: parts, maximumKeys: keys)
    }

    private static func keyPart(_ object: ObjectReader) -> RateLimit.KeyPart? {
        var object = object
        let type = object.choice(
            "type", of: ["ClientAddress", "Subject", "Consumer", "Header", "Route", "Rule"], required: true)
        let name = object.string("name")
        object.finish()
        if let name, type?.value != "Header" { object.sink.error(at: name.place, "is only for type Header") }
        switch type?.value {
        case "ClientAddress": return .clientAddress
        case "Subject": return .subject
        case "Consumer": return .consumer
        case "Route": return .route
        case "Rule": return .rule
        case "Header":
            guard let name else {
                object.sink.error(at: object.place.field("name"), "is required for type Header")
                return nil
            }
            guard Syntax.isToken(name.value) else {
                object.sink.error(at: name.place, "must be a token (RFC 9110 §5.6.2)")
                return nil
            }
            return .header(name.value.lowercased())
        default: return nil
        }
    }
}
