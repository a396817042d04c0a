/// Everything the data plane needs to know to find the rule for a request: immutable, and swapped whole.
public struct RouteTable: Sendable {
    /// The answer to "which rule serves this request?"
    public enum Decision: Sendable {
        case rule(RouteRule)
        /// No rule: 404.
        case notFound
        /// The host belongs to another HTTPS listener; the client should open a connection of its own to it: 421
        /// (RFC 9110 §15.5.20, Gateway API GEP-3567).
        case misdirected
    }

    public let listeners: [ListenerDescription]
    public let tokenProviders: [TokenProvider]
    public let apiKeySets: [APIKeySet]
    public let rateLimits: [RateLimit]
    /// Names, in lower case, of fields that only the gateway may send to backends, because some policy has it tell them
    /// with these who calls. Those that begin with "x-authenticated-" are so always and not listed.
    public let identityHeaders: [String]
    public let backends: [Backend]
    public let rules: [RouteRule]
    /// Every way into a rule, grouped by listener and in order of precedence.
    public let entries: [RouteEntry]
    private let index: RouteIndex
    /// By listener: those of the same port, from the narrowest hostname to the widest; empty where it is the only one.
    private let sharers: [[Int]]
    /// By listener: whether others have its port.
    private let isShared: [Bool]

    /// Sorts `entries` by precedence and compiles them.
    ///
    /// Every place that an entry, a rule or a backend names must exist.
    public init(
        listeners: [ListenerDescription], tokenProviders: [TokenProvider] = [],
        apiKeySets: [APIKeySet] = [], rateLimits: [RateLimit] = [], backends: [Backend] = [], rules: [RouteRule],
        entries: [RouteEntry]
    ) {
        for (place, rule) in rules.enumerated() {
            precondition(rule.index == place, "a rule's index is its place in the table")
        }
        for (place, backend) in backends.enumerated() {
            precondition(backend.index == place, "a backend's index is its place in the table")
        }
        for entry in entries {
            precondition(listeners.indices.contains(entry.listener), "an entry's listener must exist")
            precondition(rules.indices.contains(entry.rule), "an entry's rule must exist")
        }
        self.listeners = listeners
        self.tokenProviders = tokenProviders
        self.apiKeySets = apiKeySets
        self.rateLimits = rateLimits
        identityHeaders = Set(tokenProviders.flatMap { $0.claimsToHeaders.map(\.header) })
            .filter { !$0.hasPrefix("x-authenticated-") }.sorted()
        self.backends = backends
        self.rules = rules
        self.entries = Precedence.sorted(entries, rules: rules)
        index = RouteIndex(listenerCount: listeners.count, entries: self.entries, rules: rules)
        sharers = listeners.indices.map { Self.sharers(of: $0, among: listeners) }
        isShared = sharers.map { !$0.isEmpty }
    }

    /// Finds the rule for a request. Allocates nothing; runs in time linear in the lengths of host and path.
    ///
    /// - Parameters:
    ///   - listener: the place in `listeners` of the one that the request arrived at. Where several share the port it is
    ///     any of them, and the one with the narrowest hostname that covers `host` answers.
    ///   - host: the request's authority in lower case, without a port.
    ///   - path: the canonical path, without the query.
    ///   - query: what follows the first "?", as it was sent.
    ///   - method: as it was sent.
    ///   - header: whether the request carries the field of this condition with its value. A field sent in several
    ///     lines counts as one value joined by "," (RFC 9110 §5.3).
    public func match(
        listener: Int, host: Span<UInt8>, path: Span<UInt8>, query: Span<UInt8>, method: Span<UInt8>,
        header: (HeaderCondition) -> Bool
    ) -> Decision {
        let listener = answering(at: listener, for: host)
        if !listeners[listener].hostname.covers(host) {
            return isServedElsewhere(host, not: listener) ? .misdirected : .notFound
        }
        let found = index.find(
            listener: listener, host: host, path: path, query: query, method: method, header: header)
        guard let rule = found else { return .notFound }
        return .rule(rules[rule])
    }

    /// The listener that answers for `host` among those that share the port of the one that the request arrived at.
    func answering(at listener: Int, for host: Span<UInt8>) -> Int {
        guard isShared[listener] else { return listener }
        for sharer in sharers[listener] where listeners[sharer].hostname.covers(host) { return sharer }
        return listener
    }

    private static func sharers(of listener: Int, among listeners: [ListenerDescription]) -> [Int] {
        let sharing = listeners.indices.filter { listeners[$0].port == listeners[listener].port }
        guard sharing.count > 1 else { return [] }
        return sharing.sorted {
            let (left, right) = (Precedence.rank(listeners[$0].hostname), Precedence.rank(listeners[$1].hostname))
            return left == right ? $0 < $1 : left > right
        }
    }

    private func isServedElsewhere(_ host: Span<UInt8>, not own: Int) -> Bool {
        guard listeners[own].transport == .https else { return false }
        for index in listeners.indices where index != own && listeners[index].transport == .https {
            if listeners[index].hostname.covers(host) { return true }
        }
        return false
    }
}
