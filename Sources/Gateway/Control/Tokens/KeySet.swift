import Foundation
import JWTKit
import Routing

/// The public keys of an issuer, by their identifiers (RFC 7517 §5).
struct KeySet: Sendable {
    /// A key and the only algorithm it is used with. A token's header cannot choose another: that closes the way to
    /// have an RSA public key taken for an HMAC secret (RFC 8725 §2.1).
    struct Key: Sendable {
        let algorithm: TokenProvider.Algorithm
        let verifier: any JWTAlgorithm
    }

    /// The most keys that one set may have.
    static let keyLimit = 100

    let keys: [String: Key]
    /// Keys of the set that are not used, and why. RFC 7517 §5 asks to pass over those of unknown kinds.
    let unused: [String]

    /// - Throws: `KeySetError` when it is not a key set, has no key to verify with, or holds a secret.
    init(json: [UInt8]) async throws(KeySetError) {
        let list: KeyList
        do {
            list = try JSONDecoder().decode(KeyList.self, from: Data(json))
        } catch {
            throw KeySetError("is not a JSON Web Key Set (RFC 7517 §5)")
        }
        guard list.keys.count <= Self.keyLimit else { throw KeySetError("has more than \(Self.keyLimit) keys") }
        var keys: [String: Key] = [:]
        var unused: [String] = []
        for (index, entry) in list.keys.enumerated() {
            let name = entry.identifier.map { "\"\($0)\"" } ?? "number \(index + 1)"
            if entry.hasSecret { throw KeySetError("key \(name) holds a private or symmetric key") }
            guard let identifier = entry.identifier, let algorithm = entry.usableAlgorithm, let key = entry.key else {
                unused.append("key \(name) is not one for \(Self.algorithmNames) signatures with a kid")
                continue
            }
            if keys[identifier] != nil { throw KeySetError("has two keys with the kid \(name)") }
            keys[identifier] = Key(
                algorithm: algorithm, verifier: try await Self.verifier(key, identifier: identifier, algorithm))
        }
        guard !keys.isEmpty else { throw KeySetError("has no key for \(Self.algorithmNames) signatures with a kid") }
        self.keys = keys
        self.unused = unused
    }

    private static let algorithmNames = TokenProvider.Algorithm.allCases.map(\.rawValue).joined(separator: ", ")

    private static func verifier(
        _ key: JWK, identifier: String, _ algorithm: TokenProvider.Algorithm
    ) async throws(KeySetError) -> any JWTAlgorithm {
        do {
            var key = key
            key.algorithm = JWK.Algorithm(rawValue: algorithm.rawValue)
            let collection = JWTKeyCollection()
            try await collection.add(jwk: key)
            return try await collection.getKey(for: JWKIdentifier(string: identifier), alg: algorithm.rawValue)
        } catch {
            throw KeySetError("key \"\(identifier)\" cannot be used: \(error)")
        }
    }
}

/// Why a key set cannot be used. Never holds key material.
struct KeySetError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// The members of a key set that decide whether a key is usable, besides the key itself.
private struct KeyList: Decodable {
    struct Entry: Decodable {
        let identifier: String?
        let hasSecret: Bool
        let usableAlgorithm: TokenProvider.Algorithm?
        /// Nil for kinds of keys that jwt-kit does not know.
        let key: JWK?

        private enum Keys: String, CodingKey {
            case kid, kty, crv, alg, use, n, d, k
        }

        init(from decoder: any Decoder) throws {
            let entry = try decoder.container(keyedBy: Keys.self)
            identifier = try entry.decodeIfPresent(String.self, forKey: .kid)
            hasSecret = entry.contains(.d) || entry.contains(.k)
            let use = try entry.decodeIfPresent(String.self, forKey: .use)
            let kind = try entry.decode(String.self, forKey: .kty)
            let curve = try entry.decodeIfPresent(String.self, forKey: .crv)
            let modulus = try entry.decodeIfPresent(String.self, forKey: .n) ?? ""
            let named = try entry.decodeIfPresent(String.self, forKey: .alg)
            // An RSA key that does not say what it is for is one for RS256, which every issuer has.
            let own: TokenProvider.Algorithm? =
                switch (kind, curve) {
                case ("EC", "P-256"): .es256
                case ("EC", "P-384"): .es384
                case ("OKP", "Ed25519"): .edDSA
                // RFC 7518 §3.3: at least 2048 bits, which are 342 characters of base64url.
                case ("RSA", nil) where modulus.utf8.count >= 342: named == "PS256" ? .ps256 : .rs256
                default: nil
                }
            let isForSignatures = use == nil || use == "sig"
            let agrees = named == nil || named == own?.rawValue
            usableAlgorithm = isForSignatures && agrees ? own : nil
            key = usableAlgorithm == nil ? nil : try JWK(from: decoder)
        }
    }

    let keys: [Entry]
}
