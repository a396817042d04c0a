import HTTPTypes
import Postgres
import ServiceKit
import ServiceTestSupport
import Testing

@testable import Identity

@Suite(.timeLimit(.minutes(3))) struct AccountTests {
    private static let registration = #"""
        {"email":"Ada@Example.org","password":"correct horse","first_name":"Ada","last_name":"Lovelace"}
        """#

    @Test func `registers, verifies, signs in, and reads itself`() async throws {
        try await withIdentity { identity in
            let registered = try await identity.send(.post, "/identity/accounts", json: Self.registration)
            #expect(registered.status == 201 && registered.header("location") == "/identity/accounts/1")
            #expect(registered.json["email"]?.string == "Ada@Example.org")
            #expect(registered.json["verified"] == false && registered.json["active"] == true)
            #expect(registered.json["roles"] == [])
            // Not before the address is verified.
            #expect(try await identity.trySignIn("ada@example.org", "correct horse").status == 401)

            let token = try await identity.messageToken(.verify, to: "Ada@Example.org")
            let verification = #"{"token":"\#(token)"}"#
            #expect(try await identity.send(.post, "/identity/accounts/verify", json: verification).status == 204)
            // A token is good once.
            let again = try await identity.send(.post, "/identity/accounts/verify", json: verification)
            #expect(again.status == 422 && again.refusedFields == ["token"])

            let answer = try await identity.trySignIn("ADA@EXAMPLE.ORG", "correct horse")
            #expect(answer.status == 200 && answer.header("cache-control") == "no-store")
            #expect(answer.json["token_type"]?.string == "Bearer" && answer.json["expires_in"]?.integer == 600)
            #expect(answer.json["scope"]?.string == "warehouse:read accounting:read sales:read")
            let me = try await identity.send(.get, "/identity/me", token: answer.json["access_token"]?.string)
            #expect(me.status == 200 && me.json["verified"] == true && me.header("etag") == "\"2\"")
        }
    }

    @Test func `an address is taken whatever its case`() async throws {
        try await withIdentity { identity in
            #expect(try await identity.send(.post, "/identity/accounts", json: Self.registration).status == 201)
            for email in ["ada@example.org", "ADA@EXAMPLE.ORG"] {
                let json = Self.registration.replacing("Ada@Example.org", with: email)
                let answer = try await identity.send(.post, "/identity/accounts", json: json)
                #expect(answer.status == 409 && answer.isProblem)
            }
            // The database itself says so, whoever writes to it.
            let error = await #expect(throws: PostgresError.self) {
                try await identity.database.execute(
                    """
                    INSERT INTO accounts (email, email_key, first_name, last_name)
                    VALUES ('x@y.z', 'ADA@example.ORG', 'a', 'b')
                    """)
            }
            #expect(error?.constraint == "accounts_email_key_idx")
        }
    }

    @Test func `what is not valid is listed, all of it`() async throws {
        try await withIdentity { identity in
            let answer = try await identity.send(
                .post, "/identity/accounts",
                json: #"{"email":"a\u0000@b.c","password":"short","first_name":"","last_name":"x","roles":["admin"]}"#)
            #expect(answer.status == 422)
            #expect(Set(answer.refusedFields) == ["email", "password", "first_name", "roles"])
        }
    }

    @Test func `people read and change themselves, administrators everybody, and nobody more`() async throws {
        try await withIdentity { identity in
            let (ada, eve) = (try await identity.person(), try await identity.person("eve@example.org"))
            let token = try await identity.signIn(ada).access
            let admin = try await identity.administrator().token
            let path = "/identity/accounts/\(ada.id)"
            #expect(try await identity.send(.get, path, token: token).status == 200)
            #expect(try await identity.send(.get, path, token: admin).status == 200)
            for (method, other) in [
                (HTTPRequest.Method.get, "/identity/accounts/\(eve.id)"), (.get, "/identity/accounts/999"),
                (.delete, path), (.post, path + "/activate"), (.post, "/identity/accounts/\(eve.id)/deactivate"),
                (.get, "/identity/accounts"), (.get, "/identity/clients"),
                (.get, "/identity/api-keys?account_id=\(eve.id)"),
            ] {
                let answer = try await identity.send(method, other, token: token)
                #expect(answer.status == 403 && answer.isProblem, "\(method) \(other)")
            }
            let renamed = try await identity.send(
                .put, path, token: token, headers: ["if-match": "\"1\""], json: #"{"first_name":"Augusta"}"#)
            #expect(renamed.status == 200 && renamed.json["first_name"]?.string == "Augusta")
            let stale = try await identity.send(
                .put, path, token: token, headers: ["if-match": "\"1\""], json: #"{"first_name":"A"}"#)
            #expect(stale.status == 412)
            for change in [#"{"roles":["admin"]}"#, #"{"scopes":["sales:write"]}"#, #"{"valid_thru":null}"#] {
                #expect(try await identity.send(.put, path, token: token, json: change).status == 403)
            }
            #expect(try await identity.send(.get, "/identity/accounts/999", token: admin).status == 404)
        }
    }

    @Test func `a new grant holds at once: what was issued before is void`() async throws {
        try await withIdentity { identity in
            let ada = try await identity.person()
            let (token, refresh) = try await identity.signIn(ada)
            let admin = try await identity.administrator().token
            let changed = try await identity.send(
                .put, "/identity/accounts/\(ada.id)", token: admin, json: #"{"scopes":["sales:write"]}"#)
            #expect(changed.status == 200)
            #expect(try await identity.send(.get, "/identity/me", token: token).status == 401)
            let fresh = try await identity.refresh(refresh)
            #expect(fresh.json["scope"]?.string == "sales:write")
            // Even one that was issued in the same second.
            let me = try await identity.send(.get, "/identity/me", token: fresh.json["access_token"]?.string)
            #expect(me.status == 200)
        }
    }

    @Test func `validity ends strictly later than it begins, by the service and by the database`() async throws {
        try await withIdentity { identity in
            let ada = try await identity.person()
            let admin = try await identity.administrator().token
            let path = "/identity/accounts/\(ada.id)"
            for thru in ["2030-01-01T00:00:00Z", "2029-12-31T23:59:59Z"] {
                let answer = try await identity.send(
                    .put, path, token: admin,
                    json: #"{"valid_from":"2030-01-01T00:00:00Z","valid_thru":"\#(thru)"}"#)
                #expect(answer.status == 422 && answer.refusedFields == ["valid_thru"])
            }
            let future = try await identity.send(
                .put, path, token: admin, json: #"{"valid_from":"2100-01-01T00:00:00Z"}"#)
            #expect(future.status == 200)
            #expect(try await identity.trySignIn(ada.email, ada.password).status == 401)
            let ended = #"{"valid_from":"2000-01-01T00:00:00Z","valid_thru":"2001-01-01T00:00:00Z"}"#
            #expect(try await identity.send(.put, path, token: admin, json: ended).status == 200)
            #expect(try await identity.trySignIn(ada.email, ada.password).status == 401)
            let open = try await identity.send(.put, path, token: admin, json: #"{"valid_thru":null}"#)
            #expect(open.json["valid_thru"] == .null)
            #expect(try await identity.trySignIn(ada.email, ada.password).status == 200)
        }
    }

    @Test func `deactivation ends everything, and only the inactive is deleted`() async throws {
        try await withIdentity { identity in
            let ada = try await identity.person()
            let (token, refresh) = try await identity.signIn(ada)
            let admin = try await identity.administrator().token
            let path = "/identity/accounts/\(ada.id)"
            #expect(try await identity.send(.delete, path, token: admin).status == 409)
            let deactivated = try await identity.send(.post, path + "/deactivate", token: admin)
            #expect(deactivated.status == 200 && deactivated.json["active"] == false)
            #expect(try await identity.send(.get, "/identity/me", token: token).status == 401)
            #expect(try await identity.refresh(refresh).status == 401)
            #expect(try await identity.trySignIn(ada.email, ada.password).status == 401)
            let entries = try await identity.feed()["revocations"]?.elements ?? []
            #expect(entries.map { $0["subject"]?.string } == ["\(ada.id)"])

            #expect(try await identity.send(.post, path + "/activate", token: admin).status == 200)
            // Issued in the second of the deactivation or later, the new one is good.
            let again = try await identity.signIn(ada)
            #expect(try await identity.send(.get, "/identity/me", token: again.access).status == 200)

            #expect(try await identity.send(.post, path + "/deactivate", token: again.access).status == 200)
            #expect(try await identity.send(.delete, path, token: admin).status == 204)
            #expect(try await identity.send(.get, path, token: admin).status == 404)
            #expect(try await identity.count("SELECT count(*) FROM credentials WHERE account_id = $1", [ada.id]) == 0)
        }
    }

    @Test func `administrators search by name, address, company and validity`() async throws {
        try await withIdentity { identity in
            _ = try await identity.person("ada@example.org")
            _ = try await identity.person("eve_100%@example.net")
            let admin = try await identity.administrator().token
            for (query, count) in [
                ("", 3), ("?name=LOVE", 3), ("?name=ada%20l", 3), ("?name=nobody", 0), ("?email=EXAMPLE.NET", 1),
                // Not a pattern.
                ("?email=%25", 1), ("?email=_", 1), ("?company=engine", 3), ("?valid_at=2100-01-01T00:00:00Z", 3),
                ("?valid_at=2000-01-01T00:00:00Z", 0), ("?limit=2", 2),
            ] {
                let answer = try await identity.send(.get, "/identity/accounts" + query, token: admin)
                #expect(answer.json["items"]?.elements?.count == count, "\(query)")
                #expect(!answer.text.contains("argon2"))
            }
            #expect(try await identity.send(.get, "/identity/accounts?naem=x", token: admin).status == 422)
        }
    }

    @Test func `every change is recorded, and no secret is`() async throws {
        try await withIdentity { identity in
            #expect(try await identity.send(.post, "/identity/accounts", json: Self.registration).status == 201)
            let message = try await identity.messageToken(.verify, to: "Ada@Example.org")
            _ = try await identity.send(.post, "/identity/accounts/verify", json: #"{"token":"\#(message)"}"#)
            let signedIn = try await identity.trySignIn("ada@example.org", "correct horse").json
            let token = try #require(signedIn["access_token"]?.string)
            let refresh = try #require(signedIn["refresh_token"]?.string)
            let change = #"{"current_password":"correct horse","new_password":"battery staple"}"#
            #expect(try await identity.send(.post, "/identity/password", token: token, json: change).status == 204)
            let out = #"{"refresh_token":"\#(refresh)"}"#
            #expect(try await identity.send(.post, "/identity/sign-out", token: token, json: out).status == 204)
            let rows = try await identity.database.query(
                "SELECT actor || ' ' || event || ' ' || subject || ' ' || details FROM outbox ORDER BY id")
            let texts = try rows.map { try $0.decode(0, as: String.self) }
            #expect(
                texts.filter { !$0.contains("signing-key") } == [
                    "anonymous account.registered 1 ", "anonymous account.verified 1 ", "1 session.began 1 ",
                    "1 password.changed 1 ", "1 session.ended 1 ", "1 token.revoked 1 ",
                ])
            for secret in ["correct horse", "battery staple", "argon2", message, token, refresh] {
                #expect(!texts.joined().contains(secret))
            }
        }
    }

    @Test func `the OpenAPI document is valid`() async throws {
        try await withIdentity { identity in
            let answer = try await identity.send(.get, "/identity/openapi.json")
            #expect(answer.status == 200)
            #expect(try await OpenAPIValidator.complaints(about: answer.text) == "")
        }
    }

    @Test func `the OpenAPI document says where attempts are counted`() async throws {
        try await withIdentity { identity in
            let paths = try await identity.send(.get, "/identity/openapi.json").json["paths"]?.members ?? []
            let throttled = paths.filter { $0.value["post"]?["responses"]?["429"] != nil }.map(\.name)
            #expect(
                throttled.sorted() == [
                    "/identity/accounts", "/identity/password", "/identity/password/forgot",
                    "/identity/password/reset", "/identity/refresh", "/identity/sign-in", "/identity/token",
                ])
        }
    }
}
