/// How many requests of one kind may come in a time, and which count together.
public struct RateLimit: Sendable, Hashable {
    /// What tells requests apart. A request that lacks it counts with all others that do.
    public enum KeyPart: Sendable, Hashable {
        /// An IPv4 address, or the /64 of an IPv6 address.
        case clientAddress
        /// The `sub` of the token, or the API key's consumer.
        case subject
        /// The consumer of the API key; of tokens none.
        case consumer
        /// A request header, by its name in lower case.
        case header(String)
        case route
        case rule
    }

    /// The `RateLimitPolicy`, as "namespace/name".
    public var policy: String
    /// The limit's own name, unique in its policy.
    public var name: String
    public var requests: Int
    public var periodMilliseconds: Int
    /// How many may come at once after a pause.
    public var burst: Int
    public var key: [KeyPart]
    /// The most buckets that are kept.
    public var maximumKeys: Int
    /// It counts what it would refuse, and refuses nothing.
    public var isShadow: Bool
    /// Whether answers tell the client what is left.
    public var tellsClients: Bool

    public init(
        policy: String = "default/limits", name: String, requests: Int, periodMilliseconds: Int = 60_000,
        burst: Int? = nil, key: [KeyPart] = [], maximumKeys: Int = 65_536, isShadow: Bool = false,
        tellsClients: Bool = true
    ) {
        self.policy = policy
        self.name = name
        self.requests = requests
        self.periodMilliseconds = periodMilliseconds
        self.burst = burst ?? requests
        self.key = key
        self.maximumKeys = maximumKeys
        self.isShadow = isShadow
        self.tellsClients = tellsClients
    }
}
