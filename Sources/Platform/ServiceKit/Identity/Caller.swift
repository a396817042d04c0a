/// Who asks: the verified content of an access token.
public struct Caller: Sendable, Hashable {
    /// The token's `sub`: 1…255 characters.
    public let subject: String
    /// The words of the token's `scope`.
    public let scopes: Set<String>
    /// The token's `roles`.
    public let roles: Set<String>
    /// The token's `jti`: what this one token is revoked by.
    public let tokenID: String?
    /// The token's `iat`, in seconds since 1970.
    public let issuedAt: Double?
    /// The token's `exp`, in seconds since 1970.
    public let expiresAt: Double?
    /// The token as it was sent, to be forwarded to another service of ours. Never logged.
    public let token: String

    public init(
        subject: String, scopes: Set<String>, roles: Set<String> = [], tokenID: String? = nil,
        issuedAt: Double? = nil, expiresAt: Double? = nil, token: String
    ) {
        self.subject = subject
        self.scopes = scopes
        self.roles = roles
        self.tokenID = tokenID
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.token = token
    }

    /// Whether the caller may change what belongs to somebody else.
    public var isAdministrator: Bool { roles.contains("admin") }
}

/// Descriptions are for logs: none of them shows the token, neither does the reflection that the default ones use.
extension Caller: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { subject }
    public var debugDescription: String { description }

    public var customMirror: Mirror {
        Mirror(
            self, children: ["subject": subject, "scopes": scopes] as KeyValuePairs<String, Any>, displayStyle: .struct)
    }
}

/// Why a token is not accepted. The caller is told only the case's words, operators nothing: guesses are not errors.
public enum TokenRefusal: String, Error, Sendable {
    case malformed = "The token is not a JWT that this service accepts."
    case unknownKey = "The token was signed by a key that this service does not know."
    case badSignature = "The signature of the token is not valid."
    case expired = "The token has expired."
    case notYetValid = "The token is not valid yet."
    case wrongIssuer = "The token was issued by somebody else."
    case wrongAudience = "The token is for another audience."
    /// No fault of the token's: 503, until the issuer's key set has been fetched.
    case keysUnavailable = "The keys that access tokens are signed with are not known yet."
}

extension Caller {
    /// Finds the token in an `Authorization` field value (RFC 6750 §2.1; the scheme's case does not matter).
    ///
    /// - Returns: nil when the field is absent or of another scheme.
    static func bearerToken(_ fieldValue: String?) -> String? {
        guard let fieldValue else { return nil }
        let parts = fieldValue.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1].drop { $0 == " " })
    }
}
