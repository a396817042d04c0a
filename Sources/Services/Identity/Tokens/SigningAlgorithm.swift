/// How access tokens are signed (RFC 7518 §3.1, RFC 8037 §3.1).
enum SigningAlgorithm: String, Sendable, Hashable, CaseIterable {
    /// ECDSA with P-256 and SHA-256: the default.
    case es256 = "ES256"
    /// Ed25519.
    case edDSA = "EdDSA"
    /// RSASSA-PKCS1-v1_5 with SHA-256, for verifiers that know nothing else; tokens are four times as long to sign.
    case rs256 = "RS256"

    /// The key that it needs, in words.
    var keyDescription: String {
        switch self {
        case .es256: "a P-256 key"
        case .edDSA: "an Ed25519 key"
        case .rs256: "an RSA key of at least \(SigningKey.minimumRSABits) bits"
        }
    }
}
