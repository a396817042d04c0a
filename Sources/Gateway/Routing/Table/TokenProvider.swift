/// Who issues the tokens that a rule asks for, and how they are checked.
public struct TokenProvider: Sendable, Hashable {
    /// A signature algorithm of RFC 7518 §3.1 or RFC 8037 §3.1. Symmetric ones and `none` cannot be named at all.
    public enum Algorithm: String, Sendable, CaseIterable {
        case es256 = "ES256"
        case es384 = "ES384"
        case rs256 = "RS256"
        case ps256 = "PS256"
        case edDSA = "EdDSA"
    }

    /// Where the JSON Web Key Set (RFC 7517 §5) lives.
    public enum KeySetReference: Sendable, Hashable, CustomStringConvertible {
        /// A key of a ConfigMap, whose name is "namespace/name".
        case configMap(name: String, key: String)
        /// A file of the gateway's own file system, by its absolute path.
        case file(path: String)
        /// A key of a Secret, whose name is "namespace/name".
        case secret(name: String, key: String)
        case remote(RemoteKeySet)

        public var description: String {
            switch self {
            case .configMap(let name, let key): "ConfigMap \(name) key \(key)"
            case .file(let path): "file \(path)"
            case .secret(let name, let key): "Secret \(name) key \(key)"
            case .remote(let remote): remote.uri
            }
        }
    }

    /// A key set that is fetched, and fetched again before it is too old.
    public struct RemoteKeySet: Sendable, Hashable {
        /// "https://…"; "http://…" only to where nobody else can answer.
        public var uri: String
        /// Authorities that may vouch for the server, as "namespace/name" of a ConfigMap and its key. Nil: the system's.
        public var authorities: ConfigMapKey?
        /// How long one answer may take.
        public var timeoutMilliseconds: Int
        /// How long keys are kept in use when no newer ones can be had.
        public var staleSeconds: Int

        public init(
            uri: String, authorities: ConfigMapKey? = nil, timeoutMilliseconds: Int = 5_000,
            staleSeconds: Int = 86_400
        ) {
            self.uri = uri
            self.authorities = authorities
            self.timeoutMilliseconds = timeoutMilliseconds
            self.staleSeconds = staleSeconds
        }
    }

    /// Where the issuer tells which tokens it took back before they expired.
    public struct RevocationFeed: Sendable, Hashable {
        /// As `RemoteKeySet.uri`, without a query.
        public var uri: String
        /// As `RemoteKeySet.authorities`.
        public var authorities: ConfigMapKey?
        /// How often it is asked.
        public var intervalMilliseconds: Int
        /// How long one answer may take.
        public var timeoutMilliseconds: Int

        public init(
            uri: String, authorities: ConfigMapKey? = nil, intervalMilliseconds: Int = 1_000,
            timeoutMilliseconds: Int = 2_000
        ) {
            self.uri = uri
            self.authorities = authorities
            self.intervalMilliseconds = intervalMilliseconds
            self.timeoutMilliseconds = timeoutMilliseconds
        }
    }

    public struct ConfigMapKey: Sendable, Hashable {
        /// "namespace/name".
        public var name: String
        public var key: String

        public init(name: String, key: String) {
            self.name = name
            self.key = key
        }
    }

    /// A claim that backends are told in a request header.
    public struct ClaimHeader: Sendable, Hashable {
        /// See `ClaimCondition.name`.
        public var claim: String
        /// In lower case.
        public var header: String

        public init(claim: String, header: String) {
            self.claim = claim
            self.header = header
        }
    }

    /// The `AuthenticationPolicy` it comes from, as "namespace/name".
    public var name: String
    /// What the `iss` claim must be, byte for byte.
    public var issuer: String
    /// The `aud` claim must name at least one of these.
    public var audiences: [String]
    public var algorithms: [Algorithm]
    /// How far the issuer's clock may be from ours when `exp` and `nbf` are checked.
    public var clockSkewSeconds: Int
    public var keySet: KeySetReference
    /// Nil: tokens are good until they expire.
    public var revocations: RevocationFeed?
    public var claimsToHeaders: [ClaimHeader]
    /// The names of claims that some rule asks for.
    public var claims: Set<String>

    public init(
        name: String, issuer: String, audiences: [String], algorithms: [Algorithm] = Algorithm.allCases,
        clockSkewSeconds: Int = 30, keySet: KeySetReference, revocations: RevocationFeed? = nil,
        claimsToHeaders: [ClaimHeader] = [], claims: Set<String> = []
    ) {
        self.name = name
        self.issuer = issuer
        self.audiences = audiences
        self.algorithms = algorithms
        self.clockSkewSeconds = clockSkewSeconds
        self.keySet = keySet
        self.revocations = revocations
        self.claimsToHeaders = claimsToHeaders
        self.claims = claims
    }
}
