import ServiceKit

/// What an access token says: the claims of RFC 7519 §4.1, `scope` of RFC 8693 §4.2 and `roles` of RFC 9068 §2.2.3.1.
struct AccessToken: Sendable, Hashable {
    var issuer: String
    var audience: String
    /// An account's id, `client:<client_id>` or `device:<id>`.
    var subject: String
    /// Seconds since 1970; the token is valid from then on.
    var issuedAt: Int64
    var lifetimeSeconds: Int64
    /// `jti`: what a single token is revoked by.
    var id: String
    var scopes: [String]
    var roles: [String]

    /// Seconds since 1970; from then on the token is worthless.
    var expiresAt: Int64 { issuedAt + lifetimeSeconds }

    /// The claims as JSON.
    var payload: [UInt8] {
        var writer = JSONWriter(capacity: 512)
        writer.object { writer in
            for (name, text) in [("iss", issuer), ("aud", audience), ("sub", subject), ("jti", id)] {
                writer.name(name)
                writer.string(text)
            }
            for (name, seconds) in [("iat", issuedAt), ("nbf", issuedAt), ("exp", expiresAt)] {
                writer.name(name)
                writer.integer(seconds)
            }
            writer.name("scope")
            writer.string(scopes.joined(separator: " "))
            writer.name("roles")
            writer.array { writer in
                for role in roles { writer.string(role) }
            }
        }
        return writer.bytes
    }
}
