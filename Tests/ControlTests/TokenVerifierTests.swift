import Crypto
import CryptoExtras
import Foundation
import Policy
import Routing
import Testing

@testable import Control

@Suite struct TokenVerifierTests {
    private let factory: TokenFactory
    private let provider: TokenVerifier.Provider

    init() async throws {
        factory = try TokenFactory()
        provider = try await factory.provider()
    }

    private func verify(
        _ token: [UInt8], _ provider: TokenVerifier.Provider? = nil, at now: Int64 = TokenFactory.now
    ) -> Result<VerifiedToken, TokenRefusal> {
        (provider ?? self.provider).verify(token, nowSeconds: now)
    }

    @Test func `accepts good tokens of all three algorithms`() throws {
        let expected = VerifiedToken(
            subject: "somebody", scopes: ["warehouse:read", "sales:read"], expiresAtSeconds: TokenFactory.now + 60)
        let tokens = [
            try factory.token(),
            try factory.token(header: ["alg": "EdDSA", "kid": "ed", "typ": "JWT"], by: .edDSA),
            try factory.token(header: ["alg": "RS256", "kid": "rsa"], by: .rs256),
        ]
        for token in tokens { #expect(verify(token) == .success(expected)) }
    }

    // MARK: - Claims

    @Test func `a token ends at its second, and later by the skew`() async throws {
        let token = try factory.token()
        let expiry = TokenFactory.now + 60
        #expect((try? verify(token, at: expiry - 1).get()) != nil)
        #expect(verify(token, at: expiry) == .failure(.expired))
        let lenient = try await factory.provider(skew: 30)
        #expect(try verify(token, lenient, at: expiry + 29).get().expiresAtSeconds == expiry + 30)
        #expect(verify(token, lenient, at: expiry + 30) == .failure(.expired))
    }

    @Test func `a token begins at its second, and earlier by the skew`() async throws {
        let token = try factory.token(claims: TokenFactory.claims(["nbf": TokenFactory.now + 10]))
        #expect(verify(token) == .failure(.notYetValid))
        #expect((try? verify(token, at: TokenFactory.now + 10).get()) != nil)
        let lenient = try await factory.provider(skew: 10)
        #expect((try? verify(token, lenient).get()) != nil)
    }

    @Test(arguments: [
        ("iss", "https://other.example", TokenRefusal.wrongIssuer), ("iss", "https://issuer.example/", .wrongIssuer),
        ("aud", "other", .wrongAudience), ("aud", "", .wrongAudience),
    ])
    func `issuer and audience must be the provider's`(claim: String, value: String, refusal: TokenRefusal) throws {
        #expect(verify(try factory.token(claims: TokenFactory.claims([claim: value]))) == .failure(refusal))
    }

    @Test func `one of several audiences is enough`() throws {
        let good = try factory.token(claims: TokenFactory.claims(["aud": ["other", "gatehouse"]]))
        #expect((try? verify(good).get()) != nil)
        let bad = try factory.token(claims: TokenFactory.claims(["aud": ["other"]]))
        #expect(verify(bad) == .failure(.wrongAudience))
        #expect(verify(try factory.token(claims: TokenFactory.claims(["aud": [String]()]))) == .failure(.wrongAudience))
    }

    @Test(arguments: ["iss", "aud", "sub", "exp"])
    func `the claims that decide must be there`(claim: String) throws {
        #expect(verify(try factory.token(claims: TokenFactory.claims([claim: NSNull()]))) == .failure(.malformed))
    }

    @Test func `times must be numbers that make sense`() throws {
        for value in ["1800000060", -1, 1e300, true] as [Any] {
            let token = try factory.token(claims: TokenFactory.claims(["exp": value]))
            #expect(verify(token) == .failure(.malformed), "\(value)")
        }
        let fraction = try factory.token(claims: TokenFactory.claims(["exp": Double(TokenFactory.now) + 60.9]))
        #expect(try verify(fraction).get().expiresAtSeconds == TokenFactory.now + 60)
    }

    @Test func `a token without a scope has none`() throws {
        #expect(try verify(factory.token(claims: TokenFactory.claims(["scope": NSNull()]))).get().scopes.isEmpty)
    }
}

/// The known attacks on JSON Web Tokens (RFC 8725 §2), and tokens that are none.
@Suite struct TokenAttackTests {
    private let factory: TokenFactory
    private let provider: TokenVerifier.Provider

    init() async throws {
        factory = try TokenFactory()
        provider = try await factory.provider()
    }

    private func verify(_ token: [UInt8]) -> Result<VerifiedToken, TokenRefusal> {
        provider.verify(token, nowSeconds: TokenFactory.now)
    }

    @Test(arguments: ["none", "None", "NONE", "nOnE", "", "HS256", "HS384", "es256", "ES384", "PS256", "RS512"])
    func `an algorithm that nobody allowed is refused`(algorithm: String) throws {
        let unsigned = try factory.token(header: ["alg": algorithm, "kid": "ec"], by: .nobody)
        #expect(verify(unsigned) == .failure(.unsupportedAlgorithm))
        let signed = try factory.token(header: ["alg": algorithm, "kid": "ec"])
        #expect(verify(signed) == .failure(.unsupportedAlgorithm))
    }

    @Test func `a public key is never an HMAC secret`() throws {
        let pem = Array(factory.rsaKey.publicKey.pemRepresentation.utf8)
        let byPEM = try factory.token(header: ["alg": "HS256", "kid": "rsa"], by: .hs256(secret: pem))
        #expect(verify(byPEM) == .failure(.unsupportedAlgorithm))
        let renamed = try factory.token(header: ["alg": "RS256", "kid": "rsa"], by: .hs256(secret: pem))
        #expect(verify(renamed) == .failure(.badSignature))
    }

