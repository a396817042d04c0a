import Crypto
import CryptoExtras
import Foundation
import Testing

@testable import Identity

struct KeyFileTests {
    /// Made by `openssl ecparam -name prime256v1 -genkey` for this test.
    private static let traditional = """
        -----BEGIN EC PARAMETERS-----
        BggqhkjOPQMBBw==
        -----END EC PARAMETERS-----
        -----BEGIN EC PRIVATE KEY-----
        MHcCAQEEICS6RG4lCT/KVYDgE68QHpQeQHSF3o2Aag3bEq+VeaMqoAoGCCqGSM49
        AwEHoUQDQgAEXlatmKMDn1rkgpDYU3n9RuDef4sSKoeKGYIyX0XWXrl1smJ86bB8
        m+LRCUiaEPTOiUeSV/z1pck6JK10NYImKg==
        -----END EC PRIVATE KEY-----
        """

    @Test func `reads the keys that people have`() throws {
        let p256 = try SigningKey(pem: P256.Signing.PrivateKey().pemRepresentation, algorithm: .es256)
        #expect(p256.algorithm == .es256)
        let ed25519 = try SigningKey(pem: Curve25519.Signing.PrivateKey().pemRepresentation, algorithm: .edDSA)
        #expect(ed25519.algorithm == .edDSA)
        let rsa = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        let (pkcs8, pkcs1) = (rsa.pkcs8PEMRepresentation, rsa.pemRepresentation)
        #expect(pkcs1.contains("RSA PRIVATE KEY") && !pkcs8.contains("RSA"))
        let (first, second) = (
            try SigningKey(pem: pkcs8, algorithm: .rs256), try SigningKey(pem: pkcs1, algorithm: .rs256)
        )
        #expect(first.kid == second.kid && first.publicJWK == second.publicJWK)
        #expect(try SigningKey(pem: Self.traditional, algorithm: .es256).algorithm == .es256)
    }

    @Test func `the same key has the same name wherever it is read`() throws {
        let pem = P256.Signing.PrivateKey().pemRepresentation
        let (one, other) = (
            try SigningKey(pem: pem, algorithm: .es256), try SigningKey(pem: "before\n\(pem)\nafter", algorithm: .es256)
        )
        #expect(one.kid == other.kid && one.kid.utf8.count == 43)
    }

    @Test func `says what the file holds instead`() throws {
        let small = try _RSA.Signing.PrivateKey(unsafeKeySize: .init(bitCount: 1_024)).pemRepresentation
        let cases: [(String, SigningAlgorithm, String)] = [
            (P256.Signing.PrivateKey().pemRepresentation, .edDSA, "is a P-256 key, but EdDSA needs an Ed25519 key"),
            (P384.Signing.PrivateKey().pemRepresentation, .es256, "is a P-384 key, but ES256 needs a P-256 key"),
            (P521.Signing.PrivateKey().pemRepresentation, .es256, "is a P-521 key, but ES256 needs a P-256 key"),
            (
                Curve25519.Signing.PrivateKey().pemRepresentation, .rs256,
                "is an Ed25519 key, but RS256 needs an RSA key of at least 2048 bits"
            ),
            (small, .rs256, "is an RSA key of 1024 bits, but RS256 needs an RSA key of at least 2048 bits"),
            ("", .es256, "holds no private key"),
            (P256.Signing.PrivateKey().publicKey.pemRepresentation, .es256, "no private key"),
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", .es256, "damaged"),
            ("-----BEGIN PRIVATE KEY-----\nAAAA", .es256, "damaged"),
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----", .es256, "passphrase"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----",
                .rs256,
                "passphrase"
            ),
        ]
        for (pem, algorithm, words) in cases {
            let error = #expect(throws: SigningKeyError.self) { try SigningKey(pem: pem, algorithm: algorithm) }
            #expect(error?.description.contains(words) == true, "\(words): \(error?.description ?? "")")
        }
    }

    @Test func `says that a file is missing`() {
        let path = FileManager.default.temporaryDirectory.path + "/gatehouse-\(UUID().uuidString).pem"
        let error = #expect(throws: SigningKeyError.self) { try SigningKey(pemFile: path, algorithm: .es256) }
        #expect(error?.description == "\(path): there is no such file")
    }
}
