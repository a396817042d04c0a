import Policy
import Routing

/// Phase 3: may they? Every scope that the route asks for must be in the token.
extension Exchange {
    func authorize(_ rule: AuthenticationRule) {
        guard let token else { return refuse(.tokenMissing) }
        for scope in rule.requiredScopes where !token.scopes.contains(scope) {
            return refuse(.scopeMissing(rule.requiredScopes))
        }
        limit()
    }
}
