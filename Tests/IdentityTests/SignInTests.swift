import HTTPTypes
import Postgres
import ServiceKit
import ServiceTestSupport
import Testing

@testable import Identity

@Suite(.timeLimit(.minutes(3))) struct SignInTests {
    /// What a client can tell an answer by.
    private static func look(_ answer: TestAnswer) -> String {
        let detail = answer.json["detail"]?.string ?? ""
        return "\(answer.status) \(answer.json["type"]?.string ?? "") \(detail) \(answer.header("retry-after") ?? "")"
    }

    @Test func `one answer for unknown, wrong, inactive and unverified`() async throws {
        try await withIdentity { identity in
            let ada = try await identity.person()
            let unknown = try await identity.trySignIn("nobody@example.org", "wrong")
            #expect(unknown.status == 401 && unknown.isProblem)
            #expect(Self.look(try await identity.trySignIn(ada.email, "wrong")) == Self.look(unknown))
            let token = try await identity.signIn(ada).access
            _ = try await identity.send(.post, "/identity/accounts/\(ada.id)/deactivate", token: token)
            #expect(Self.look(try await identity.trySignIn(ada.email, ada.password)) == Self.look(unknown))
            let json = #"{"email":"u@example.org","password":"correct horse","first_name":"a","last_name":"b"}"#
            #expect(try await identity.send(.post, "/identity/accounts", json: json).status == 201)
            #expect(Self.look(try await identity.trySignIn("u@example.org", "correct horse")) == Self.look(unknown))
        }
    }

    @Test func `an account is throttled, and an address that has none the same`() async throws {
        try await withIdentity(environment: ["THROTTLE_ACCOUNT": "3"]) { identity in
            let ada = try await identity.person()
            var looks: [[String]] = []
            for email in [ada.email, "nobody@example.org"] {
                var answers: [String] = []
                for _ in 0..<5 { answers.append("\(try await identity.trySignIn(email, "wrong").status)") }
                looks.append(answers)
            }
            #expect(looks == [["401", "401", "401", "429", "429"], ["401", "401", "401", "429", "429"]])
            let metrics = try await identity.manage("/metrics").text
            #expect(metrics.contains("identity_attempts_refused_total 4") && metrics.contains("identity_passwords{"))
            // Then not even the right password, in whatever case the address is written.
            let refused = try await identity.trySignIn("ADA@example.org", ada.password)
            #expect(refused.status == 429 && refused.isProblem)
            #expect((Int(refused.header("retry-after") ?? "") ?? 0) > 800)
        }
    }

    @Test func `a right password begins to count anew`() async throws {
        try await withIdentity(environment: ["THROTTLE_ACCOUNT": "3"]) { identity in
            let ada = try await identity.person()
            for _ in 0..<3 {
                for _ in 0..<2 { #expect(try await identity.trySignIn(ada.email, "wrong").status == 401) }
                #expect(try await identity.trySignIn(ada.email, ada.password).status == 200)
            }
        }
    }

    @Test func `an address is throttled over all accounts, and others are not`() async throws {
        try await withIdentity(environment: ["THROTTLE_ADDRESS": "3"]) { identity in
            let ada = try await identity.person()
            for index in 0..<3 {
                let answer = try await identity.trySignIn("a\(index)@example.org", "wrong", from: "2001:db8::\(index)")
                #expect(answer.status == 401)
            }
            #expect(try await identity.trySignIn(ada.email, ada.password, from: "2001:db8::9").status == 429)
            #expect(try await identity.trySignIn(ada.email, ada.password, from: "2001:db9::9").status == 200)
        }
    }

    @Test func `registrations and messages are throttled by address`() async throws {
        try await withIdentity(environment: ["THROTTLE_ADDRESS": "2"]) { identity in
            let bodies = (0..<3).map {
                #"{"email":"a\#($0)@b.example","password":"correct horse","first_name":"a","last_name":"b"}"#
            }
            var statuses: [Int] = []
            for json in bodies {
                statuses.append(try await identity.send(.post, "/identity/accounts", json: json).status)
            }
            #expect(statuses == [201, 201, 429])
            statuses = []
            for _ in 0..<3 {
                let answer = try await identity.send(
                    .post, "/identity/password/forgot", json: #"{"email":"nobody@b.example"}"#)
                statuses.append(answer.status)
            }
            #expect(statuses == [202, 202, 429])
        }
    }

    @Test func `a right password with too wide a scope is no failed attempt`() async throws {
        try await withIdentity(environment: ["THROTTLE_ACCOUNT": "1"]) { identity in
            let ada = try await identity.person()
            for _ in 0..<3 {
                #expect(try await identity.trySignIn(ada.email, ada.password, scope: "sales:write").status == 422)
            }
            #expect(try await identity.trySignIn(ada.email, ada.password).status == 200)
        }
    }

    @Test func `guesses at one address do not lock the owner out at another`() async throws {
        try await withIdentity(environment: ["THROTTLE_ACCOUNT": "1"]) { identity in
            let ada = try await identity.person()
            for _ in 0..<20 { _ = try await identity.trySignIn(ada.email, "wrong", from: "192.0.2.1") }
            #expect(try await identity.trySignIn(ada.email, ada.password, from: "192.0.2.1").status == 429)
            #expect(try await identity.trySignIn(ada.email, ada.password, from: "192.0.2.2").status == 200)
            for index in 3..<13 { _ = try await identity.trySignIn(ada.email, "wrong", from: "192.0.2.\(index)") }
            // From everywhere: ten times as many.
            #expect(try await identity.trySignIn(ada.email, ada.password, from: "192.0.2.99").status == 429)
        }
    }

    @Test func `parallel guesses are all counted`() async throws {
        try await withIdentity(environment: ["THROTTLE_ACCOUNT": "5"]) { identity in
            let ada = try await identity.person()
            let statuses = try await withThrowingTaskGroup { group in
                for _ in 0..<40 { group.addTask { try await identity.trySignIn(ada.email, "wrong").status } }
                return try await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
            }
            #expect(statuses == [401: 5, 429: 35])
        }
    }

    @Test func `a window ends`() async throws {
        try await withIdentity(environment: ["THROTTLE_ACCOUNT": "1"]) { identity in
            let ada = try await identity.person()
            _ = try await identity.trySignIn(ada.email, "wrong")
            #expect(try await identity.trySignIn(ada.email, ada.password).status == 429)
            try await identity.database.execute("UPDATE attempts SET ends_at = now() - interval '1 second'")
            #expect(try await identity.trySignIn(ada.email, ada.password).status == 200)
            try await identity.database.execute("UPDATE attempts SET ends_at = now() - interval '1 second'")
            #expect(try await identity.resources.store.clean(in: identity.database) > 0)
            #expect(try await identity.count("SELECT count(*) FROM attempts") == 0)
        }
    }

    @Test func `scopes may be narrowed, never widened`() async throws {
        try await withIdentity { identity in
            let ada = try await identity.person(scopes: ["warehouse:read", "sales:read"])
            let narrow = try await identity.trySignIn(ada.email, ada.password, scope: "sales:read")
            #expect(narrow.json["scope"]?.string == "sales:read")
            let refreshed = try await identity.refresh(try #require(narrow.json["refresh_token"]?.string))
            #expect(refreshed.json["scope"]?.string == "sales:read")
            let wide = try await identity.trySignIn(ada.email, ada.password, scope: "sales:write")
            #expect(wide.status == 422 && wide.refusedFields == ["scope"])
        }
    }

    @Test func `an administrator has every scope`() async throws {
        try await withIdentity { identity in
            let admin = try await identity.administrator().token
            let found = try await identity.resources.verifier.verify(admin)
            #expect(found.scopes == Set(Grants.administratorScopes) && found.roles == ["admin"])
        }
    }

    @Test func `a hash of other parameters is made anew`() async throws {
        try await withIdentity { identity in
            let ada = try await identity.person()
            let old = try await PasswordHasher(
                parameters: Argon2Parameters(memoryKibibytes: 128, passes: 1), threads: 1, queueLimit: 1
            ).hash(ada.password)
            try await identity.database.execute("UPDATE credentials SET password_hash = $1", [old])
            _ = try await identity.signIn(ada)
            let hash = try await identity.resources.store.findCredential(of: ada.id, in: identity.database)
            #expect(hash?.encoded.hasPrefix("$argon2id$v=19$m=64,t=1,p=1$") == true)
            _ = try await identity.signIn(ada)
        }
    }

    @Test func `when hashing is full: 503 with Retry-After, and no guess counted`() async throws {
        let environment = ["PASSWORD_THREADS": "1", "PASSWORD_QUEUE_LIMIT": "0", "THROTTLE_ACCOUNT": "1"]
        try await withIdentity(environment: environment) { identity in
            let ada = try await identity.person()
            let session = try await identity.signIn(ada)
            try await withHeldThread(of: identity.resources.hasher) { _ in
                for _ in 0..<3 {
                    let answer = try await identity.trySignIn(ada.email, ada.password)
                    #expect(answer.status == 503 && answer.header("retry-after") != nil)
                }
                // What needs no password goes on: nothing of it runs where passwords are hashed.
                #expect(try await identity.send(.get, "/identity/me", token: session.access).status == 200)
                #expect(try await identity.refresh(session.refresh).status == 200)
            }
            #expect(try await identity.trySignIn(ada.email, ada.password).status == 200)
        }
    }

    @Test func `a new password that could not be hashed costs no attempt`() async throws {
        // libargon2 refuses so many lanes in so little memory: stored hashes can be compared, no new one can be made.
        let environment = ["PASSWORD_LANES": "16", "THROTTLE_ACCOUNT": "1", "THROTTLE_ADDRESS": "1"]
        try await withIdentity(environment: environment) { identity in
            let store = identity.resources.store
            let old = try await PasswordHasher(parameters: PasswordHasherTests.cheap, threads: 1, queueLimit: 1)
                .hash("correct horse")
            let ada = try await identity.database.withTransaction { transaction in
                let new = NewAccount(
                    email: try EmailAddress("ada@example.org"), firstName: "Ada", lastName: "Lovelace", company: "",
                    scopes: [], isVerified: true)
                let account = try await store.create(new, in: transaction)
                try await store.createCredential(PasswordHash(encoded: old), for: account.id, in: transaction)
                return account
            }
            let session = try await identity.trySignIn(ada.email, "correct horse")
            let access = try #require(session.json["access_token"]?.string)
            let change = #"{"current_password":"correct horse","new_password":"battery staple"}"#
            for _ in 0..<3 {
                let answer = try await identity.send(.post, "/identity/password", token: access, json: change)
                #expect(answer.status == 500)
            }
            let passwords = Passwords(resources: identity.resources)
            let message = try #require(try await passwords.prepareReset(EmailAddress(ada.email)))
            let reset = #"{"token":"\#(message.token.text)","new_password":"battery staple"}"#
            for _ in 0..<3 {
                #expect(try await identity.send(.post, "/identity/password/reset", json: reset).status == 500)
            }
            // One attempt each is left, and is used up by a guess.
            let guess = change.replacing("correct horse", with: "wrong horse")
            for status in [422, 429] {
                let answer = try await identity.send(.post, "/identity/password", token: access, json: guess)
                #expect(answer.status == status)
            }
            let invented = reset.replacing(message.token.text, with: "gh_mt_invented")
            for status in [422, 429] {
                #expect(try await identity.send(.post, "/identity/password/reset", json: invented).status == status)
            }
        }
    }
}
