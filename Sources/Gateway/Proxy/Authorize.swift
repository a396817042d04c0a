import Policy
import Routing

/// Phase 3: may they? Every scope and claim that the rule asks for must be the caller's, and no policy against it.
extension Exchange {
    func authorize(_ rule: AuthenticationRule) {
        if let token {
            for scope in rule.requiredScopes where !token.scopes.contains(scope) {
                return refuse(.scopeMissing(rule.requiredScopes))
            }
            for condition in rule.requiredClaims where !token.claims(condition.name, oneOf: condition.values) {
                return refuse(.claimMissing)
            }
        } else if !rule.anonymousAllowed {
            return refuse(.tokenMissing)
        }
        if let access = self.rule?.policies?.access, access.asksForClaims, !admitsClaims(access) {
            return refuse(.accessDenied)
        }
        limit()
    }

    private func admitsClaims(_ access: AccessRule) -> Bool {
        guard let token else { return access.allowedClaims.isEmpty }
        for condition in access.deniedClaims where token.claims(condition.name, oneOf: condition.values) {
            return false
        }
        if access.allowedClaims.isEmpty { return true }
        return access.allowedClaims.contains { token.claims($0.name, oneOf: $0.values) }
    }
}
