/// Our `AccessPolicy` (`gatehouse.dev/v1alpha1`): from where, and with which claims, requests may come.
///
/// Of several policies on the way to a rule only the nearest counts.
public struct AccessPolicyDocument: Sendable, RulePolicyDocument {
    static let kind = "AccessPolicy"

    public let metadata: Metadata
    public let targets: [RulePolicyTarget]
    public let rule: AccessRule

    init?(_ document: inout ObjectReader) {
        let metadata = Metadata(&document)
        self.metadata = metadata
        guard var spec = document.object("spec", required: true) else { return nil }
        targets = spec.ruleTargets(namespace: metadata.namespace)
        var addresses = spec.object("addresses")
        let allowed = addresses.map { _ in Self.blocks(&addresses, "allow") } ?? []
        let denied = addresses.map { _ in Self.blocks(&addresses, "deny") } ?? []
        addresses?.finish()
        var claims = spec.object("claims")
        let allowedClaims = claims?.claimConditions("allow") ?? []
        let deniedClaims = claims?.claimConditions("deny") ?? []
        claims?.finish()
        spec.finish()
        if allowed.isEmpty && denied.isEmpty && allowedClaims.isEmpty && deniedClaims.isEmpty {
            spec.sink.error(at: spec.place, "allows and denies nothing: needs addresses or claims with allow or deny")
        }
        rule = AccessRule(
            policy: metadata.key, allowedAddresses: AddressSet(allowed), deniedAddresses: AddressSet(denied),
            allowedClaims: allowedClaims, deniedClaims: deniedClaims)
    }

    private static func blocks(_ addresses: inout ObjectReader?, _ name: String) -> [String] {
        let found = addresses?.strings(name) ?? []
        for text in found where AddressSet.block(text.value) == nil {
            addresses?.sink.error(
                at: text.place,
                "must be an address block such as 10.0.0.0/8 or 2001:db8::/32, without bits behind the prefix")
        }
        return found.map(\.value)
    }
}
