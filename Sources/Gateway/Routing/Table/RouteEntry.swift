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
    public var queryParameters: [QueryCondition]
    /// A place in `RouteTable.rules`.
    public var rule: Int
    /// When the route was created, in seconds since 1970. Older routes win a tie; routes without a time come last.
    public var createdSeconds: Int64?

    public init(
        listener: Int = 0, hostname: Hostname = .any, path: PathCondition = .prefix("/"), method: String? = nil,
        headers: [HeaderCondition] = [], queryParameters: [QueryCondition] = [], rule: Int,
        createdSeconds: Int64? = nil
    ) {
        self.listener = listener
        self.hostname = hostname
        self.path = path
        self.method = method
        self.headers = headers
        self.queryParameters = queryParameters
        self.rule = rule
        self.createdSeconds = createdSeconds
    }
}
