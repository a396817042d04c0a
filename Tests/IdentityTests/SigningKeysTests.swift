import Crypto
import Foundation
import HTTPTypes
import JWTKit
import Postgres
import ServiceKit
import ServiceTestSupport
import Testing

@testable import Identity

@Suite(.timeLimit(.minutes(3))) struct SigningKeysTests {
    private static func kids(_ identity: RunningIdentity) async throws -> [String] {
        let set = try await identity.send(.get, "/identity/.well-known/jwks.json")
        #expect(set.status == 200)
        return set.json["keys"]?.elements?.compactMap { $0["kid"]?.string } ?? []
    }

    @Test func `publishes its public keys, which others verify its tokens with`() async throws {
        try await withIdentity { identity in
            let token = try await identity.signIn(try await identity.person()).access
            let answer = try await identity.send(.get, "/identity/.well-known/jwks.json")
            #expect(answer.header("cache-control") == "public, max-age=150")
            #expect(!answer.text.contains("\"d\""))
            let keys = JWTKeyCollection()
            try await keys.add(jwksJSON: answer.text)
            let claims = try await keys.verify(token, as: Claims.self)
            #expect(claims.iss == "https://identity.gatehouse.local" && claims.aud == "gatehouse")
            #expect(claims.sub == "1" && claims.exp - claims.iat == 600 && claims.scope == "warehouse:read")
            #expect(!claims.jti.isEmpty && claims.roles == [] && claims.nbf == claims.iat)
        }
    }

    @Test func `describes itself`() async throws {
        try await withIdentity(environment: ["PUBLIC_URL": "https://localhost:8443"]) { identity in
            let answer = try await identity.send(.get, "/identity/.well-known/openid-configuration")
            #expect(answer.json["issuer"]?.string == "https://identity.gatehouse.local")
            #expect(answer.json["jwks_uri"]?.string == "https://localhost:8443/identity/.well-known/jwks.json")
        }
    }

    @Test func `a rotation publishes first, signs later, and the old key's tokens stay good`() async throws {
        try await withIdentity { identity in
            let ada = try await identity.person()
            let old = try await identity.signIn(ada).access
            let first = try await Self.kids(identity)
            let (kid, activeFrom) = try await identity.resources.keys.rotate(actor: Change.operations)
            try await identity.resources.keys.read()
            #expect(try await Self.kids(identity) == first + [kid])
            #expect(activeFrom > (try await identity.resources.store.now(in: identity.database)))
            let unchanged = try await identity.signIn(ada).access
            #expect(try Self.header(unchanged)["kid"]?.string == first[0])

            // Its time comes.
            try await identity.database.execute(
                "UPDATE signing_keys SET active_from = now() WHERE kid = $1", [kid])
            try await identity.resources.keys.read()
            #expect(try await Self.kids(identity) == [kid, first[0]])
            let fresh = try await identity.signIn(ada).access
            #expect(try Self.header(fresh)["kid"]?.string == kid)
            for token in [old, fresh] {
                #expect(try await identity.send(.get, "/identity/me", token: token).status == 200)
            }

            // The old one's tokens are all gone by then.
            try await identity.database.execute(
                "UPDATE signing_keys SET active_from = now() - interval '2 days', retire_at = now() WHERE kid = $1",
                [first[0]])
            try await identity.resources.keys.read()
            #expect(try await Self.kids(identity) == [kid])
            #expect(try await identity.send(.get, "/identity/me", token: old).status == 401)
        }
    }

    @Test func `of several replicas one makes the key, and all use it`() async throws {
        try await withIdentity { identity in
            _ = try await identity.resources.keys.ring()
            try await identity.database.execute("DELETE FROM signing_keys")
            let replicas = (0..<8).map { _ in
                SigningKeys(
                    store: identity.resources.store, database: identity.database,
                    settings: identity.resources.settings, published: TokenKeys())
            }
            for replica in replicas { try replica.prepare() }
            let kids = try await withThrowingTaskGroup { group in
                for replica in replicas { group.addTask { try await replica.ring().active.kid } }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(kids.count == 1)
            #expect(try await identity.count("SELECT count(*) FROM signing_keys") == 1)
        }
    }

    @Test func `the schedule makes the next key in time`() async throws {
        try await withIdentity(environment: ["SIGNING_ROTATION": "1h"]) { identity in
            let first = try await Self.kids(identity)
            try await identity.database.execute("UPDATE signing_keys SET active_from = now() - interval '54 minutes'")
            try await identity.resources.keys.read()
            #expect(try await Self.kids(identity) == first)
            try await identity.database.execute("UPDATE signing_keys SET active_from = now() - interval '56 minutes'")
            try await identity.resources.keys.read()
            #expect(try await Self.kids(identity).count == 2)
            try await identity.resources.keys.read()
            #expect(try await Self.kids(identity).count == 2)
        }
    }

    @Test func `so many keys are published that no verifier should be given more: then none is made`() async throws {
        try await withIdentity { identity in
            let keys = identity.resources.keys
            let first = try await keys.ring().active.kid
            for _ in 1..<KeySchedule.publishedLimit { _ = try await keys.rotate(actor: Change.operations) }
            await #expect(throws: Refusal.tooManySigningKeys) { try await keys.rotate(actor: Change.operations) }
            // It would be time for the next one.
            try await identity.database.execute("UPDATE signing_keys SET active_from = now() - interval '40 days'")
            try await keys.read()
            #expect(try await Self.kids(identity).count == KeySchedule.publishedLimit)
            try await identity.database.execute("UPDATE signing_keys SET retire_at = now() WHERE kid = $1", [first])
            try await keys.read()
            #expect(try await Self.kids(identity).count == KeySchedule.publishedLimit)
            #expect(try await identity.count("SELECT count(*) FROM signing_keys") == KeySchedule.publishedLimit + 1)
        }
    }

    @Test(arguments: ["EdDSA", "RS256"])
    func `other algorithms work as well`(algorithm: String) async throws {
        try await withIdentity(environment: ["SIGNING_ALGORITHM": algorithm]) { identity in
            let token = try await identity.signIn(try await identity.person()).access
            #expect(try Self.header(token)["alg"]?.string == algorithm)
            #expect(try await identity.send(.get, "/identity/me", token: token).status == 200)
        }
    }

    @Test func `a key from a file is imported and used`() async throws {
        let key = P256.Signing.PrivateKey()
        try await Self.withFile(key.pemRepresentation) { path in
            try await withIdentity(environment: ["SIGNING_KEY_FILE": path]) { identity in
                let token = try await identity.signIn(try await identity.person()).access
                let kid = try SigningKey(pem: key.pemRepresentation, algorithm: .es256).kid
                #expect(try Self.header(token)["kid"]?.string == kid)
                try await identity.resources.keys.read()
                #expect(try await Self.kids(identity) == [kid])
            }
        }
    }

    @Test func `a retired key loses its private part, and is not imported again`() async throws {
        let key = P256.Signing.PrivateKey()
        try await Self.withFile(key.pemRepresentation) { path in
            try await withIdentity(environment: ["SIGNING_KEY_FILE": path]) { identity in
                let keys = identity.resources.keys
                let old = try await keys.ring().active.kid
                _ = try await keys.rotate(actor: Change.operations)
                try await identity.database.execute(
                    "UPDATE signing_keys SET active_from = now() - interval '2 hours' WHERE kid <> $1", [old])
                try await identity.database.execute(
                    """
                    UPDATE signing_keys SET active_from = now() - interval '9 days',
                        retire_at = now() - interval '2 days' WHERE kid = $1
                    """, [old])
                #expect(try await identity.resources.store.clean(in: identity.database) > 0)
                try keys.prepare()
                try await keys.read()
                #expect(try await keys.ring().active.kid != old)
                #expect(try await identity.count("SELECT count(*) FROM signing_keys") == 2)
                #expect(
                    try await identity.count("SELECT count(*) FROM signing_keys WHERE sealed_private = ''") == 1)
            }
        }
    }

    @Test(arguments: [
        (P384.Signing.PrivateKey().pemRepresentation, "a P-384 key"), ("not a key", "no private key in PEM"),
    ])
    func `a file with another key: a precise message, and no start`(content: String, reason: String) async throws {
        try await Self.withFile(content) { path in
            let error = await #expect(throws: SettingsError.self) {
                try await withIdentity(environment: ["SIGNING_KEY_FILE": path]) { _ in }
            }
            #expect(error?.description.hasPrefix("SIGNING_KEY_FILE: \(path): ") == true)
            #expect(error?.description.contains(reason) == true)
        }
    }

    @Test(arguments: ["SIGNING_KEY_FILE", "SIGNING_SEAL_KEY_FILE"])
    func `a missing file: a precise message, and no start`(variable: String) async throws {
        let error = await #expect(throws: SettingsError.self) {
            try await withIdentity(environment: [variable: "/nonexistent/key"]) { _ in }
        }
        #expect(error?.description == "\(variable): /nonexistent/key: there is no such file")
    }

    @Test func `a seal key of the wrong length: a precise message`() async throws {
        try await Self.withFile("AAAA") { path in
            let error = await #expect(throws: SettingsError.self) {
                try await withIdentity(environment: ["SIGNING_SEAL_KEY_FILE": path]) { _ in }
            }
            #expect(error?.description.contains("32 bytes in base64") == true)
        }
    }

    @Test func `private keys lie sealed in the database`() async throws {
        try await withIdentity { identity in
            let active = try await identity.resources.keys.ring().active
            guard case .p256(let key) = active.material else {
                Issue.record("\(active) is not for P-256")
                return
            }
            let secret = Array(key.rawRepresentation)
            let row = try #require(try await identity.resources.store.keys(in: identity.database).first)
            #expect(row.scheduled.kid == active.kid && row.sealed.count > secret.count)
            #expect(row.sealed.firstRange(of: secret) == nil)
            let texts = try await identity.database.query("SELECT row_to_json(k)::text FROM signing_keys AS k")
            let text = try texts.first?.decode(0, as: String.self) ?? ""
            #expect(text.contains(active.kid))
            for written in [
                secret.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined(),
                Base64URL.encode(secret), Data(secret).base64EncodedString(),
            ] {
                #expect(!text.contains(written))
            }
            let other = try SealKey(base64: SealKey.generate())
            #expect(throws: SigningKeyError.self) {
                try SigningKey(
                    sealed: row.sealed, kid: row.scheduled.kid, algorithm: row.scheduled.algorithm, with: other)
            }
        }
    }

    private static func withFile(_ content: String, _ body: (String) async throws -> Void) async throws {
        let path = FileManager.default.temporaryDirectory.path + "/gatehouse-key-\(UUID().uuidString)"
        try content.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await body(path)
    }

    private static func header(_ token: String) throws -> JSONValue {
        var text = String(token.prefix { $0 != "." }).replacing("-", with: "+").replacing("_", with: "/")
        text += String(repeating: "=", count: (4 - text.count % 4) % 4)
        return try JSONParser.parse(Array(try #require(Data(base64Encoded: text))))
    }

    private struct Claims: JWTPayload {
        let iss: String
        let aud: String
        let sub: String
        let exp: Int64
        let nbf: Int64
        let iat: Int64
        let jti: String
        let scope: String
        let roles: [String]

        func verify(using algorithm: some JWTAlgorithm) async throws {}
    }
}
