import Foundation
import ServiceKit

/// The keys of one moment: the one that signs, and all whose tokens are or will be good. A rotation makes a new ring.
struct KeyRing: Sendable {
    let active: SigningKey
    /// The key set (RFC 7517 §5) as JSON: the active key first, then the others, every `kid` once.
    let jwks: String
    /// The header of every token, encoded.
    private let header: String

    /// - Parameter published: Public keys as JSON Web Keys: those that will sign, and those that did and whose last token
    ///   has not expired. The active one's may be among them.
    init(active: SigningKey, published: [String]) {
        self.active = active
        let others = published.filter { $0 != active.publicJWK }
        var unique: [String] = []
        for key in others where !unique.contains(key) { unique.append(key) }
        jwks = "{\"keys\":[\(([active.publicJWK] + unique).joined(separator: ","))]}"
        let fields: JSONValue = [
            "alg": .string(active.algorithm.rawValue), "kid": .string(active.kid), "typ": "at+jwt",
        ]
        header = Base64URL.encode(Array(fields.text.utf8))
    }

    /// The token as a JWS in compact form (RFC 7515 §7.1), signed by the active key.
    ///
    /// - Throws: What the cryptographic library throws, for example without randomness.
    func sign(_ token: AccessToken) throws -> String {
        let input = header + "." + Base64URL.encode(token.payload)
        return input + "." + Base64URL.encode(try active.signature(for: Array(input.utf8)))
    }
}
