/// What policies say of one rule's requests, besides who may call (`AuthenticationRule`) and how backends are used
/// (`TrafficSettings`). A rule that no such policy concerns has none of it, and its requests pay for nothing.
public final class RulePolicies: Sendable {
    public let access: AccessRule?
    /// Places in `RouteTable.rateLimits`, in the order in which they are asked.
    public let rateLimits: [Int]
    /// The largest request body. Larger: 413. Nil: what the process allows.
    public let requestBodyBytes: UInt64?
    /// The longest field section. Longer: 431. Nil: what the process allows.
    public let requestHeaderBytes: Int?
    /// Request fields, by their names in lower case, that the access log tells.
    public let loggedHeaders: [String]

    public init(
        access: AccessRule? = nil, rateLimits: [Int] = [], requestBodyBytes: UInt64? = nil,
        requestHeaderBytes: Int? = nil, loggedHeaders: [String] = []
    ) {
        self.access = access
        self.rateLimits = rateLimits
        self.requestBodyBytes = requestBodyBytes
        self.requestHeaderBytes = requestHeaderBytes
        self.loggedHeaders = loggedHeaders
    }
}

/// From where, and with which claims, a rule may be called. What is denied is denied, whatever allows it.
public final class AccessRule: Sendable {
    /// The `AccessPolicy`, as "namespace/name".
    public let policy: String
    /// Empty: everywhere.
    public let allowedAddresses: AddressSet
    public let deniedAddresses: AddressSet
    /// One of these must hold. Empty: none is needed.
    public let allowedClaims: [ClaimCondition]
    public let deniedClaims: [ClaimCondition]

    public init(
        policy: String = "default/access", allowedAddresses: AddressSet = AddressSet([]),
        deniedAddresses: AddressSet = AddressSet([]), allowedClaims: [ClaimCondition] = [],
        deniedClaims: [ClaimCondition] = []
    ) {
        self.policy = policy
        self.allowedAddresses = allowedAddresses
        self.deniedAddresses = deniedAddresses
        self.allowedClaims = allowedClaims
        self.deniedClaims = deniedClaims
    }

    /// The address as of IPv6, an IPv4 address mapped.
    public func admits(high: UInt64, low: UInt64) -> Bool {
        if deniedAddresses.contains(high: high, low: low) { return false }
        return allowedAddresses.isEmpty || allowedAddresses.contains(high: high, low: low)
    }

    public var asksForAddresses: Bool { !allowedAddresses.isEmpty || !deniedAddresses.isEmpty }

    public var asksForClaims: Bool { !allowedClaims.isEmpty || !deniedClaims.isEmpty }
}

/// A claim that has one of some values. A claim that is a list has all of its elements; a number or a truth value is
/// compared as JSON writes it.
public struct ClaimCondition: Sendable, Hashable {
    /// A claim's name, or the way to a nested one: "realm_access.roles".
    public var name: String
    public var values: [String]

    public init(name: String, values: [String]) {
        self.name = name
        self.values = values
    }
}
