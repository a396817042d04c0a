import HTTPTypes
import Postgres
import ServiceKit
import ServiceTestSupport
import TestSupport
import Testing

@testable import Identity

/// Whatever happens at the same time, what has ended gives nobody a good token.
@Suite(.timeLimit(.minutes(3))) struct RaceTests {
    typealias Work = @Sendable () async throws -> TestAnswer

    private static func atOnce(_ work: [Work]) async throws -> [TestAnswer] {
        try await withThrowingTaskGroup(of: TestAnswer.self) { group in
            for each in work { group.addTask { try await each() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    private static func signIns(_ person: Person, in identity: RunningIdentity) -> [Work] {
        (0..<4).map { _ in { try await identity.trySignIn(person.email, person.password) } }
    }

    /// Every token that somebody got is refused.
    private static func expectNothingGood(_ pairs: [TestAnswer], in identity: RunningIdentity) async throws {
        for pair in pairs where pair.status == 200 {
            let access = try #require(pair.json["access_token"]?.string)
            let refresh = try #require(pair.json["refresh_token"]?.string)
            #expect(try await identity.send(.get, "/identity/me", token: access).status == 401)
            #expect(try await identity.refresh(refresh).status == 401)
        }
    }

    @Test func `signing in and refreshing during a deactivation`() async throws {
        try await withIdentity { identity in
            let admin = try await identity.administrator().token
            for round in 0..<5 { try await Self.deactivate("a\(round)@example.org", admin: admin, in: identity) }
        }
    }

    private static func deactivate(_ email: String, admin: String, in identity: RunningIdentity) async throws {
        let ada = try await identity.person(email)
        let (access, refresh) = try await identity.signIn(ada)
        var work = Self.signIns(ada, in: identity)
        work.append { try await identity.refresh(refresh) }
        work.append {
            try await identity.send(.post, "/identity/accounts/\(ada.id)/deactivate", token: admin)
        }
        let pairs = try await Self.atOnce(work)
        #expect(pairs.allSatisfy { [200, 401].contains($0.status) })
        let tokens = pairs.filter { $0.json["access_token"] != nil }
        try await Self.expectNothingGood(tokens, in: identity)
        #expect(try await identity.send(.get, "/identity/me", token: access).status == 401)
    }

    @Test func `signing in with the old password during its change`() async throws {
        try await withIdentity { identity in
            for round in 0..<5 { try await Self.changePassword("a\(round)@example.org", in: identity) }
        }
    }

    private static func changePassword(_ email: String, in identity: RunningIdentity) async throws {
        let ada = try await identity.person(email)
        let access = try await identity.signIn(ada).access
        let json = #"{"current_password":"\#(ada.password)","new_password":"battery staple"}"#
        var work = Self.signIns(ada, in: identity)
        work.append {
            try await identity.send(.post, "/identity/password", token: access, json: json)
        }
        let answers = try await Self.atOnce(work)
        let statuses = answers.map(\.status)
        #expect(statuses.contains(204))
        let tokens = answers.filter { $0.json["access_token"] != nil }
        try await Self.expectNothingGood(tokens, in: identity)
        #expect(try await identity.send(.get, "/identity/me", token: access).status == 200)
    }

    @Test func `many ends at a time do not lock each other out`() async throws {
        try await withIdentity { identity in
            let admin = try await identity.administrator().token
            let ada = try await identity.person()
            var sessions: [(access: String, refresh: String)] = []
            for _ in 0..<6 { sessions.append(try await identity.signIn(ada)) }
            let used = try await identity.signIn(ada).refresh
            #expect(try await identity.refresh(used).status == 200)
            var work: [Work] = []
            for session in sessions {
                let json = #"{"refresh_token":"\#(session.refresh)"}"#
                work.append {
                    try await identity.send(.post, "/identity/sign-out", token: session.access, json: json)
                }
                work.append { try await identity.refresh(session.refresh) }
            }
            work.append { try await identity.refresh(used) }
            work.append {
                try await identity.send(
                    .put, "/identity/accounts/\(ada.id)", token: admin, json: #"{"scopes":["sales:read"]}"#)
            }
            let statuses = try await Self.atOnce(work).map(\.status)
            // No deadlock: that would be 503.
            #expect(Set(statuses).isSubset(of: [200, 204, 401]), "\(statuses)")
        }
    }

    @Test(arguments: ["client", "API key", "session"])
    func `an administrator who was demoted while a request waited ends nothing more`(what: String) async throws {
        try await withIdentity { identity in
            let (person, admin) = try await identity.administrator()
            let ada = try await identity.person()
            let session = try await identity.signIn(ada)
            let client = try await identity.send(
                .post, "/identity/clients", token: admin, json: #"{"name":"importer","scopes":[]}"#)
            let key = try await identity.send(
                .post, "/identity/api-keys", token: session.access, json: #"{"name":"till","scopes":[]}"#)
            let request: Work
            switch what {
            case "client":
                let id = try #require(client.json["id"]?.integer)
                request = { try await identity.send(.delete, "/identity/clients/\(id)", token: admin) }
            case "API key":
                let id = try #require(key.json["id"]?.integer)
                request = { try await identity.send(.delete, "/identity/api-keys/\(id)", token: admin) }
            default:
                request = {
                    try await identity.submit("/identity/revoke", "token=\(session.refresh)", token: admin)
                }
            }
            let answer = try await withThrowingTaskGroup(of: TestAnswer.self) { group in
                try await identity.database.withTransaction { transaction in
                    // What each of the requests waits for.
                    _ = try await transaction.query("SELECT FROM clients FOR UPDATE")
                    _ = try await transaction.query("SELECT FROM accounts WHERE id = $1 FOR UPDATE", [ada.id])
                    group.addTask { try await request() }
                    try await eventually("the request waits", within: .seconds(60)) {
                        try await identity.count(
                            """
                            SELECT count(*) FROM pg_stat_activity
                            WHERE datname = current_database() AND wait_event_type = 'Lock'
                            """) > 0
                    }
                    try await identity.resources.revokeEverything(of: person.account, in: transaction)
                }
                return try await #require(group.next())
            }
            #expect(answer.status == 401 && answer.isProblem)
            #expect(try await identity.count("SELECT count(*) FROM clients") == 1)
            #expect(try await identity.count("SELECT count(*) FROM api_keys") == 1)
            #expect(try await identity.refresh(session.refresh).status == 200)
        }
    }

    @Test func `two live tokens in a family are impossible by the database itself`() async throws {
        try await withIdentity { identity in
            _ = try await identity.signIn(try await identity.person())
            let error = await #expect(throws: PostgresError.self) {
                try await identity.database.execute(
                    """
                    INSERT INTO refresh_tokens (digest, family_id, access_token_id, access_expires_at)
                    SELECT sha256('x'), id, 'x', now() FROM refresh_families
                    """)
            }
            #expect(error?.constraint == "refresh_tokens_live_key")
        }
    }
}
