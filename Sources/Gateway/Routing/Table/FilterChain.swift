/// The filters of a rule or of one of its backends, compiled. A rule without filters has none of these.
///
/// The order is fixed: CORS answers or lets pass; the request's fields are changed and its URL rewritten just before it is
/// forwarded (matching, authorizing and limiting see what the client sent); mirrors get what the endpoint gets; the
/// response's fields are changed last.
public final class FilterChain: Sendable {
    public let requestHeaders: HeaderChanges?
    public let responseHeaders: HeaderChanges?
    public let rewrite: URLRewrite?
    public let mirrors: [RequestMirror]
    public let crossOrigin: CrossOriginRules?
    /// What there is to do, without a look at the parts: each look at one of these costs a reference for each of its lists.
    public let hasCrossOrigin: Bool
    public let changesRequest: Bool
    public let changesResponse: Bool

    public init(
        requestHeaders: HeaderChanges? = nil, responseHeaders: HeaderChanges? = nil, rewrite: URLRewrite? = nil,
        mirrors: [RequestMirror] = [], crossOrigin: CrossOriginRules? = nil
    ) {
        self.requestHeaders = requestHeaders
        self.responseHeaders = responseHeaders
        self.rewrite = rewrite
        self.mirrors = mirrors
        self.crossOrigin = crossOrigin
        hasCrossOrigin = crossOrigin != nil
        changesRequest = requestHeaders != nil || rewrite != nil
        changesResponse = responseHeaders != nil || crossOrigin != nil
    }
}

/// A change of fields (`HTTPHeaderFilter`): first `set` replaces or adds, then `add` adds, then `remove` removes.
public struct HeaderChanges: Sendable, Hashable {
    public struct Field: Sendable, Hashable {
        /// Lower case.
        public let name: [UInt8]
        public let value: [UInt8]

        public init(name: String, value: String) {
            self.name = Array(name.lowercased().utf8)
            self.value = Array(value.utf8)
        }
    }

    public var set: [Field]
    public var add: [Field]
    /// Names in lower case.
    public var remove: [[UInt8]]

    public init(set: [Field] = [], add: [Field] = [], remove: [String] = []) {
        self.set = set
        self.add = add
        self.remove = remove.map { Array($0.lowercased().utf8) }
    }
}

/// Another path in place of the request's (`HTTPPathModifier`). The query stays.
public enum PathChange: Sendable, Hashable {
    case full([UInt8])
    /// The matched prefix, without a slash at its end, gives way to `replacement`, also without one ("" for "/").
    /// `whole` is what a path becomes that is the prefix and nothing more.
    case prefix(matched: [UInt8], replacement: [UInt8], whole: [UInt8])

    /// - Parameter matched: the prefix of the rule's match.
    public static func prefix(_ matched: String, to replacement: String) -> PathChange {
        func trimmed(_ text: String) -> [UInt8] {
            Array(text.utf8.reversed().drop { $0 == UInt8(ascii: "/") }.reversed())
        }
        return .prefix(
            matched: trimmed(matched), replacement: trimmed(replacement),
            whole: replacement.isEmpty ? [UInt8(ascii: "/")] : Array(replacement.utf8))
    }

    /// Appends what becomes of `path`.
    public func apply(to path: Span<UInt8>, into output: inout [UInt8]) {
        switch self {
        case .full(let replacement): output += replacement
        case .prefix(let matched, let replacement, let whole):
            guard path.count > matched.count else {
                output += whole
                return
            }
            output += replacement
            for index in matched.count..<path.count { output.append(path[index]) }
        }
    }
}

/// What the endpoint is asked for in place of what the client asked for (`HTTPURLRewriteFilter`).
public struct URLRewrite: Sendable, Hashable {
    /// Nil: the client's.
    public var hostname: [UInt8]?
    public var path: PathChange?

    public init(hostname: String? = nil, path: PathChange? = nil) {
        self.hostname = hostname.map { Array($0.utf8) }
        self.path = path
    }
}

/// A backend that gets a copy of a share of the requests; what it answers is thrown away (`HTTPRequestMirrorFilter`).
public struct RequestMirror: Sendable {
    public var backend: Backend
    /// Out of `denominator`.
    public var numerator: Int
    public var denominator: Int

    public init(backend: Backend, numerator: Int = 100, denominator: Int = 100) {
        self.backend = backend
        self.numerator = numerator
        self.denominator = denominator
    }
}

/// Which pages of other origins may call (the Fetch standard's CORS protocol, Gateway API `HTTPCORSFilter`).
public struct CrossOriginRules: Sendable, Hashable {
    public enum Origin: Sendable, Hashable {
        case any
        /// Scheme, host and port, byte for byte and in lower case: "https://shop.example.com:8443".
        case exact([UInt8])
        /// "https://*.example.com": what stands before and after the asterisk, which is one or more characters of a host.
        case pattern(before: [UInt8], after: [UInt8])
    }

    public var origins: [Origin]
    /// Upper case; "*": any.
    public var methods: [String]
    /// Lower case; "*": any.
    public var headers: [String]
    public var exposedHeaders: [String]
    public var maximumAgeSeconds: Int
    public var allowsCredentials: Bool

    public init(
        origins: [Origin] = [], methods: [String] = [], headers: [String] = [], exposedHeaders: [String] = [],
        maximumAgeSeconds: Int = 5, allowsCredentials: Bool = false
    ) {
        self.origins = origins
        self.methods = methods
        self.headers = headers
        self.exposedHeaders = exposedHeaders
        self.maximumAgeSeconds = maximumAgeSeconds
        self.allowsCredentials = allowsCredentials
    }
}

/// Keeps a client at the endpoint that served it first, by a cookie (GEP-1619).
public struct SessionPersistence: Sendable, Hashable {
    /// The cookie's name.
    public var name: String
    /// Nil: as long as the client keeps the cookie.
    public var absoluteTimeoutSeconds: Int?
    /// Whether the client keeps the cookie when it ends (`lifetimeType: Permanent`).
    public var isPermanent: Bool
    /// What keeps others from making cookies, and from reading which endpoint is meant.
    public var key: SessionKey

    public init(name: String, absoluteTimeoutSeconds: Int? = nil, isPermanent: Bool = false, key: SessionKey) {
        self.name = name
        self.absoluteTimeoutSeconds = absoluteTimeoutSeconds
        self.isPermanent = isPermanent
        self.key = key
    }
}

/// 128 bits that replicas of a gateway share, and nobody else.
public struct SessionKey: Sendable, Hashable {
    public var high: UInt64
    public var low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}
