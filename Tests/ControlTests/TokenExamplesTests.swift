import Foundation
import JWTKit
import Policy
import Routing
import Testing

@testable import Control

/// Examples of the standards, and what attackers try with tokens.
@Suite struct TokenExamplesTests {
    struct Example: Sendable {
        let source: String
        let key: String
        let token: String
    }

    @Test(arguments: [
        Example(
            source: "RFC 7515 A.2",
            key: """
                {"kty": "RSA", "kid": "a", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4\
                qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaS\
                HSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxX\
                FvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ", "e": "AQAB"}
                """,
            token: """
                eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb2\
                90Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2F\
                p5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0\
                GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs\
                98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw
                """),
        Example(
            source: "RFC 7515 A.3",
            key: """
                {"kty": "EC", "kid": "a", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                 "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}
                """,
            token: """
                eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb2\
                90Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q
                """),
        Example(
            source: "RFC 7520 4.1",
            key: """
                {"kty": "RSA", "kid": "a", "use": "sig", "n": "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT\
                -O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RB\
                ordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tV\
                TU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw", "e": "AQAB"}
                """,
            token: """
                eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2\
                luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBr\
                ZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.MRjdkly7_-\
                oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBw\
                A78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9\
                UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u\
                9ipH84ogoree7vjbU5y18kDquDg
                """),
        Example(
            source: "RFC 8037 A.4",
            key: """
                {"kty": "OKP", "kid": "a", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
                """,
            token: """
                eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWb\
                hijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg
                """),
    ])
    func `signatures of the standards are good, and altered ones are not`(example: Example) async throws {
        let key = try #require(try await KeySet(json: Array("{\"keys\": [\(example.key)]}".utf8)).keys["a"])
        let token = try CompactToken(Array(example.token.utf8))
        #expect(try key.verifier.verify(token.signature, signs: token.signedBytes), "\(example.source)")
        var altered = token.signedBytes
        altered[altered.count - 1] ^= 1
        let isGood = try? key.verifier.verify(token.signature, signs: altered)
        #expect(isGood != true)
    }

    /// What the standards show of algorithms that are not used here: symmetric ones, none at all, and ES512.
    @Test(arguments: [
        (
            "RFC 7515 A.1",
            """
            eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcG\
            xlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk
            """
        ),
        (
            "RFC 7515 A.5",
            """
            eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp\
            0cnVlfQ.
            """
        ),
        ("RFC 7515 A.4, its header", "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AA"),
        (
            "RFC 7519 6.1",
            """
            eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp\
            0cnVlfQ.
            """
        ),
        (
            "RFC 7520 4.4",
            """
            eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIG\
            J1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBr\
            ZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.s0h6KThzkfBBBk\
            LspW1h84VsJZFTsPPqMDA7g1Md7p0
            """
        ),
    ])
    func `what the standards show of other algorithms is refused`(source: String, token: String) async throws {
        let provider = try await TokenFactory().provider()
        let result = provider.verify(Array(token.utf8), nowSeconds: 1_300_819_379)
        #expect(result == .failure(.unsupportedAlgorithm), "\(source)")
    }

