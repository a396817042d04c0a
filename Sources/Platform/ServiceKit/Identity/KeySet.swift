import Foundation
import JWTKit

/// The public keys that may sign tokens: an immutable JWK set (RFC 7517), each key bound to the one algorithm that its
/// type allows. Symmetric keys and `none` have no place in it.
struct KeySet: Sendable {
    struct Key: Sendable {
        /// `ES256`, `RS256` or `EdDSA`; a token that names another algorithm for this key is refused.
        let algorithm: String
        let verifier: JWTKeyCollection
    }

    let keys: [String: Key]

    /// Reads a JWK set.
    ///
    /// - Throws: ``KeySetError`` when it is not one, or holds no usable key. Keys of other types, or for another use than
    ///   signatures, are skipped (RFC 7517 §5).
    init(json: Data) async throws(KeySetError) {
        let set: SkippingSet
        do { set = try JSONDecoder().decode(SkippingSet.self, from: json) } catch { throw KeySetError.notAKeySet }
        var keys: [String: Key] = [:]
        for candidate in set.keys {
            guard var jwk = candidate.jwk, candidate.use == nil || candidate.use == "sig",
                let id = jwk.keyIdentifier?.string, let algorithm = Self.algorithm(of: jwk)
            else { continue }
            jwk.algorithm = algorithm
            guard keys[id] == nil else { throw KeySetError.repeatedIdentifier }
            let verifier = JWTKeyCollection()
            do { try await verifier.add(jwk: jwk) } catch { throw KeySetError.unusableKey }
            keys[id] = Key(algorithm: algorithm.rawValue, verifier: verifier)
        }
        guard !keys.isEmpty else { throw KeySetError.empty }
        self.keys = keys
    }

    /// The algorithm that a key of this type is used with; nil for types that are not accepted.
    private static func algorithm(of jwk: JWK) -> JWK.Algorithm? {
        let algorithm: JWK.Algorithm
        switch (jwk.keyType, jwk.curve?.rawValue) {
        case (.ecdsa, "P-256"): algorithm = .es256
        case (.octetKeyPair, "Ed25519"): algorithm = .eddsa
        // NIST SP 800-131A: at least 2048 bits, which are 342 characters of base64url.
        case (.rsa, nil) where (jwk.modulus?.utf8.count ?? 0) >= 342: algorithm = .rs256
        default: return nil
        }
        return jwk.algorithm == nil || jwk.algorithm == algorithm ? algorithm : nil
    }
}

/// Why something is not a key set.
enum KeySetError: String, Error, CustomStringConvertible {
    case unreadable = "it cannot be read"
    case notAKeySet = "it is not a JSON Web Key set"
    case repeatedIdentifier = "two keys have the same kid"
    case unusableKey = "a key's parameters are not valid"
    case empty = "it holds no key for ES256, RS256 or EdDSA that has a kid"

    var description: String { rawValue }
}

/// A JWK set whose unknown kinds of keys do not spoil the others.
private struct SkippingSet: Decodable {
    let keys: [Candidate]

    struct Candidate: Decodable {
        let jwk: JWK?
        let use: String?

        enum CodingKeys: CodingKey { case use }

        init(from decoder: any Decoder) throws {
            use = try decoder.container(keyedBy: CodingKeys.self).decodeIfPresent(String.self, forKey: .use)
            // A key of a type that JWTKit does not know is skipped, as RFC 7517 §5 wants.
            jwk = try? JWK(from: decoder)
        }
    }
}
