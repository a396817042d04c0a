import Crypto
import Foundation

/// The P-256 key that signs development tokens.
struct TokenKey {
    private let key: P256.Signing.PrivateKey

    init() {
        key = P256.Signing.PrivateKey()
    }

    /// - Throws: ``CommandFailure`` when the file cannot be read or is not a P-256 private key.
    init(contentsOf path: String) throws {
        guard let key = try TokenKey(ifPresentAt: path) else {
            throw CommandFailure("there is no key at \(path); make one with: gatehouse-dev keys --directory DIRECTORY")
        }
        self = key
    }

    /// - Returns: `nil` when there is no file at `path`.
    /// - Throws: ``CommandFailure`` when there is one that cannot be read or is not a P-256 private key.
    init?(ifPresentAt path: String) throws {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let pem: String
        do {
            pem = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw CommandFailure("cannot read \(path): \(error.localizedDescription)")
        }
        do {
            key = try P256.Signing.PrivateKey(pemRepresentation: pem)
        } catch {
            throw CommandFailure("\(path) is not a P-256 private key in PEM")
        }
    }

    var pem: String { key.pemRepresentation + "\n" }

    /// The key's id: its JWK thumbprint (RFC 7638), which is the SHA-256 of its required members in lexical order.
    var thumbprint: String {
        Self.base64URL(SHA256.hash(data: Data(#"{"crv":"P-256","kty":"EC","x":"\#(x)","y":"\#(y)"}"#.utf8)))
    }

    /// A JWK set (RFC 7517 §5) with this key's public half.
    var keySet: String {
        """
        {
          "keys": [
            {
              "kty": "EC",
              "crv": "P-256",
              "x": "\(x)",
              "y": "\(y)",
              "kid": "\(thumbprint)",
              "alg": "ES256",
              "use": "sig"
            }
          ]
        }

        """
    }

    /// The coordinates as RFC 7518 §6.2.1 wants them: 32 bytes each, base64url.
    private var x: String { Self.base64URL(key.publicKey.rawRepresentation.prefix(32)) }
    private var y: String { Self.base64URL(key.publicKey.rawRepresentation.suffix(32)) }

    private static func base64URL(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString()
            .replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_")
            .replacingOccurrences(of: "=", with: "")
    }
}