    /// RFC 7515 §2: base64url without padding, line ends, white space or other characters. Of the bits that a last character
    /// has too many only one spelling is canonical.
    @Test func `a token has one spelling`() async throws {
        let factory = try TokenFactory()
        let provider = try await factory.provider()
        let token = String(decoding: try factory.token(), as: UTF8.self)
        let parts = token.split(separator: ".").map(String.init)
        func result(_ token: String) -> Result<VerifiedToken, TokenRefusal> {
            provider.verify(Array(token.utf8), nowSeconds: TokenFactory.now)
        }
        #expect(throws: Never.self) { try result(token).get() }
        for index in 0..<3 {
            for (before, after) in [
                ("", "="), ("", "=="), (" ", ""), ("", "\n"), ("", "%3D"), ("", "!"), ("", "\u{e9}"),
            ] {
                var spelt = parts
                spelt[index] = before + spelt[index] + after
                #expect(
                    result(spelt.joined(separator: ".")) == .failure(.malformed), "\(spelt[index].debugDescription)")
            }
        }
        // 64 bytes are 86 characters, of which the last has four bits too many.
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        let last = try #require(parts[2].last.flatMap { alphabet.firstIndex(of: $0) })
        #expect(last % 16 == 0)
        for extra in 1...15 {
            let spelt = "\(parts[0]).\(parts[1]).\(parts[2].dropLast())\(alphabet[last + extra])"
            #expect(result(spelt) == .failure(.malformed))
        }
    }

    /// RFC 8725 §2.1, §3.1: nothing that a header says chooses keys or algorithms beyond what the provider has.
    @Test(arguments: [
        #"{"alg": "ES256", "kid": "ec\u0000"}"#, #"{"alg": "ES256", "kid": "ec' OR '1'='1"}"#,
        #"{"alg": "ES256", "kid": "/dev/null"}"#, #"{"alg": "ES256", "kid": "https://evil.example/key"}"#,
        #"{"alg": "ES256", "jku": "https://evil.example/jwks.json"}"#,
        #"{"alg": "ES256", "x5u": "https://evil.example/cert.pem"}"#, #"{"alg": "ES256", "kid": "EC"}"#,
        #"{"alg": "ES256", "kid": ""}"#, #"{"alg": "ES256", "kid": " ec"}"#,
    ])
    func `a header chooses no key of its own`(header: String) async throws {
        let factory = try TokenFactory()
        let payload = try JSONSerialization.data(withJSONObject: TokenFactory.claims())
        let token = try factory.token(header: Data(header.utf8), payload: payload, by: .es256)
        let provider = try await factory.provider()
        #expect(provider.verify(token, nowSeconds: TokenFactory.now) == .failure(.unknownKey))
    }

    /// RFC 7519 §3.1: its claims without `aud` and `sub` are not enough here, and it ended in 2011.
    @Test func `the example of RFC 7519 is over`() async throws {
        let key = """
            {"kty": "EC", "kid": "a", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
             "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}
            """
        let keys = try await KeySet(json: Array("{\"keys\": [\(key)]}".utf8))
        let settings = TokenProvider(name: "p", issuer: "joe", audiences: ["a"], keySet: .file(path: "/"))
        let token = """
            eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ij\
            p0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q
            """
        let result = TokenVerifier.Provider(settings: settings, keys: keys).verify(
            Array(token.utf8), nowSeconds: TokenFactory.now)
        // It names no key, and none is guessed.
        #expect(result == .failure(.unknownKey))
    }

    @Test(arguments: [
        #"{"alg": "ES256", "kid": "ec", "alg": "none"}"#, #"{"alg": "ES256", "kid": "ec", "kid": "ed"}"#,
        #"{"alg": "ES256", "kid": "ec", "\u0061lg": "none"}"#,
    ])
    func `a header that says something twice is refused`(header: String) async throws {
        let factory = try TokenFactory()
        let payload = try JSONSerialization.data(withJSONObject: TokenFactory.claims())
        let token = try factory.token(header: Data(header.utf8), payload: payload, by: .es256)
        let provider = try await factory.provider()
        #expect(provider.verify(token, nowSeconds: TokenFactory.now) == .failure(.malformed))
    }

    @Test(arguments: [
        #""sub": "root""#, #""scope": "admin""#, #""aud": "other""#, #""\u0073ub": "root""#, #""a": {"b": 1, "b": 2}"#,
    ])
    func `claims that are there twice are refused`(more: String) async throws {
        let factory = try TokenFactory()
        let claims = """
            {"iss": "https://issuer.example", "aud": "gatehouse", "sub": "somebody", "scope": "x",
             "exp": \(TokenFactory.now + 60), \(more)}
            """
        let header = Data(#"{"alg": "ES256", "kid": "ec"}"#.utf8)
        let provider = try await factory.provider()
        let token = try factory.token(header: header, payload: Data(claims.utf8), by: .es256)
        #expect(provider.verify(token, nowSeconds: TokenFactory.now) == .failure(.malformed))
    }

    @Test(arguments: [
        #"{"a": 1, "b": {"a": 1}, "c": ["a", "a", {"a": 1}, {"a": 2}], "d": "a"}"#, "[]", "{}", "", "\"a",
        #"{"a": "\"", "b": "\\", "c": "{\"a\": 1, \"a\": 2}"}"#,
    ])
    func `the same name in different places is no repetition`(text: String) {
        #expect(JSONMembers.areUnique(Array(text.utf8)))
    }

    @Test func `claims become what policies and backends ask for`() async throws {
        let factory = try TokenFactory()
        let keys = try await KeySet(json: Array(try factory.keySetJSON.utf8))
        let settings = TokenProvider(
            name: "p", issuer: "https://issuer.example", audiences: ["gatehouse"], keySet: .file(path: "/"),
            claimsToHeaders: [
                .init(claim: "sub", header: "x-user"), .init(claim: "realm.roles", header: "x-roles"),
                .init(claim: "nothing", header: "x-nothing"),
            ], claims: ["realm.roles", "level", "verified", "a.b", "realm", "missing"])
        let token = try factory.token(
            claims: TokenFactory.claims([
                "realm": ["roles": ["staff", "admin\r\nx-evil: 1"]], "level": 3, "verified": true, "a.b": "flat",
                "nothing": [String: Any](),
            ]))
        let caller = try TokenVerifier.Provider(settings: settings, keys: keys)
            .verify(token, nowSeconds: TokenFactory.now).get()
        #expect(caller.claims["realm.roles"] == ["staff", "admin\r\nx-evil: 1"])
        #expect(caller.claims["level"] == ["3"] && caller.claims["verified"] == ["true"])
        #expect(caller.claims["a.b"] == ["flat"] && caller.claims["realm"] == [] && caller.claims["missing"] == [])
        #expect(
            caller.identity == [
                .init(name: "x-user", value: "somebody"), .init(name: "x-roles", value: "staff,adminx-evil: 1"),
            ])
    }

    @Test func `ES384 and PS256 are verified by keys that say so`() async throws {
        let keys = try await KeySet(json: Array(MoreKeys.json.utf8))
        #expect(keys.keys.mapValues(\.algorithm) == ["p384": .es384, "pss": .ps256])
        for (kid, token) in MoreKeys.tokens {
            let compact = try CompactToken(Array(token.utf8))
            let key = try #require(keys.keys[kid])
            #expect(try key.verifier.verify(compact.signature, signs: compact.signedBytes), "\(kid)")
        }
    }
}