    @Test func `a key is used with its own algorithm only`() throws {
        let token = try factory.token(header: ["alg": "ES256", "kid": "rsa"])
        #expect(verify(token) == .failure(.unsupportedAlgorithm))
    }

    @Test func `an algorithm that the provider does not list is refused`() async throws {
        let provider = try await factory.provider(algorithms: [.edDSA])
        let token = try factory.token()
        #expect(provider.verify(token, nowSeconds: TokenFactory.now) == .failure(.unsupportedAlgorithm))
    }

    @Test func `a token that was signed by another key is refused`() throws {
        let token = try TokenFactory().token()
        #expect(verify(token) == .failure(.badSignature))
    }

    @Test func `every changed byte of a token makes it bad`() throws {
        let token = try factory.token()
        for index in token.indices {
            var changed = token
            changed[index] = token[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(throws: TokenRefusal.self, "byte \(index)") { try verify(changed).get() }
        }
    }

    @Test func `claims of one token do not go with the signature of another`() throws {
        let mine = try factory.token().split(separator: UInt8(ascii: "."))
        let others = try factory.token(claims: TokenFactory.claims(["sub": "admin"])).split(
            separator: UInt8(ascii: "."))
        let mixed = Array([mine[0], others[1], mine[2]].joined(separator: [UInt8(ascii: ".")]))
        #expect(verify(mixed) == .failure(.badSignature))
    }

    @Test func `a token without or with an unknown kid is refused, though a key would fit`() throws {
        #expect(verify(try factory.token(header: ["alg": "ES256"])) == .failure(.unknownKey))
        #expect(verify(try factory.token(header: ["alg": "ES256", "kid": "other"])) == .failure(.unknownKey))
        #expect(verify(try factory.token(header: ["alg": "ES256", "kid": "../ec"])) == .failure(.unknownKey))
        #expect(verify(try factory.token(header: ["alg": "ES256", "kid": ["ec"]])) == .failure(.malformed))
    }

    @Test func `a key that the token brings along is not used`() throws {
        let attacker = try TokenFactory()
        let point = attacker.key.publicKey.rawRepresentation
        let jwk: [String: Any] = [
            "kty": "EC", "crv": "P-256", "kid": "ec", "x": TokenFactory.base64URL(point.prefix(32)),
            "y": TokenFactory.base64URL(point.suffix(32)),
        ]
        let embedded = try attacker.token(header: ["alg": "ES256", "kid": "ec", "jwk": jwk])
        #expect(verify(embedded) == .failure(.badSignature))
        let linked = try attacker.token(
            header: ["alg": "ES256", "kid": "ec", "jku": "https://attacker.example/keys", "x5u": "https://a.example"])
        #expect(verify(linked) == .failure(.badSignature))
    }

    @Test func `critical extensions are refused, known ones there are none`() throws {
        let token = try factory.token(header: ["alg": "ES256", "kid": "ec", "crit": ["b64"], "b64": false])
        #expect(verify(token) == .failure(.unsupportedAlgorithm))
        #expect(
            verify(try factory.token(header: ["alg": "ES256", "kid": "ec", "crit": [String]()]))
                == .failure(.unsupportedAlgorithm))
    }

    @Test func `an ES256 signature of zeros or in DER is refused`() throws {
        let parts = try factory.token().split(separator: UInt8(ascii: "."))
        let signed = Array(parts[0]) + [UInt8(ascii: ".")] + Array(parts[1])
        let der = try factory.key.signature(for: signed).derRepresentation
        for signature in [Data(repeating: 0, count: 64), der, Data()] {
            let token = signed + Array(".\(TokenFactory.base64URL(signature))".utf8)
            #expect(verify(token) == .failure(.badSignature))
        }
    }

    @Test func `a token longer than the limit is refused unread`() throws {
        let long = try factory.token(claims: TokenFactory.claims(["pad": String(repeating: "a", count: 8192)]))
        #expect(long.count > CompactToken.sizeLimitBytes)
        #expect(verify(long) == .failure(.malformed))
    }

    @Test(arguments: [
        "", ".", "..", "...", "a.b", "a.b.c.d", "a.b.c.d.e", "e30.e30.", "e30.e30.AA", "!.!.!", "e30=.e30.AA",
        "bnVsbA.e30.AA", "W10.e30.AA",
    ])
    func `what is not a signed token in compact form is malformed`(text: String) {
        #expect(verify(Array(text.utf8)) == .failure(.malformed))
    }

    @Test func `non-canonical base64url is refused`() throws {
        // 64 bytes are 86 characters, whose last one holds four bits that no byte has.
        let token = try factory.token()
        let last = try #require(token.last)
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        let value = try #require(alphabet.firstIndex(of: last))
        #expect(verify(token.dropLast() + [alphabet[value | 1]]) == .failure(.malformed))
        #expect(verify(token + Array("==".utf8)) == .failure(.malformed))
        #expect(verify(token + Array("\n".utf8)) == .failure(.malformed))
    }

    @Test func `without keys nothing is decided`() throws {
        let empty = TokenVerifier.Provider(settings: provider.settings, keys: nil)
        let token = try factory.token()
        #expect(empty.verify(token, nowSeconds: TokenFactory.now) == .failure(.keysNotLoaded))
    }
}
