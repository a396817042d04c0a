public import Policy
public import Routing

/// Why a caller may not what a rule serves.
public enum AccessDenial: Sendable, Equatable {
    /// Nobody was shown.
    case callerMissing
    /// The caller has not this scope.
    case scopeMissing(String)
    /// The caller has not this claim.
    case claimMissing(ClaimCondition)
    /// An AccessPolicy denies this claim.
    case claimDenied(ClaimCondition)
    /// An AccessPolicy allows claims, and the caller has none of them.
    case noClaimAllowed
}

extension AuthenticationRule {
    /// Every scope and claim that the rule asks for must be the caller's, and no policy against it.
    ///
    /// - Parameter caller: nil: nobody was shown.
    /// - Returns: nil: they may.
    public func denial(of caller: VerifiedToken?, access: AccessRule?) -> AccessDenial? {
        if let caller {
            for scope in requiredScopes where !caller.hasScope(scope) { return .scopeMissing(scope) }
            for condition in requiredClaims where !caller.claims(condition.name, oneOf: condition.values) {
                return .claimMissing(condition)
            }
        } else if !anonymousAllowed {
            return .callerMissing
        }
        guard let access, access.asksForClaims else { return nil }
        guard let caller else { return access.allowedClaims.isEmpty ? nil : .noClaimAllowed }
        for condition in access.deniedClaims where caller.claims(condition.name, oneOf: condition.values) {
            return .claimDenied(condition)
        }
        if access.allowedClaims.isEmpty { return nil }
        return access.allowedClaims.contains { caller.claims($0.name, oneOf: $0.values) } ? nil : .noClaimAllowed
    }
}

/// Phase 3: may they?
extension Exchange {
    func authorize(_ rule: AuthenticationRule) {
        switch rule.denial(of: token, access: self.rule?.policies?.access) {
        case nil: limit()
        case .callerMissing: refuse(.tokenMissing)
        case .scopeMissing: refuse(.scopeMissing(rule.requiredScopes))
        case .claimMissing: refuse(.claimMissing)
        case .claimDenied, .noClaimAllowed: refuse(.accessDenied)
        }
    }
}
