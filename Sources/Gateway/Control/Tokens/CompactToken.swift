import Foundation
import Policy

/// A signed token in compact form (RFC 7515 §7.1), taken apart but not yet believed.
struct CompactToken {
    /// Longer tokens are refused unread.
    static let sizeLimitBytes = 8192

    /// The header parameters that are looked at. Keys and certificates that a token brings along (`jwk`, `jku`, `x5c`,
    /// `x5u`) are never used, so they are not even read.
    struct Header: Decodable {
        let algorithm: String
        let keyIdentifier: String?
        let hasCriticalExtensions: Bool

        private enum Keys: String, CodingKey {
            case alg, kid, crit
        }

        init(from decoder: any Decoder) throws {
            let header = try decoder.container(keyedBy: Keys.self)
            algorithm = try header.decode(String.self, forKey: .alg)
            keyIdentifier = try header.decodeIfPresent(String.self, forKey: .kid)
            hasCriticalExtensions = header.contains(.crit)
        }
    }

    let header: Header
    let payload: [UInt8]
    let signature: [UInt8]
    /// What the signature covers.
    let signedBytes: [UInt8]

    /// - Throws: `malformed` when it is not three parts of canonical base64url with a JSON header, or too long;
    ///   `unsupportedAlgorithm` when it has critical extensions (RFC 7515 §4.1.11), of which we know none.
    init(_ token: [UInt8]) throws(TokenRefusal) {
        guard token.count <= Self.sizeLimitBytes else { throw .malformed }
        let parts = token.split(separator: UInt8(ascii: "."), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, let headerBytes = Base64URL.decode(parts[0]),
            let payload = Base64URL.decode(parts[1]), let signature = Base64URL.decode(parts[2]),
            JSONMembers.areUnique(headerBytes), JSONMembers.areUnique(payload)
        else { throw .malformed }
        do {
            header = try JSONDecoder().decode(Header.self, from: Data(headerBytes))
        } catch {
            throw .malformed
        }
        if header.hasCriticalExtensions { throw .unsupportedAlgorithm }
        self.payload = payload
        self.signature = signature
        signedBytes = Array(token[..<parts[1].endIndex])
    }
}

/// The claims that decide whether a token is good here (RFC 7519 §4.1) and what it allows.
struct TokenClaims: Decodable {
    let issuer: String
    let subject: String
    let audiences: [String]
    /// In seconds since 1970, cut to a whole one.
    let expiresAt: Int64
    /// In seconds since 1970, raised to a whole one.
    let notBefore: Int64?
    let scopes: Set<String>
    /// `jti`.
    let identifier: String?
    /// `iat`, in milliseconds since 1970.
    let issuedAtMilliseconds: Int64?

    private enum Keys: String, CodingKey {
        case iss, sub, aud, exp, nbf, scope, jti, iat
    }

    init(from decoder: any Decoder) throws {
        let claims = try decoder.container(keyedBy: Keys.self)
        issuer = try claims.decode(String.self, forKey: .iss)
        subject = try claims.decode(String.self, forKey: .sub)
        // "aud" is one string or a list of them (RFC 7519 §4.1.3).
        if let one = try? claims.decode(String.self, forKey: .aud) {
            audiences = [one]
        } else {
            audiences = try claims.decode([String].self, forKey: .aud)
        }
        expiresAt = try Self.seconds(claims.decode(Double.self, forKey: .exp).rounded(.down))
        notBefore = try claims.decodeIfPresent(Double.self, forKey: .nbf).map { try Self.seconds($0.rounded(.up)) }
        let scope = try claims.decodeIfPresent(String.self, forKey: .scope) ?? ""
        scopes = Set(scope.split(separator: " ").map(String.init))
        identifier = try claims.decodeIfPresent(String.self, forKey: .jti)
        issuedAtMilliseconds = try claims.decodeIfPresent(Double.self, forKey: .iat).map {
            try Self.seconds($0) * 1_000 + Int64(($0 - $0.rounded(.down)) * 1_000)
        }
    }

    /// Times beyond the year 9999 are refused: nobody means them, and sums with them must not overflow.
    private static func seconds(_ value: Double) throws -> Int64 {
        guard value.isFinite, value >= 0, value < 253_402_300_800 else {
            throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "not a time"))
        }
        return Int64(value)
    }
}
