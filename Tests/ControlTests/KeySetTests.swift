import Testing

@testable import Control

@Suite struct KeySetTests {
    private let point =
        #""x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x0zpYnTG7c3tmoR5k7QcXG8eD0cHUmwY9aPz2E8xPjo""#

    private func keys(_ json: String) async throws -> KeySet {
        try await KeySet(json: Array(json.utf8))
    }

    @Test func `keys of unknown kinds are passed over`() async throws {
        let factory = try TokenFactory()
        let known = try factory.keySetJSON.dropLast(2)
        let set = try await keys(
            """
            \(known), {"kty": "EC", "crv": "secp256k1", "kid": "a", "x": "AA", "y": "AA"}, {"kty": "XYZ", "kid": "b"},
            {"kty": "EC", "crv": "P-256", "kid": "c", "use": "enc", \(point)},
            {"kty": "EC", "crv": "P-256", "kid": "d", "alg": "ECDH-ES", \(point)},
            {"kty": "EC", "crv": "P-256", \(point)},
            {"kty": "RSA", "kid": "short", "n": "AQAB", "e": "AQAB"}]}
            """)
        #expect(set.keys.keys.sorted() == ["ec", "ed", "rsa"])
        #expect(set.unused.count == 6)
    }

    @Test(arguments: [
        ("", "not a JSON Web Key Set"), ("[]", "not a JSON Web Key Set"), ("{}", "not a JSON Web Key Set"),
        (#"{"keys": []}"#, "has no key"), (#"{"keys": [{"kid": "a"}]}"#, "not a JSON Web Key Set"),
        (#"{"keys": [{"kty": "oct", "kid": "a", "k": "c2VjcmV0"}]}"#, "private or symmetric"),
        (#"{"keys": [{"kty": "EC", "crv": "P-256", "kid": "a", "d": "AA", "x": "AA", "y": "AA"}]}"#, "private"),
        (#"{"keys": [{"kty": "EC", "crv": "P-256", "kid": "a", "x": "AA", "y": "AA"}]}"#, "cannot be used"),
    ])
    func `a set that cannot be used says why`(json: String, reason: String) async throws {
        let error = await #expect(throws: KeySetError.self) { try await keys(json) }
        #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
    }

    @Test func `two keys with one kid are refused`() async throws {
        let factory = try TokenFactory()
        let json = try factory.keySetJSON.replacing(#""kid": "ed""#, with: #""kid": "ec""#)
        await #expect(throws: KeySetError.self) { try await keys(json) }
    }
}

@Suite struct Base64URLTests {
    @Test(arguments: [
        ("", []), ("AA", [0]), ("AAA", [0, 0]), ("AAAA", [0, 0, 0]), ("__-_", [255, 255, 191]),
        ("Zm9v", [102, 111, 111]),
    ])
    func `decodes canonical text`(text: String, bytes: [UInt8]) {
        #expect(Base64URL.decode(Array(text.utf8)[...]) == bytes)
    }

    @Test(arguments: ["A", "AAAAA", "AB", "AAB", "AA==", "A A", "AA\n", "+/", "ä"])
    func `refuses everything else`(text: String) {
        #expect(Base64URL.decode(Array(text.utf8)[...]) == nil)
    }
}
