import Foundation
import JWTKit
import ServiceKit
import Testing

@testable import Identity

struct KeyRingTests {
    private let token = AccessToken(
        issuer: "https://identity.example", audience: "gatehouse", subject: "42", issuedAt: 1_800_000_000,
        lifetimeSeconds: 900, id: "token \"1\"\u{e4}", scopes: ["warehouse:read", "sales:read"], roles: ["admin"])

    /// As another implementation reads it.
    private struct Claims: JWTPayload, Equatable {
        let iss: String
        let aud: String
        let sub: String
        let iat: Int64
        let nbf: Int64
        let exp: Int64
        let jti: String
        let scope: String
        let roles: [String]

        func verify(using algorithm: some JWTAlgorithm) async throws {}
    }

    @Test(arguments: SigningAlgorithm.allCases)
    func `another implementation verifies its tokens with its key set`(algorithm: SigningAlgorithm) async throws {
        let ring = KeyRing(active: try .generate(algorithm), published: [])
        let text = try ring.sign(token)
        let keys = try await JWTKeyCollection().add(jwksJSON: ring.jwks)
        let claims = try await keys.verify(text, as: Claims.self)
        #expect(
            claims
                == Claims(
                    iss: "https://identity.example", aud: "gatehouse", sub: "42", iat: 1_800_000_000,
                    nbf: 1_800_000_000, exp: 1_800_000_900, jti: "token \"1\"\u{e4}",
                    scope: "warehouse:read sales:read", roles: ["admin"]))
        let header = try #require(JSONParser.parse(decoded(text.split(separator: ".")[0])).members)
        #expect(
            header.map(\.name).sorted() == ["alg", "kid", "typ"]
                && header.contains(.init("alg", .string(algorithm.rawValue)))
                && header.contains(.init("kid", .string(ring.active.kid))))

        let stranger = KeyRing(active: try .generate(algorithm), published: [])
        let others = try await JWTKeyCollection().add(jwksJSON: stranger.jwks)
        await #expect(throws: JWTError.self) { try await others.verify(text, as: Claims.self) }
    }

    @Test func `publishes every key once, the signing one first, and nothing private`() throws {
        let (old, active, next) = (
            try SigningKey.generate(.rs256), try SigningKey.generate(.es256), try SigningKey.generate(.edDSA)
        )
        let ring = KeyRing(
            active: active, published: [old.publicJWK, active.publicJWK, next.publicJWK, old.publicJWK])
        let keys = try #require(JSONParser.parse(Array(ring.jwks.utf8))["keys"]?.elements)
        #expect(keys.map { $0["kid"]?.string } == [active.kid, old.kid, next.kid])
        #expect(keys.map { $0["alg"]?.string } == ["ES256", "RS256", "EdDSA"])
        for key in keys {
            let names = Set(try #require(key.members).map(\.name))
            #expect(names.isDisjoint(with: ["d", "p", "q", "dp", "dq", "qi", "k"]) && key["use"]?.string == "sig")
        }
    }

    @Test func `opaque tokens are long, all different, and known by their digest`() {
        let tokens = (0..<1_000).map { _ in OpaqueToken.generate(prefix: "gh_rt_") }
        #expect(Set(tokens.map(\.text)).count == 1_000)
        for token in tokens {
            #expect(token.text.utf8.count == 49 && token.text.hasPrefix("gh_rt_"))
            #expect(token.digest == OpaqueToken.digest(of: token.text) && token.digest.count == 32)
            #expect(!"\(token)".contains(token.text) && !String(reflecting: token).contains(token.text))
        }
    }

    private func decoded(_ part: Substring) throws -> [UInt8] {
        let text = String(part).replacing("-", with: "+").replacing("_", with: "/")
        let padded = text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        return Array(try #require(Data(base64Encoded: padded)))
    }
}
