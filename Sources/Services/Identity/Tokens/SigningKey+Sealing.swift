import Crypto
import CryptoExtras
import Foundation

extension SigningKey {
    /// The private half as it is stored. It can be opened only together with this key's `kid` and algorithm, so a sealed
    /// key moved to another row is refused.
    func sealed(with sealKey: SealKey) throws(SigningKeyError) -> [UInt8] {
        let secret: Data
        switch material {
        case .p256(let key): secret = key.rawRepresentation
        case .ed25519(let key): secret = key.rawRepresentation
        case .rsa(let key): secret = key.derRepresentation
        }
        guard let sealed = sealKey.seal(secret, context: Self.context(kid, algorithm)) else { throw .malformed }
        return sealed
    }

    /// Opens a stored key.
    ///
    /// - Throws: ``SigningKeyError/sealBroken(kid:)`` when it is not this key under this seal key.
    init(
        sealed: [UInt8], kid: String, algorithm: SigningAlgorithm, with sealKey: SealKey
    ) throws(SigningKeyError) {
        guard let secret = sealKey.open(sealed, context: Self.context(kid, algorithm)) else {
            throw .sealBroken(kid: kid)
        }
        let material: Material
        do {
            switch algorithm {
            case .es256: material = .p256(try P256.Signing.PrivateKey(rawRepresentation: secret))
            case .edDSA: material = .ed25519(try Curve25519.Signing.PrivateKey(rawRepresentation: secret))
            case .rs256: material = .rsa(try _RSA.Signing.PrivateKey(derRepresentation: secret))
            }
        } catch {
            throw .sealBroken(kid: kid)
        }
        let key = try SigningKey(material)
        guard key.kid == kid else { throw .sealBroken(kid: kid) }
        self = key
    }

    private static func context(_ kid: String, _ algorithm: SigningAlgorithm) -> String {
        "gatehouse signing key \(algorithm.rawValue) \(kid)"
    }
}
