import Crypto
import Foundation
import JWTKit

/// Issues access tokens in tests, and publishes its key as a key set file like the real issuer's.
public struct TokenIssuer: Sendable {
    public static let issuer = "https://identity.gatehouse.local"
    public static let audience = "gatehouse"

    /// The key's `kid`.
    public let keyID: String
    private let keys: JWTKeyCollection
    private let publicKey: P256.Signing.PublicKey

    public init(keyID: String? = nil) async throws {
        let key = P256.Signing.PrivateKey()
        let keyID = keyID ?? UUID().uuidString
        self.keyID = keyID
        publicKey = key.publicKey
        keys = JWTKeyCollection()
        await keys.add(ecdsa: try ES256PrivateKey(pem: key.pemRepresentation), kid: JWKIdentifier(string: keyID))
    }

    /// The key set of these issuers' public keys as JSON.
    public static func keySet(_ issuers: [TokenIssuer]) -> String {
        let keys = issuers.map { issuer in
            let point = issuer.publicKey.rawRepresentation
            let (x, y) = (base64URL(point.prefix(32)), base64URL(point.suffix(32)))
            return
                #"{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"\#(issuer.keyID)","x":"\#(x)","y":"\#(y)"}"#
        }
        return "{\"keys\":[\(keys.joined(separator: ","))]}"
    }

    /// Signs a token.
    ///
    /// - Parameters:
    ///   - lifetime: Seconds from now; negative for an expired token.
    ///   - notBefore: Seconds from now, or nil for no `nbf`.
    ///   - roles: A list as the standard wants it, or what a test makes of it.
    public func token(
        subject: String = "tester", scopes: String, roles: some Codable & Sendable = [String](),
        audience: String = Self.audience, issuer: String = Self.issuer, lifetime: Double = 3_600,
        notBefore: Double? = nil
    ) async throws -> String {
        let now = Date().timeIntervalSince1970
        let claims = Claims(
            iss: issuer, sub: subject, aud: audience, exp: now + lifetime, iat: now, nbf: notBefore.map { now + $0 },
            jti: UUID().uuidString, scope: scopes, roles: roles)
        return try await keys.sign(claims, kid: JWKIdentifier(string: keyID))
    }

    static func base64URL(_ data: some DataProtocol) -> String {
        Data(data).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    private struct Claims<Roles: Codable & Sendable>: JWTPayload {
        let iss: String
        let sub: String
        let aud: String
        let exp: Double
        let iat: Double
        let nbf: Double?
        let jti: String
        let scope: String
        let roles: Roles

        func verify(using algorithm: some JWTAlgorithm) async throws {}
    }
}
