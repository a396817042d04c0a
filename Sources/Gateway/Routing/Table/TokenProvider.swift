/// Who issues the tokens that a rule asks for, and how they are checked.
public struct TokenProvider: Sendable, Hashable {
    /// A signature algorithm of RFC 7518 §3.1 or RFC 8037 §3.1. Symmetric ones and `none` cannot be named at all.
    public enum Algorithm: String, Sendable, CaseIterable {
        case es256 = "ES256"
        case rs256 = "RS256"
        case edDSA = "EdDSA"
    }

    /// Where the JSON Web Key Set (RFC 7517 §5) lives.
    public enum KeySetReference: Sendable, Hashable, CustomStringConvertible {
        /// A key of a ConfigMap, whose name is "namespace/name".
        case configMap(name: String, key: String)
        /// A file of the gateway's own file system, by its absolute path.
        case file(path: String)

        public var description: String {
            switch self {
            case .configMap(let name, let key): "ConfigMap \(name) key \(key)"
            case .file(let path): "file \(path)"
            }
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

    public init(
        name: String, issuer: String, audiences: [String], algorithms: [Algorithm] = Algorithm.allCases,
        clockSkewSeconds: Int = 30, keySet: KeySetReference
    ) {
        self.name = name
        self.issuer = issuer
        self.audiences = audiences
        self.algorithms = algorithms
        self.clockSkewSeconds = clockSkewSeconds
        self.keySet = keySet
    }
}
