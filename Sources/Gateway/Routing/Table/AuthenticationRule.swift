/// How a caller proves who it is, and what that must come to. A token or an API key will do where both are named.
public final class AuthenticationRule: Sendable {
    /// A place in `RouteTable.tokenProviders`. Nil: tokens are not looked at.
    public let provider: Int?
    /// A place in `RouteTable.apiKeySets`. Nil: API keys are not looked at.
    public let apiKeys: Int?
    /// The caller's scopes must hold all of these.
    public let requiredScopes: [String]
    /// All of these must hold.
    public let requiredClaims: [ClaimCondition]
    /// Whoever shows nothing is let in; who shows something wrong is not.
    public let anonymousAllowed: Bool

    public init(
        provider: Int?, apiKeys: Int? = nil, requiredScopes: [String] = [], requiredClaims: [ClaimCondition] = [],
        anonymousAllowed: Bool = false
    ) {
        self.provider = provider
        self.apiKeys = apiKeys
        self.requiredScopes = requiredScopes
        self.requiredClaims = requiredClaims
        self.anonymousAllowed = anonymousAllowed
    }
}
