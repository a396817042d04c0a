/// What a token was found to say, once its signature and its registered claims (RFC 7519 §4.1) were checked.
///
/// A class, so that passing it on costs one reference count and not one for each part.
public final class VerifiedToken: Sendable, Equatable {
    /// The `sub` claim.
    public let subject: String
    /// The `scope` claim (RFC 8693 §4.2), split at spaces.
    public let scopes: Set<String>
    /// The `exp` claim, in seconds since 1970. From this second on the token is refused.
    public let expiresAtSeconds: Int64

    public init(subject: String, scopes: Set<String>, expiresAtSeconds: Int64) {
        self.subject = subject
        self.scopes = scopes
        self.expiresAtSeconds = expiresAtSeconds
    }

    public static func == (left: VerifiedToken, right: VerifiedToken) -> Bool {
        left.subject == right.subject && left.scopes == right.scopes
            && left.expiresAtSeconds == right.expiresAtSeconds
    }
}

/// Why a token was not accepted.
///
/// The first eight are the client's fault and answered with 401; `keysNotLoaded` and `overloaded` are ours and answered
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
    case keysNotLoaded
    case overloaded
}
