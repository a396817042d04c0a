/// One way into a rule: a listener, a host, and the conditions of one `HTTPRouteMatch`, all of which must hold.
public struct RouteEntry: Sendable {
    /// A place in `RouteTable.listeners`.
    public var listener: Int
    /// The host that route and listener have in common.
    public var hostname: Hostname
    public var path: PathCondition
    /// Nil: any method. Compared case-sensitively (RFC 9110 §9.1).
    public var method: String?
    public var headers: [HeaderCondition]
    /// A place in `RouteTable.rules`.
    public var rule: Int
    /// When the route was created, in seconds since 1970. Older routes win a tie; routes without a time come last.
    public var createdSeconds: Int64?

    public init(
        listener: Int = 0, hostname: Hostname = .any, path: PathCondition = .prefix("/"), method: String? = nil,
        headers: [HeaderCondition] = [], rule: Int, createdSeconds: Int64? = nil
    ) {
        self.listener = listener
        self.hostname = hostname
        self.path = path
        self.method = method
        self.headers = headers
        self.rule = rule
        self.createdSeconds = createdSeconds
    }
}

/// What a request's path must be. Both texts begin with "/" and are in the canonical form that requests are brought to.
public enum PathCondition: Sendable, Hashable, CustomStringConvertible {
    /// The whole path, byte for byte.
    case exact(String)
    /// Whole path elements: "/warehouse" holds for "/warehouse" and "/warehouse/items", not for "/warehousex".
    /// A slash at the end changes nothing.
    case prefix(String)

    public var description: String {
        switch self {
        case .exact(let path): "= \(path)"
        case .prefix(let path): path == "/" ? "/*" : "\(path)[/*]"
        }
    }
}

/// A field that a request must carry with exactly this value.
public struct HeaderCondition: Sendable, Hashable {
    /// Lower case.
    public let name: String
    public let value: String
    /// The bytes of `name`, for comparing without decoding.
    public let nameBytes: [UInt8]
    /// The bytes of `value`.
    public let valueBytes: [UInt8]

    public init(name: String, value: String) {
        self.name = name.lowercased()
        self.value = value
        nameBytes = Array(self.name.utf8)
        valueBytes = Array(value.utf8)
    }
}
