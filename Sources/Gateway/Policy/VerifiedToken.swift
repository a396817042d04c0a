/// Who calls, once that was proven: what a token was found to say when its signature and its registered claims (RFC 7519
/// §4.1) were checked, or whose an API key is.
///
/// A class, so that passing it on costs one reference count and not one for each part.
public final class VerifiedToken: Sendable, Equatable {
    /// A field that tells the backend who calls.
    public struct IdentityField: Sendable, Equatable {
        /// In lower case.
        public let name: [UInt8]
        /// Without control bytes.
        public let value: [UInt8]

        public init(name: String, value: String) {
            self.name = Array(name.lowercased().utf8)
            let clean = value.utf8.filter { $0 >= 0x20 && $0 != 0x7F }
            // No field value begins or ends with a space (RFC 9110 §5.5).
            self.value = Array(clean.drop { $0 == 0x20 }.reversed().drop { $0 == 0x20 }.reversed())
        }
    }

    /// The `sub` claim, or the consumer that an API key belongs to.
    public let subject: String
    /// The `scope` claim (RFC 8693 §4.2), split at spaces.
    public let scopes: Set<String>
    /// The same, when they are few: comparing them costs less than hashing one.
    private let fewScopes: [String]
    /// The `exp` claim, in seconds since 1970. From this second on the token is refused.
    public let expiresAtSeconds: Int64
    /// The `jti` claim, where tokens can be taken back.
    public let tokenID: String?
    /// The `iat` claim, in milliseconds since 1970, where tokens can be taken back.
    public let issuedAtMilliseconds: Int64?
    /// By name: the other claims that some policy asks for, each value as text; a list has several.
    public let claims: [String: [String]]
    /// What the backend is told of the caller.
    public let identity: [IdentityField]
    /// Whether it was proven by an API key.
    public let isConsumer: Bool

    public init(
        subject: String, scopes: Set<String>, expiresAtSeconds: Int64, claims: [String: [String]] = [:],
        identity: [IdentityField] = [], isConsumer: Bool = false, tokenID: String? = nil,
        issuedAtMilliseconds: Int64? = nil
    ) {
        self.subject = subject
        self.scopes = scopes
        fewScopes = scopes.count <= 16 ? scopes.sorted() : []
        self.expiresAtSeconds = expiresAtSeconds
        self.claims = claims
        self.identity = identity
        self.isConsumer = isConsumer
        self.tokenID = tokenID
        self.issuedAtMilliseconds = issuedAtMilliseconds
    }

    public func hasScope(_ scope: String) -> Bool {
        fewScopes.isEmpty ? scopes.contains(scope) : fewScopes.contains(scope)
    }

    /// Whether a claim has one of these values.
    public func claims(_ name: String, oneOf values: [String]) -> Bool {
        guard let own = claims[name] else { return false }
        return own.contains { values.contains($0) }
    }

    public static func == (left: VerifiedToken, right: VerifiedToken) -> Bool {
        left.subject == right.subject && left.scopes == right.scopes
            && left.expiresAtSeconds == right.expiresAtSeconds && left.claims == right.claims
            && left.identity == right.identity && left.isConsumer == right.isConsumer
            && left.tokenID == right.tokenID && left.issuedAtMilliseconds == right.issuedAtMilliseconds
    }
}

/// Why a token was not accepted.
///
/// The first nine are the client's fault and answered with 401; `keysNotLoaded` and `overloaded` are ours and answered
/// with 503, because the client's token may well be good.
public enum TokenRefusal: Error, Sendable, Equatable, CaseIterable {
    case malformed
    case unsupportedAlgorithm
    case unknownKey
    case badSignature
    case expired
    case notYetValid
    case wrongIssuer
    case wrongAudience
    /// The issuer took it back; see `RevocationSource`.
    case revoked
    case keysNotLoaded
    case overloaded
}
