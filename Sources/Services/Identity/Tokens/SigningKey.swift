import Crypto
import CryptoExtras
import Foundation

/// A private key that signs access tokens.
///
/// Its name (`kid`) is the thumbprint of its public half (RFC 7638), so that the same key has the same name wherever it is
/// imported, and two keys never share one.
struct SigningKey: Sendable {
    static let minimumRSABits = 2_048

    enum Material: Sendable {
        case p256(P256.Signing.PrivateKey)
        case ed25519(Curve25519.Signing.PrivateKey)
        case rsa(_RSA.Signing.PrivateKey)
    }

    let kid: String
    let algorithm: SigningAlgorithm
    /// The public half as a JSON Web Key (RFC 7517) with `kid`, `alg` and `use`; what the key set publishes.
    let publicJWK: String
    let material: Material

    init(_ material: Material) throws(SigningKeyError) {
        let members: [PublicKeyMember]
        switch material {
        case .p256(let key):
            let point = key.publicKey.rawRepresentation
            algorithm = .es256
            members = [
                PublicKeyMember("crv", "P-256"), PublicKeyMember("kty", "EC"),
                PublicKeyMember("x", Base64URL.encode(point.prefix(32))),
                PublicKeyMember("y", Base64URL.encode(point.suffix(32))),
            ]
        case .ed25519(let key):
            algorithm = .edDSA
            members = [
                PublicKeyMember("crv", "Ed25519"), PublicKeyMember("kty", "OKP"),
                PublicKeyMember("x", Base64URL.encode(key.publicKey.rawRepresentation)),
            ]
        case .rsa(let key):
            algorithm = .rs256
            let numbers: _RSA.Signing.PublicKey.Primitives
            do { numbers = try key.publicKey.getKeyPrimitives() } catch { throw SigningKeyError.malformed }
            members = [
                PublicKeyMember("e", Base64URL.encode(numbers.publicExponent.drop { $0 == 0 })),
                PublicKeyMember("kty", "RSA"),
                PublicKeyMember("n", Base64URL.encode(numbers.modulus.drop { $0 == 0 })),
            ]
        }
        self.material = material
        kid = PublicKeyMember.thumbprint(members)
        publicJWK = PublicKeyMember.json(
            members + [
                PublicKeyMember("alg", algorithm.rawValue), PublicKeyMember("kid", kid), PublicKeyMember("use", "sig"),
            ])
    }

    /// A new key. An RSA key takes the calling thread some tenths of a second.
    static func generate(_ algorithm: SigningAlgorithm) throws(SigningKeyError) -> SigningKey {
        switch algorithm {
        case .es256: return try SigningKey(.p256(P256.Signing.PrivateKey()))
        case .edDSA: return try SigningKey(.ed25519(Curve25519.Signing.PrivateKey()))
        case .rs256:
            let key: _RSA.Signing.PrivateKey
            do { key = try _RSA.Signing.PrivateKey(keySize: .bits2048) } catch { throw .malformed }
            return try SigningKey(.rsa(key))
        }
    }

    /// The signature in the form of a JWS (RFC 7518 §3.3, §3.4; RFC 8037 §3.1).
    func signature(for message: [UInt8]) throws -> Data {
        switch material {
        case .p256(let key): try key.signature(for: message).rawRepresentation
        case .ed25519(let key): try key.signature(for: message)
        case .rsa(let key):
            try key.signature(for: SHA256.hash(data: message), padding: .insecurePKCS1v1_5).rawRepresentation
        }
    }
}

/// Descriptions are for logs and test failures: none of them shows the private half.
extension SigningKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    var description: String { "\(algorithm.rawValue) key \(kid)" }
    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: ["kid": kid], displayStyle: .struct) }
}
