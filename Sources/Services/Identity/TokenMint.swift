import ServiceKit

/// Makes access tokens.
struct TokenMint: Sendable {
    /// How far clocks may be apart: so much longer than its life a token may matter to somebody.
    static let clockMargin = Duration.seconds(60)

    let requirements: TokenRequirements
    let lifetime: Duration

    /// A token that was just made.
    struct Minted: Sendable {
        let text: String
        let expiresInSeconds: Int64
        let scopes: [String]
        /// As it would be revoked.
        let issued: IssuedToken
    }

    /// Signs a token.
    ///
    /// - Parameters:
    ///   - now: By the database's clock, read while the subject is locked.
    ///   - earliest: Tokens of the subject that were issued before are void: the token says that it was issued then, if
    ///     that is later. It is less than a second.
    ///   - end: When the subject stops being valid, and the token with it.
    func mint(
        subject: String, scopes: [String], roles: [String], now: Timestamp, earliest: Timestamp?, end: Timestamp?,
        with ring: KeyRing
    ) throws -> Minted {
        let issuedAt = max(now.seconds, earliest?.seconds ?? 0)
        let secondsLeft = end.map { max(1, $0.seconds - issuedAt) } ?? .max
        let token = AccessToken(
            issuer: requirements.issuer, audience: requirements.audience, subject: subject,
            issuedAt: issuedAt, lifetimeSeconds: min(lifetime.components.seconds, secondsLeft),
            id: OpaqueToken.generate(prefix: "").text, scopes: scopes, roles: roles)
        return Minted(
            text: try ring.sign(token), expiresInSeconds: token.lifetimeSeconds, scopes: scopes,
            issued: IssuedToken(id: token.id, expiresAt: revocationEnd(tokenExpiry: token.expiresAt)))
    }

    /// When a token that ends then cannot matter any more.
    func revocationEnd(tokenExpiry seconds: Int64) -> Timestamp {
        Timestamp(millisecondsSince1970: seconds * 1_000).advanced(by: Self.clockMargin)
    }

    /// When every token that was issued until now cannot matter any more.
    func revocationEnd(ofTokensUntil now: Timestamp) -> Timestamp {
        now.followingSecond.advanced(by: lifetime + Self.clockMargin)
    }
}

/// What a sign-in and a refresh give.
struct TokenPair: Sendable {
    let access: TokenMint.Minted
    let refresh: OpaqueToken
}
