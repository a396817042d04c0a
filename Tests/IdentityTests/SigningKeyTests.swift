import Crypto
import CryptoExtras
import Foundation
import Testing

@testable import Identity

struct SigningKeyTests {
    @Test func `thumbprints are those of the standards' examples`() {
        // RFC 7638 §3.1.
        let modulus =
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
            + "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZ"
            + "Hzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kE"
            + "gU8awapJzKnqDKgw"
        let members = [
            PublicKeyMember("kty", "RSA"), PublicKeyMember("n", modulus), PublicKeyMember("e", "AQAB"),
        ]
        #expect(PublicKeyMember.thumbprint(members) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
    }

    @Test func `an Ed25519 key has the thumbprint and signs as in RFC 8037, appendix A`() throws {
        let secret = try #require(Data(base64Encoded: "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="))
        let key = try SigningKey(.ed25519(Curve25519.Signing.PrivateKey(rawRepresentation: secret)))
        #expect(key.kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
        #expect(key.publicJWK.contains(#""x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#))
        let signature = try key.signature(for: Array("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc".utf8))
        #expect(
            Base64URL.encode(signature)
                == "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")
    }

    @Test(arguments: SigningAlgorithm.allCases)
    func `opens what it sealed, with the same seal key and for the same row only`(
        algorithm: SigningAlgorithm
    ) throws {
        let (key, sealKey) = (try SigningKey.generate(algorithm), try SealKey(base64: SealKey.generate()))
        let sealed = try key.sealed(with: sealKey)
        let opened = try SigningKey(sealed: sealed, kid: key.kid, algorithm: algorithm, with: sealKey)
        #expect(opened.kid == key.kid && opened.publicJWK == key.publicJWK && opened.algorithm == algorithm)

        let broken = SigningKeyError.sealBroken(kid: key.kid)
        let stranger = try SealKey(base64: SealKey.generate())
        #expect(throws: broken) { try SigningKey(sealed: sealed, kid: key.kid, algorithm: algorithm, with: stranger) }
        for other in SigningAlgorithm.allCases where other != algorithm {
            #expect(throws: broken) { try SigningKey(sealed: sealed, kid: key.kid, algorithm: other, with: sealKey) }
        }
        #expect(throws: SigningKeyError.sealBroken(kid: "another")) {
            try SigningKey(sealed: sealed, kid: "another", algorithm: algorithm, with: sealKey)
        }
        for index in [0, 11, 12, sealed.count / 2, sealed.count - 1] {
            var changed = sealed
            changed[index] ^= 1
            #expect(throws: broken) {
                try SigningKey(sealed: changed, kid: key.kid, algorithm: algorithm, with: sealKey)
            }
        }
        for short in [[], Array(sealed.prefix(12)), Array(sealed.dropLast())] {
            #expect(throws: broken) {
                try SigningKey(sealed: short, kid: key.kid, algorithm: algorithm, with: sealKey)
            }
        }
        #expect(try key.sealed(with: sealKey) != sealed, "a nonce is never used twice")
    }

    @Test(arguments: ["", "AAAA", "not base64", String(repeating: "A", count: 64)])
    func `refuses a seal key that is not 32 bytes`(text: String) {
        #expect(throws: SigningKeyError.notASealKey) { try SealKey(base64: text) }
    }

    @Test func `reads a seal key from a file, and says what is wrong with one`() throws {
        let folder = FileManager.default.temporaryDirectory.path
        let path = folder + "/gatehouse-seal-\(UUID().uuidString)"
        try (SealKey.generate() + "\n").write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        _ = try SealKey(file: path)
        #expect(throws: SigningKeyError.unreadable(file: path + "x", reason: "there is no such file")) {
            try SealKey(file: path + "x")
        }
        #expect(throws: SigningKeyError.unreadable(file: folder, reason: "cannot be read")) {
            try SealKey(file: folder)
        }
        try String(repeating: "A", count: 70_000).write(toFile: path, atomically: true, encoding: .utf8)
        #expect(throws: SigningKeyError.unreadable(file: path, reason: "is too long to be a key")) {
            try SealKey(file: path)
        }
    }

    @Test func `no description shows a secret`() throws {
        let text = SealKey.generate()
        let (key, sealKey) = (try SigningKey.generate(.edDSA), try SealKey(base64: text))
        guard case .ed25519(let secret) = key.material else {
            Issue.record("\(key) is not for Ed25519")
            return
        }
        var dumped = ""
        dump((key, sealKey), to: &dumped)
        for shown in ["\(key)", String(reflecting: key), "\(sealKey)", String(reflecting: sealKey), dumped] {
            #expect(!shown.contains(text) && !shown.contains(secret.rawRepresentation.base64EncodedString()))
        }
    }
}
