import Crypto
import Foundation
import JWTKit
import Logging
import ServiceTestSupport
import Synchronization
import Telemetry
import Testing

@testable import ServiceKit

@Suite struct TokenVerifierTests {
    private let folder = FileManager.default.temporaryDirectory.path
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func file(_ keySet: String) throws -> String {
        let path = folder + "/gatehouse-\(UUID().uuidString).json"
        try keySet.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    private func verifier(_ issuers: TokenIssuer...) async throws -> TokenVerifier {
        try await TokenVerifier(
            keySetFile: file(TokenIssuer.keySet(issuers)), requirements: TokenRequirements(), logger: logger)
    }

    private func refusal(_ token: String, by verifier: TokenVerifier) async -> TokenRefusal? {
        do throws(TokenRefusal) {
            _ = try await verifier.verify(token)
            return nil
        } catch {
            return error
        }
    }

    @Test func `accepts a good token and reads its claims, the second time from memory`() async throws {
        let issuer = try await TokenIssuer()
        let verifier = try await verifier(issuer)
        let token = try await issuer.token(subject: "ada", scopes: "warehouse:read sales:write")
        for _ in 0..<2 {
            let caller = try await verifier.verify(token)
            #expect(caller.subject == "ada" && caller.scopes == ["warehouse:read", "sales:write"])
            #expect(caller.roles.isEmpty && !caller.isAdministrator && caller.token == token)
            #expect(caller.tokenID != nil && caller.expiresAt == caller.issuedAt.map { $0 + 3_600 })
        }
    }

    @Test func `reads the roles, and takes another meaning of the claim for none`() async throws {
        let issuer = try await TokenIssuer()
        let verifier = try await verifier(issuer)
        let administrator = try await verifier.verify(issuer.token(scopes: "", roles: ["admin", "auditor"]))
        #expect(administrator.roles == ["admin", "auditor"] && administrator.isAdministrator)
        let other = try await verifier.verify(issuer.token(scopes: "", roles: "admin"))
        #expect(other.roles.isEmpty && !other.isAdministrator)
    }

    @Test func `refuses tokens that are expired, early, for others or from others`() async throws {
        let issuer = try await TokenIssuer()
        let verifier = try await verifier(issuer)
        let expired = try await issuer.token(scopes: "", lifetime: -31)
        #expect(await refusal(expired, by: verifier) == .expired)
        let early = try await issuer.token(scopes: "", notBefore: 3_600)
        #expect(await refusal(early, by: verifier) == .notYetValid)
        let audience = try await issuer.token(scopes: "", audience: "somebody")
        #expect(await refusal(audience, by: verifier) == .wrongAudience)
        let other = try await issuer.token(scopes: "", issuer: "https://evil.example")
        #expect(await refusal(other, by: verifier) == .wrongIssuer)
        let nameless = try await issuer.token(subject: "", scopes: "")
        #expect(await refusal(nameless, by: verifier) == .malformed)
    }

    @Test func `allows for clocks that differ by up to thirty seconds`() async throws {
        let issuer = try await TokenIssuer()
        // Its time stands still; the tokens are made a little later, however long that takes on a busy machine.
        let clock = TestClock()
        let verifier = try await TokenVerifier(
            keySetFile: file(TokenIssuer.keySet([issuer])), requirements: TokenRequirements(), logger: logger,
            now: { clock.now })
        let justExpired = try await issuer.token(scopes: "", lifetime: -29)
        #expect(await refusal(justExpired, by: verifier) == nil)
        let almostValid = try await issuer.token(scopes: "", notBefore: 5)
        #expect(await refusal(almostValid, by: verifier) == nil)
    }

    @Test func `refuses any change of a token`() async throws {
        let issuer = try await TokenIssuer()
        let verifier = try await verifier(issuer)
        let token = try await issuer.token(scopes: "warehouse:read")
        _ = try await verifier.verify(token)
        let parts = token.split(separator: ".").map(String.init)
        let claims = try #require(Data(base64Encoded: padded(parts[1])))
        let wider = String(decoding: claims, as: UTF8.self).replacing("warehouse:read", with: "warehouse:write")
        let forged = TokenVerifierTests.encoded(wider)
        #expect(await refusal("\(parts[0]).\(forged).\(parts[2])", by: verifier) == .badSignature)
        let otherSignature = (parts[2].hasPrefix("A") ? "B" : "A") + parts[2].dropFirst()
        #expect(await refusal("\(parts[0]).\(parts[1]).\(otherSignature)", by: verifier) == .badSignature)
        for text in [
            "", ".", "..", "a.b", "a.b.c.d", token + ".", token + "x=", "\(parts[0]).\(parts[1]).", " " + token,
        ] {
            #expect(await refusal(text, by: verifier) != nil, "\(text)")
        }
        #expect(await refusal(token + String(repeating: "A", count: 9_000), by: verifier) == .malformed)
    }

    @Test func `refuses another text for the same signature`() async throws {
        let issuer = try await TokenIssuer()
        let verifier = try await verifier(issuer)
        let token = try await issuer.token(scopes: "warehouse:read")
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        let last = try #require(token.last.flatMap(alphabet.firstIndex(of:)))
        // 64 bytes are 86 characters, the last of which has four bits to spare.
        for spare in 1..<16 {
            let other = String(token.dropLast()) + String(alphabet[last | spare])
            #expect(await refusal(other, by: verifier) == .malformed, "\(spare)")
        }
        #expect(await refusal(token, by: verifier) == nil)
    }

    @Test(arguments: ["none", "None", "HS256", "RS256", "ES384", ""])
    func `refuses another algorithm than the key's`(algorithm: String) async throws {
        let issuer = try await TokenIssuer()
        let verifier = try await verifier(issuer)
        let token = try await issuer.token(scopes: "warehouse:write")
        let parts = token.split(separator: ".").map(String.init)
        let header = TokenVerifierTests.encoded(#"{"alg":"\#(algorithm)","typ":"JWT","kid":"\#(issuer.keyID)"}"#)
        // An attacker who signs with the public key as an HMAC secret.
        let secret = SymmetricKey(data: Data(TokenIssuer.keySet([issuer]).utf8))
        let mac = HMAC<SHA256>.authenticationCode(for: Data("\(header).\(parts[1])".utf8), using: secret)
        for signature in ["", TokenVerifierTests.encoded(Data(mac)), parts[2]] {
            #expect(await refusal("\(header).\(parts[1]).\(signature)", by: verifier) == .malformed)
        }
    }

    @Test func `refuses critical extensions and repeated header names`() async throws {
        let issuer = try await TokenIssuer()
        let verifier = try await verifier(issuer)
        let parts = try await issuer.token(scopes: "").split(separator: ".").map(String.init)
        for header in [
            #"{"alg":"ES256","kid":"\#(issuer.keyID)","crit":["x"],"x":1}"#,
            #"{"alg":"none","alg":"ES256","kid":"\#(issuer.keyID)"}"#, #"{"alg":"ES256"}"#, "[]", "{",
        ] {
            #expect(
                await refusal("\(TokenVerifierTests.encoded(header)).\(parts[1]).\(parts[2])", by: verifier)
                    == .malformed)
        }
    }

    @Test func `refuses a token of a key that is not in the set`() async throws {
        let issuer = try await TokenIssuer(keyID: "mine")
        let stranger = try await TokenIssuer(keyID: "theirs")
        let impostor = try await TokenIssuer(keyID: "mine")
        let verifier = try await verifier(issuer)
        let strange = try await stranger.token(scopes: "")
        #expect(await refusal(strange, by: verifier) == .unknownKey)
        let forged = try await impostor.token(scopes: "")
        #expect(await refusal(forged, by: verifier) == .badSignature)
    }

    @Test func `follows the key file, at most once a second`() async throws {
        let old = try await TokenIssuer()
        let new = try await TokenIssuer()
        let path = try file(TokenIssuer.keySet([old]))
        let clock = TestClock()
        let verifier = try await TokenVerifier(
            keySetFile: path, requirements: TokenRequirements(), logger: logger, now: { clock.now })
        let (oldToken, newToken) = (try await old.token(scopes: ""), try await new.token(scopes: ""))
        #expect(await refusal(oldToken, by: verifier) == nil)
        try TokenIssuer.keySet([new]).write(toFile: path, atomically: true, encoding: .utf8)
        #expect(await refusal(newToken, by: verifier) == .unknownKey)
        clock.advance(by: 1.1)
        #expect(await refusal(newToken, by: verifier) == nil)
        // A key that was removed does not live on in the cache.
        #expect(await refusal(oldToken, by: verifier) == .unknownKey)
        try "not a key set".write(toFile: path, atomically: true, encoding: .utf8)
        clock.advance(by: 1.1)
        #expect(await refusal(newToken, by: verifier) == nil)
        try FileManager.default.removeItem(atPath: path)
        clock.advance(by: 1.1)
        #expect(await refusal(newToken, by: verifier) == nil)
        try TokenIssuer.keySet([old]).write(toFile: path, atomically: true, encoding: .utf8)
        clock.advance(by: 1.1)
        #expect(await refusal(oldToken, by: verifier) == nil)
    }

    @Test func `says once that the key file is gone`() async throws {
        let issuer = try await TokenIssuer()
        let path = try file(TokenIssuer.keySet([issuer]))
        let clock = TestClock()
        let lines = Mutex<[String]>([])
        let output = LogOutput { line in lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) } }
        let logger = Logger(label: "test") { JSONLogHandler(label: $0, level: .error, output: output) }
        let verifier = try await TokenVerifier(
            keySetFile: path, requirements: TokenRequirements(), logger: logger, now: { clock.now })
        let token = try await issuer.token(scopes: "")
        try FileManager.default.removeItem(atPath: path)
        for _ in 0..<3 {
            clock.advance(by: 1.1)
            #expect(await refusal(token, by: verifier) == nil)
        }
        #expect(lines.withLock(\.count) == 1)
    }

    @Test func `a caller's descriptions do not show the token`() {
        let caller = Caller(subject: "alice", scopes: ["notes:read"], token: "hunter2")
        var dumped = ""
        dump(caller, to: &dumped)
        for text in ["\(caller)", String(reflecting: caller), dumped, "\(Optional(caller) as Any)"] {
            #expect(text.contains("alice") && !text.contains("hunter2"))
        }
    }

    @Test func `a remembered token expires all the same`() async throws {
        let issuer = try await TokenIssuer()
        let clock = TestClock()
        let verifier = try await TokenVerifier(
            keySetFile: file(TokenIssuer.keySet([issuer])), requirements: TokenRequirements(), logger: logger,
            now: { clock.now })
        let token = try await issuer.token(scopes: "", lifetime: 60)
        #expect(await refusal(token, by: verifier) == nil)
        clock.advance(by: 89)
        #expect(await refusal(token, by: verifier) == nil)
        clock.advance(by: 60)
        #expect(await refusal(token, by: verifier) == .expired)
    }

    @Test func `verifies EdDSA and RS256, skips keys it cannot use`() async throws {
        let ed = Curve25519.Signing.PrivateKey()
        let edSet = JWTKeyCollection()
        await edSet.add(
            eddsa: try EdDSA.PrivateKey(
                d: TokenVerifierTests.encoded(ed.rawRepresentation).base64FromURL, curve: .ed25519),
            kid: "ed")
        let x = TokenVerifierTests.encoded(ed.publicKey.rawRepresentation)
        let path = try file(
            #"""
            {"keys":[{"kty":"oct","kid":"secret","k":"AAAA"},{"kty":"EC","crv":"secp256k1","kid":"k1","x":"A","y":"B"},
            {"kty":"RSA","kid":"short","n":"AQAB","e":"AQAB"},{"kty":"OKP","crv":"Ed25519","kid":"enc","use":"enc","x":"\#(x)"},
            {"kty":"OKP","crv":"Ed25519","kid":"ed","x":"\#(x)"}]}
            """#)
        let verifier = try await TokenVerifier(keySetFile: path, requirements: TokenRequirements(), logger: logger)
        let token = try await edSet.sign(MinimalClaims(), kid: "ed")
        #expect(await refusal(token, by: verifier) == nil)
        let renamed = try await edSet.sign(MinimalClaims(), header: ["kid": "enc", "alg": "EdDSA"])
        #expect(await refusal(renamed, by: verifier) == .unknownKey)
    }

    @Test(arguments: [
        "", "{}", "[]", #"{"keys":[]}"#, #"{"keys":[{"kty":"oct","kid":"a","k":"AAAA"}]}"#,
        #"{"keys":[{"kty":"EC","crv":"P-256","kid":"a","x":"AA","y":"AA"}]}"#,
        #"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
    ])
    func `refuses to start without a usable key`(text: String) async throws {
        let path = try file(text)
        await #expect(throws: SettingsError.self) {
            _ = try await TokenVerifier(keySetFile: path, requirements: TokenRequirements(), logger: logger)
        }
    }

    @Test func `the cache forgets the oldest tokens, never the bound`() {
        var cache = TokenCache(capacity: 10)
        let caller = Caller(subject: "a", scopes: [], token: "")
        for index in 0..<1_000 {
            cache.insert(TokenCache.Entry(caller: caller, expiry: 100), for: "token \(index)")
            #expect(cache.count <= 10)
            #expect(cache.find("token \(index)", now: 99) == caller)
            #expect(cache.find("token \(index)", now: 100) == nil || index < 0)
            cache.insert(TokenCache.Entry(caller: caller, expiry: 100), for: "often used")
        }
        #expect(cache.find("often used", now: 0) == caller)
        #expect(cache.find("token 0", now: 0) == nil)
    }

    private func padded(_ text: String) -> String {
        text.base64FromURL + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
    }

    static func encoded(_ text: String) -> String { encoded(Data(text.utf8)) }

    static func encoded(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}

extension String {
    fileprivate var base64FromURL: String { replacing("-", with: "+").replacing("_", with: "/") }
}

/// Seconds since 1970 that a test moves forward.
final class TestClock: Sendable {
    private let seconds = Mutex(Date().timeIntervalSince1970)
    var now: Double { seconds.withLock { $0 } }
    func advance(by step: Double) { seconds.withLock { $0 += step } }
}

private struct MinimalClaims: JWTPayload {
    var iss = TokenIssuer.issuer
    var sub = "ed"
    var aud = ["other", TokenIssuer.audience]
    var exp = Date().timeIntervalSince1970 + 60
    func verify(using algorithm: some JWTAlgorithm) async throws {}
}
