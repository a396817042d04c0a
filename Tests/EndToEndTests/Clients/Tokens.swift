import Foundation
import JWTKit
import Synchronization

/// Tokens that `gatehouse-dev` makes with the key that identity was given to sign with: of any subject and scope.
final class Tokens: Sendable {
    static let issuer = "https://identity.gatehouse.local"
    static let audience = "gatehouse"
    static let allScopes = "warehouse:read warehouse:write accounting:read accounting:write sales:read sales:write"

    /// With every scope.
    let full: String
    /// The private key's file.
    let key: String
    private let made = Mutex<[String: String]>([:])

    private init(folder: String, full: String) {
        key = "\(folder)/token-key.pem"
        self.full = full
    }

    static func make(in folder: String, logs: String) async throws -> Tokens {
        _ = try await ChildProcess.run(try Program.gatehouseDev.path, ["keys", "--directory", folder], logs: logs)
        let full = try await print(["--key", "\(folder)/token-key.pem"], logs)
        return Tokens(folder: folder, full: full)
    }

    /// A token with exactly these scopes.
    func token(scopes: String, logs: String) async throws -> String {
        if let known = made.withLock({ $0[scopes] }) { return known }
        let token = try await Self.print(["--key", key, "--subject", "tester", "--scope", scopes], logs)
        made.withLock { $0[scopes] = token }
        return token
    }

    private static func print(_ arguments: [String], _ logs: String) async throws -> String {
        let output = try await ChildProcess.run(try Program.gatehouseDev.path, ["token"] + arguments, logs: logs)
        return String(decoding: output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

/// Tokens that nobody may accept.
enum BadToken: String, CaseIterable, Sendable {
    case expired = "expired"
    case notYetValid = "not yet valid"
    case withoutExpiry = "without an expiry"
    case otherAudience = "for another audience"
    case otherIssuer = "of another issuer"
    case otherKey = "signed by another key under our key's name"
    case unknownKey = "signed by a key nobody knows"
    case unsigned = "unsigned (alg none)"
    case publicKeyAsSecret = "HS256 with our public key as the secret"
    case tamperedClaims = "with claims changed after signing"
    case tamperedSignature = "with a changed signature"
    case cutSignature = "without its signature"
    case noToken = "not a token at all"

    func make(with tokens: Tokens) async throws -> String {
        let key = try ES256PrivateKey(pem: try String(contentsOfFile: tokens.key, encoding: .utf8))
        let good = tokens.full.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        let kid = try Self.keyID(good[0])
        let now = Date().timeIntervalSince1970.rounded(.down)
        var claims = Claims(exp: now + 600)
        switch self {
        case .expired: claims.exp = now - 600
        case .notYetValid: claims.nbf = now + 600
        case .withoutExpiry: claims.exp = nil
        case .otherAudience: claims.aud = "somebody-else"
        case .otherIssuer: claims.iss = "https://identity.example.com"
        case .otherKey: return try await Self.sign(claims, ES256PrivateKey(), kid)
        case .unknownKey: return try await Self.sign(claims, ES256PrivateKey(), "nobody")
        case .unsigned: return "\(Self.encode(["alg": "none", "kid": kid, "typ": "JWT"])).\(good[1])."
        case .publicKeyAsSecret:
            let keys = JWTKeyCollection()
            await keys.add(
                hmac: HMACKey(from: key.publicKey.pemRepresentation), digestAlgorithm: .sha256,
                kid: JWKIdentifier(string: kid))
            return try await keys.sign(claims, kid: JWKIdentifier(string: kid))
        case .tamperedClaims: return "\(good[0]).\(try Self.encode(JSONEncoder().encode(claims))).\(good[2])"
        case .tamperedSignature:
            let first = good[2].hasPrefix("A") ? "B" : "A"
            return "\(good[0]).\(good[1]).\(first)\(good[2].dropFirst())"
        case .cutSignature: return "\(good[0]).\(good[1])."
        case .noToken: return "letmein"
        }
        return try await Self.sign(claims, key, kid)
    }

    private struct Claims: JWTPayload {
        var iss = Tokens.issuer
        var aud = Tokens.audience
        var sub = "intruder"
        var exp: Double?
        var nbf: Double?
        var scope = Tokens.allScopes

        func verify(using algorithm: some JWTAlgorithm) async throws {}
    }

    private static func sign(_ claims: Claims, _ key: ES256PrivateKey, _ kid: String) async throws -> String {
        let keys = JWTKeyCollection()
        await keys.add(ecdsa: key, kid: JWKIdentifier(string: kid))
        return try await keys.sign(claims, kid: JWKIdentifier(string: kid))
    }

    private static func keyID(_ header: String) throws -> String {
        var text = header.replacing("-", with: "+").replacing("_", with: "/")
        text += String(repeating: "=", count: (4 - text.count % 4) % 4)
        guard let data = Data(base64Encoded: text), let kid = try JSON(bytes: Array(data))["kid"]?.string else {
            throw HarnessError("the token of gatehouse-dev has no kid")
        }
        return kid
    }

    private static func encode(_ header: [String: String]) -> String {
        let members = header.map { "\"\($0.key)\":\"\($0.value)\"" }.joined(separator: ",")
        return encode(Data("{\(members)}".utf8))
    }

    private static func encode(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
