import Testing

@testable import Policy

@Suite struct APIKeysTests {
    @Test func `a digest is known whole`() throws {
        let caller = VerifiedToken(subject: "acme", scopes: [], expiresAtSeconds: .max, isConsumer: true)
        let digest = try #require(KeyDigest(Array(1...32)))
        let keys = APIKeys([(digest, caller)])
        #expect(keys.caller(of: digest) == caller)
        for place in 0..<32 {
            var other = Array(1...32).map { UInt8($0) }
            other[place] ^= 0x80
            #expect(keys.caller(of: try #require(KeyDigest(other))) == nil)
        }
        #expect(KeyDigest([1, 2, 3]) == nil)
    }

    @Test func `an identity field carries no control bytes`() {
        let field = VerifiedToken.IdentityField(name: "X-User", value: "a\r\nx-admin: 1\0b")
        #expect(field.name == Array("x-user".utf8))
        #expect(field.value == Array("ax-admin: 1b".utf8))
    }
}
