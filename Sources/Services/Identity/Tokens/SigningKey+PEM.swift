import Crypto
import CryptoExtras
import Foundation

extension SigningKey {
    /// Reads a private key from a PEM file's text: PKCS #8, or the older forms `EC PRIVATE KEY` and `RSA PRIVATE KEY`.
    /// What stands around the key (certificates, `EC PARAMETERS`) is skipped.
    ///
    /// - Throws: ``SigningKeyError`` that says what the file holds instead of the key that `algorithm` needs.
    init(pem text: String, algorithm: SigningAlgorithm) throws(SigningKeyError) {
        let block = try Self.privateKeyBlock(in: text)
        guard let material = Self.material(pem: block) else { throw Self.foreign(block, algorithm) }
        let key = try SigningKey(material)
        guard key.algorithm == algorithm else {
            throw .wrongKind(found: key.algorithm.keyDescription, algorithm: algorithm)
        }
        self = key
    }

    /// Reads a private key from a PEM file.
    init(pemFile path: String, algorithm: SigningAlgorithm) throws(SigningKeyError) {
        let text = try SecretFile.text(path)
        try self.init(pem: text, algorithm: algorithm)
    }

    private static func privateKeyBlock(in text: String) throws(SigningKeyError) -> String {
        guard let begin = text.firstRange(of: /-----BEGIN ((?:EC |RSA |ENCRYPTED )?PRIVATE KEY)-----/) else {
            throw .notAPrivateKey
        }
        let label = text[begin].dropFirst("-----BEGIN ".count).dropLast(5)
        guard let end = text[begin.upperBound...].firstRange(of: "-----END \(label)-----") else { throw .malformed }
        let block = String(text[begin.lowerBound..<end.upperBound])
        // PKCS #8 says it in the label, OpenSSL's older form in a header (RFC 1421 §4.6.1.1).
        guard !label.hasPrefix("ENCRYPTED"), !block.contains("Proc-Type:") else { throw .encrypted }
        return block
    }

    /// The parsers refuse each other's keys, so the one that succeeds tells the kind.
    private static func material(pem: String) -> Material? {
        if let key = try? P256.Signing.PrivateKey(pemRepresentation: pem) { return .p256(key) }
        if let key = try? Curve25519.Signing.PrivateKey(pemRepresentation: pem) { return .ed25519(key) }
        // Refuses fewer than 2,048 bits.
        if let key = try? _RSA.Signing.PrivateKey(pemRepresentation: pem) { return .rsa(key) }
        return nil
    }

    /// Names a key that no algorithm of ours can use.
    private static func foreign(_ pem: String, _ algorithm: SigningAlgorithm) -> SigningKeyError {
        // Only whether they succeed matters: each failure says no more than "not this kind".
        if (try? P384.Signing.PrivateKey(pemRepresentation: pem)) != nil {
            return .wrongKind(found: "a P-384 key", algorithm: algorithm)
        }
        if (try? P521.Signing.PrivateKey(pemRepresentation: pem)) != nil {
            return .wrongKind(found: "a P-521 key", algorithm: algorithm)
        }
        if let key = try? _RSA.Signing.PrivateKey(unsafePEMRepresentation: pem) {
            return .wrongKind(found: "an RSA key of \(key.keySizeInBits) bits", algorithm: algorithm)
        }
        return .malformed
    }
}
