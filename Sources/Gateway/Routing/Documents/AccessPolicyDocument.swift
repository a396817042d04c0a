/// Our `AccessPolicy` (`gatehouse.dev/v1alpha1`): from where, and with which claims, requests may come.
///
/// Of several policies on the way to a rule only the nearest counts.
public struct AccessPolicyDocument: Sendable, RulePolicyDocument {
    static let kind = "AccessPolicy"

    public let metadata: Metadata
    public let targets: [RulePolicyTarget]
    let hasLostTargets: Bool
    public let rule: AccessRule

    init?(_ document: inout ObjectReader) {
        let metadata = Metadata(&document)
        self.metadata = metadata
        guard var spec = document.object("spec", required: true) else { return nil }
        (targets, hasLostTargets) = spec.ruleTargets(namespace: metadata.namespace)
        var addresses = spec.object("addresses")
        let allowed = Self.blocks(&addresses, "allow")
        let denied = Self.blocks(&addresses, "deny")
        addresses?.finish()
        var claims = spec.object("claims")
        let allowedClaims = Self.conditions(&claims, "allow")
        let deniedClaims = Self.conditions(&claims, "deny")
        claims?.finish()
        spec.finish()
        if allowed.isEmpty && denied.isEmpty && allowedClaims.isEmpty && deniedClaims.isEmpty {
            spec.sink.error(at: spec.place, "allows and denies nothing: needs addresses or claims with allow or deny")
        }
        rule = AccessRule(
            policy: metadata.key, allowedAddresses: AddressSet(allowed), deniedAddresses: AddressSet(denied),
            allowedClaims: allowedClaims, deniedClaims: deniedClaims)
    }

    private static func conditions(_ claims: inout ObjectReader?, _ name: String) -> [ClaimCondition] {
        guard let found = claims?.claimConditions(name) else { return [] }
        if found.isEmpty, let claims {
            claims.sink.error(at: claims.place.field(name), "must have at least one entry")
        }
        return found
    }

    /// Reads a list of address blocks; none where the field is not stated.
    static func blocks(_ addresses: inout ObjectReader?, _ name: String) -> [String] {
        guard let found = addresses?.strings(name) else { return [] }
        // Nobody may come, or nobody is meant: it is not for us to guess.
        if found.isEmpty, let addresses {
            addresses.sink.error(at: addresses.place.field(name), "must have at least one entry")
        }
        for text in found where AddressSet.block(text.value) == nil {
            addresses?.sink.error(
                at: text.place,
                "must be an address block such as 10.0.0.0/8 or 2001:db8::/32, without bits behind the prefix")
        }
        return found.map(\.value)
    }
}
