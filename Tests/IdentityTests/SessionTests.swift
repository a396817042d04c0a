import HTTPTypes
import Postgres
import ServiceKit
import ServiceTestSupport
import Testing

@testable import Identity

@Suite(.timeLimit(.minutes(3))) struct SessionTests {
    @Test func `a refresh token is good once; its reuse ends the session and its access tokens`() async throws {
        try await withIdentity { identity in
            let (_, first) = try await identity.signIn(try await identity.person())
            let second = try await identity.refresh(first)
            #expect(second.status == 200 && second.header("cache-control") == "no-store")
            let access = try #require(second.json["access_token"]?.string)
            let refresh = try #require(second.json["refresh_token"]?.string)
            #expect(try await identity.send(.get, "/identity/me", token: access).status == 200)

            let reused = try await identity.refresh(first)
            #expect(reused.status == 401 && reused.isProblem)
            #expect(try await identity.refresh(refresh).status == 401)
            #expect(try await identity.send(.get, "/identity/me", token: access).status == 401)
            #expect(try await identity.feed()["revocations"]?.elements?.count == 2)
            #expect(
                try await identity.count("SELECT count(*) FROM outbox WHERE event = 'session.reused'") == 1)
        }
    }

    @Test func `of parallel refreshes one succeeds at most, and never are two children alive`() async throws {
        try await withIdentity { identity in
            let ada = try await identity.person()
            for _ in 0..<5 {
                let token = try await identity.signIn(ada).refresh
                let answers = try await withThrowingTaskGroup { group in
                    for _ in 0..<8 { group.addTask { try await identity.refresh(token) } }
                    return try await group.reduce(into: [TestAnswer]()) { $0.append($1) }
                }
                let winners = answers.filter { $0.status == 200 }
                #expect(winners.count == 1)
                #expect(answers.allSatisfy { $0.status == 200 || $0.status == 401 })
                // The others were reuses, so its family has ended: no child works.
                for winner in winners {
                    let child = try #require(winner.json["refresh_token"]?.string)
                    #expect(try await identity.refresh(child).status == 401)
                }
            }
            let live = try await identity.count(
                """
                SELECT count(*) FROM refresh_tokens AS t JOIN refresh_families AS f ON f.id = t.family_id
                WHERE t.used_at IS NULL AND f.ended_at IS NULL
                """)
            #expect(live == 0)
        }
    }

    @Test func `signing out ends the session and the token, not other sessions`() async throws {
        try await withIdentity { identity in
            let ada = try await identity.person()
            let (first, second) = (try await identity.signIn(ada), try await identity.signIn(ada))
            let json = #"{"refresh_token":"\#(first.refresh)"}"#
            #expect(try await identity.send(.post, "/identity/sign-out", json: json).status == 401)
            #expect(try await identity.send(.post, "/identity/sign-out", token: first.access, json: json).status == 204)
            #expect(try await identity.send(.get, "/identity/me", token: first.access).status == 401)
            #expect(try await identity.refresh(first.refresh).status == 401)
            #expect(try await identity.send(.get, "/identity/me", token: second.access).status == 200)
            #expect(try await identity.refresh(second.refresh).status == 200)
        }
    }

    @Test func `nobody ends a session of somebody else`() async throws {
        try await withIdentity { identity in
            let ada = try await identity.signIn(try await identity.person())
            let eve = try await identity.signIn(try await identity.person("eve@example.org"))
            let json = #"{"refresh_token":"\#(ada.refresh)"}"#
            #expect(try await identity.send(.post, "/identity/sign-out", token: eve.access, json: json).status == 204)
            #expect(try await identity.refresh(ada.refresh).status == 200)
            #expect(try await identity.send(.get, "/identity/me", token: eve.access).status == 401)
        }
    }

    @Test func `a new password ends the other sessions, and the one that asked goes on`() async throws {
        try await withIdentity { identity in
            let ada = try await identity.person()
            let (asking, other) = (try await identity.signIn(ada), try await identity.signIn(ada))
            let wrong = #"{"current_password":"wrong","new_password":"battery staple"}"#
            let refused = try await identity.send(.post, "/identity/password", token: asking.access, json: wrong)
            #expect(refused.status == 422 && refused.refusedFields == ["current_password"])
            let json = #"{"current_password":"\#(ada.password)","new_password":"battery staple"}"#
            #expect(
                try await identity.send(.post, "/identity/password", token: asking.access, json: json).status == 204)
            #expect(try await identity.send(.get, "/identity/me", token: asking.access).status == 200)
            #expect(try await identity.send(.get, "/identity/me", token: other.access).status == 401)
            #expect(try await identity.refresh(asking.refresh).status == 200)
            #expect(try await identity.refresh(other.refresh).status == 401)
            #expect(try await identity.trySignIn(ada.email, ada.password).status == 401)
            #expect(try await identity.trySignIn(ada.email, "battery staple").status == 200)
        }
    }

    @Test func `a forgotten password is set by a message, once, and all sessions end`() async throws {
        try await withIdentity { identity in
            let ada = try await identity.person()
            let session = try await identity.signIn(ada)
            for email in [ada.email, "nobody@example.org"] {
                let answer = try await identity.send(
                    .post, "/identity/password/forgot", json: #"{"email":"\#(email)"}"#)
                #expect(answer.status == 202 && answer.content.isEmpty)
            }
            let token = try await identity.messageToken(.reset, to: ada.email)
            // Asking again at once does not void the message that is on its way.
            #expect(
                try await Passwords(resources: identity.resources).prepareReset(EmailAddress(ada.email))?.address == nil
            )
            let json = #"{"token":"\#(token)","new_password":"battery staple"}"#
            let statuses = try await withThrowingTaskGroup { group in
                for _ in 0..<4 {
                    group.addTask { try await identity.send(.post, "/identity/password/reset", json: json).status }
                }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(statuses.sorted() == [204, 422, 422, 422])
            #expect(try await identity.refresh(session.refresh).status == 401)
            #expect(try await identity.send(.get, "/identity/me", token: session.access).status == 401)
            #expect(try await identity.trySignIn(ada.email, "battery staple").status == 200)
            let verification = try await identity.send(
                .post, "/identity/accounts/verify", json: #"{"token":"\#(token)"}"#)
            #expect(verification.status == 422)
        }
    }

    @Test func `refreshes of an account are counted`() async throws {
        try await withIdentity(environment: ["THROTTLE_ADDRESS": "2"]) { identity in
            var token = try await identity.signIn(try await identity.person()).refresh
            for _ in 0..<2 {
                token = try #require(try await identity.refresh(token).json["refresh_token"]?.string)
            }
            #expect(try await identity.refresh(token).status == 429)
        }
    }

    @Test func `no token outlives its account's validity`() async throws {
        try await withIdentity { identity in
            let ada = try await identity.person()
            let key = try await identity.send(
                .post, "/identity/api-keys", token: try await identity.signIn(ada).access,
                json: #"{"name":"till","scopes":["warehouse:read"]}"#)
            try await identity.database.execute("UPDATE accounts SET valid_thru = now() + interval '100 seconds'")
            let pair = try await identity.trySignIn(ada.email, ada.password).json
            let device = try await identity.submit(
                "/identity/token",
                "grant_type=urn:gatehouse:api-key&api_key=\(try #require(key.json["api_key"]?.string))"
            ).json
            for answer in [pair, device] { #expect(try 1...100 ~= #require(answer["expires_in"]?.integer)) }
            try await identity.database.execute("UPDATE accounts SET valid_thru = now()")
            #expect(try await identity.refresh(try #require(pair["refresh_token"]?.string)).status == 401)
        }
    }

    @Test func `a session that is over is not refreshed`() async throws {
        try await withIdentity { identity in
            let session = try await identity.signIn(try await identity.person())
            try await identity.database.execute(
                "UPDATE refresh_families SET expires_at = now() - interval '3 hours'")
            #expect(try await identity.refresh(session.refresh).status == 401)
            #expect(try await identity.refresh("gh_rt_nonsense").status == 401)
            #expect(try await identity.resources.store.clean(in: identity.database) > 0)
            #expect(try await identity.count("SELECT count(*) FROM refresh_tokens") == 0)
        }
    }

    @Test func `cleaning deletes a thousand tokens at a time, and all of a session that is over`() async throws {
        try await withIdentity { identity in
            let ada = try await identity.person()
            for _ in 0..<2 { _ = try await identity.signIn(ada) }
            try await identity.database.execute(
                "UPDATE refresh_families SET ended_at = CASE WHEN id = 1 THEN now() - interval '3 hours' END")
            try await identity.database.execute(
                """
                INSERT INTO refresh_tokens (digest, family_id, access_token_id, access_expires_at, used_at)
                SELECT sha256((family || ' ' || number)::bytea), family, number::text, now(), now()
                FROM generate_series(1, 1500) AS number, generate_series(1, 2) AS family
                WHERE number % 2 = 0 OR family = 1
                """)
            // A statement that takes longer than it may would never get done, and be begun again every minute.
            try await identity.database.execute(
                """
                CREATE FUNCTION refuse_many() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    IF (SELECT count(*) FROM deleted) > 1000 THEN RAISE EXCEPTION 'too many at a time'; END IF;
                    RETURN NULL;
                END $$
                """)
            try await identity.database.execute(
                """
                CREATE TRIGGER few_at_a_time AFTER DELETE ON refresh_tokens REFERENCING OLD TABLE AS deleted
                FOR EACH STATEMENT EXECUTE FUNCTION refuse_many()
                """)
            _ = try await identity.resources.store.clean(in: identity.database)
            #expect(try await identity.count("SELECT count(*) FROM refresh_families WHERE id = 1") == 0)
            #expect(try await identity.count("SELECT count(*) FROM refresh_tokens WHERE family_id = 1") == 0)
            // The session that goes on keeps its tokens.
            #expect(try await identity.count("SELECT count(*) FROM refresh_tokens WHERE family_id = 2") == 751)
        }
    }
}
