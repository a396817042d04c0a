import Crypto
import CryptoExtras
import Foundation
import Routing

@testable import Control

/// Makes tokens by hand, good ones and bad ones: a library for tokens would refuse to make the bad ones.
struct TokenFactory {
    static let now: Int64 = 1_800_000_000

    let key = P256.Signing.PrivateKey()
    let edKey = Curve25519.Signing.PrivateKey()
    let rsaKey: _RSA.Signing.PrivateKey

    /// Takes a good part of a second to make, so that all tests share it.
    private static let sharedRSAKey = Result { try _RSA.Signing.PrivateKey(keySize: .bits2048) }

    init() throws {
        rsaKey = try Self.sharedRSAKey.get()
    }

    /// Three keys: "ec", "ed" and "rsa".
    var keySetJSON: String {
        get throws {
            let point = key.publicKey.rawRepresentation
            let rsa = try rsaKey.publicKey.getKeyPrimitives()
            return """
                {"keys": [
                  {"kty": "EC", "crv": "P-256", "kid": "ec", "use": "sig",
                   "x": "\(Self.base64URL(point.prefix(32)))", "y": "\(Self.base64URL(point.suffix(32)))"},
                  {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "alg": "EdDSA",
                   "x": "\(Self.base64URL(edKey.publicKey.rawRepresentation))"},
                  {"kty": "RSA", "kid": "rsa", "alg": "RS256",
                   "n": "\(Self.base64URL(rsa.modulus))", "e": "\(Self.base64URL(rsa.publicExponent))"}
                ]}
                """
        }
    }

    func provider(
        algorithms: [TokenProvider.Algorithm] = TokenProvider.Algorithm.allCases, skew: Int = 0
    ) async throws -> TokenVerifier.Provider {
        TokenVerifier.Provider(
            settings: TokenProvider(
                name: "default/test", issuer: "https://issuer.example", audiences: ["gatehouse"],
                algorithms: algorithms, clockSkewSeconds: skew, keySet: .file(path: "/keys.json")),
            keys: try await KeySet(json: Array(try keySetJSON.utf8)))
    }

    /// Claims that are good at `now`; `changes` adds, replaces, or (with NSNull) removes some.
    static func claims(_ changes: [String: Any] = [:]) -> [String: Any] {
        var claims: [String: Any] = [
            "iss": "https://issuer.example", "aud": "gatehouse", "sub": "somebody", "exp": now + 60, "iat": now,
            "scope": "warehouse:read sales:read",
        ]
        for (name, value) in changes { claims[name] = value is NSNull ? nil : value }
        return claims
    }

    enum Signer {
        case es256, edDSA, rs256, nobody
        case hs256(secret: [UInt8])
    }

    func token(
        header: [String: Any] = ["alg": "ES256", "kid": "ec"], claims: [String: Any] = claims(),
        by signer: Signer = .es256
    ) throws -> [UInt8] {
        let header = try JSONSerialization.data(withJSONObject: header)
        return try token(header: header, payload: JSONSerialization.data(withJSONObject: claims), by: signer)
    }

    func token(header: Data, payload: Data, by signer: Signer) throws -> [UInt8] {
        let signed = "\(Self.base64URL(header)).\(Self.base64URL(payload))"
        return Array("\(signed).\(Self.base64URL(try signature(of: Data(signed.utf8), by: signer)))".utf8)
    }

    private func signature(of bytes: Data, by signer: Signer) throws -> Data {
        switch signer {
        case .es256: try key.signature(for: bytes).rawRepresentation
        case .edDSA: try edKey.signature(for: bytes)
        case .rs256:
            try rsaKey.signature(for: SHA256.hash(data: bytes), padding: .insecurePKCS1v1_5).rawRepresentation
        case .nobody: Data()
        case .hs256(let secret):
            Data(HMAC<SHA256>.authenticationCode(for: bytes, using: SymmetricKey(data: secret)))
        }
    }

    static func base64URL(_ bytes: some DataProtocol) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
