import HTTPTypes
import Postgres
import ServiceKit
import ServiceTestSupport
import TestSupport
import Testing

@testable import Identity

@Suite(.timeLimit(.minutes(5))) struct AttackTests {
    @Test func `a thousand parallel registrations of one address make one account`() async throws {
        try await withIdentity(environment: ["PASSWORD_THREADS": "2"]) { identity in
            let accounts = Accounts(resources: identity.resources)
            let password = try Password(new: "correct horse")
            let outcomes = try await withThrowingTaskGroup { group in
                for index in 0..<1_000 {
                    let email = try EmailAddress(index.isMultiple(of: 2) ? "ada@example.org" : "ADA@Example.org")
                    group.addTask {
                        do {
                            _ = try await accounts.register(
                                NewAccount(email: email, firstName: "a", lastName: "b", company: "", scopes: []),
                                password: password, from: "direct")
                            return "created"
                        } catch Refusal.emailTaken {
                            return "taken"
                        } catch let error as PostgresError where error.code == .poolTimeout {
                            return "busy"
                        }
                    }
                }
                return try await group.reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
            }
            #expect(outcomes["created"] == 1 && outcomes.values.reduce(0, +) == 1_000, "\(outcomes)")
            #expect(try await identity.count("SELECT count(*) FROM accounts") == 1)
            #expect(try await identity.count("SELECT count(*) FROM credentials") == 1)
            #expect(
                try await identity.count("SELECT count(*) FROM outbox WHERE event = 'account.registered'") == 1)
        }
    }

    @Test(arguments: [2_000, 1_000_000, 1_048_576])
    func `huge passwords are refused, not hashed`(size: Int) async throws {
        try await withIdentity { identity in
            let password = String(repeating: "a", count: size)
            let registration = #"{"email":"a@b.example","password":"\#(password)","first_name":"a","last_name":"b"}"#
            for (path, json) in [
                ("/identity/accounts", registration),
                ("/identity/sign-in", #"{"email":"a@b.example","password":"\#(password)"}"#),
            ] {
                let answer = try await identity.send(.post, path, json: json)
                #expect(answer.status == (size < 1_048_576 ? 422 : 413) && answer.isProblem)
                #expect(!answer.text.contains("aaaa"))
            }
        }
    }

    @Test func `tampered, foreign and unsigned tokens are refused`() async throws {
        try await withIdentity { identity in
            let token = try await identity.signIn(try await identity.person()).access
            let parts = token.split(separator: ".").map(String.init)
            let stranger = try await identity.token(subject: "1", scopes: "identity:read")
            let unsigned = "eyJhbGciOiJub25lIn0.\(parts[1])."
            for bad in [parts[0] + "." + parts[1] + ".AAAA", stranger, unsigned, token + "A", "x"] {
                let answer = try await identity.send(.get, "/identity/me", token: bad)
                #expect(answer.status == 401 && answer.isProblem)
            }
        }
    }

    @Test func `a token of a clock that is a little ahead is taken, of one that is far ahead not`() async throws {
        try await withIdentity { identity in
            let ada = try await identity.person()
            let ring = try await identity.resources.keys.ring()
            for (ahead, status) in [(20, 200), (300, 401), (-601, 200), (-700, 401)] {
                let now = try await identity.resources.store.now(in: identity.database)
                let token = try identity.resources.mint.mint(
                    subject: ada.account.subject, scopes: [], roles: [], now: now.advanced(by: .seconds(ahead)),
                    earliest: nil, end: nil, with: ring)
                let answer = try await identity.send(.get, "/identity/me", token: token.text)
                #expect(answer.status == status, "\(ahead) s")
            }
        }
    }

    @Test func `with the database away a sign-in is 503, and nothing is half done`() async throws {
        let server = try await PostgresServer.start()
        do {
            try await withIdentity(server: server, acquireTimeout: .seconds(4)) { identity in
                let ada = try await identity.person()
                let session = try await identity.signIn(ada)
                let configuration = identity.configuration
                try await PostgresConnection.withConnection(configuration: configuration) { connection in
                    try await connection.execute("ALTER ROLE CURRENT_USER SET synchronous_commit = on")
                }
                try await server.stop()
                for _ in 0..<2 {
                    let answer = try await identity.trySignIn(ada.email, ada.password)
                    #expect(answer.status == 503 && answer.isProblem && answer.header("retry-after") != nil)
                }
                #expect(try await identity.refresh(session.refresh).status == 503)
                try await server.start()
                // What was not answered was not used up.
                try await identity.database.ping()
                #expect(try await identity.refresh(session.refresh).status == 200)
                #expect(try await identity.trySignIn(ada.email, ada.password).status == 200)
                let rows = try await identity.count(
                    """
                    SELECT count(*) FROM refresh_families AS f
                    WHERE (SELECT count(*) FROM refresh_tokens AS t WHERE t.family_id = f.id AND used_at IS NULL) <> 1
                    """)
                #expect(rows == 0)
                #expect(
                    try await identity.count("SELECT count(*) FROM refresh_families")
                        == identity.count("SELECT count(*) FROM outbox WHERE event = 'session.began'"))
            }
        } catch {
            await server.remove()
            throw error
        }
        await server.remove()
    }
}
