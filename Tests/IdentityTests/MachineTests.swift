import Foundation
import HTTPTypes
import Postgres
import ServiceKit
import ServiceTestSupport
import Testing

@testable import Identity

@Suite(.timeLimit(.minutes(3))) struct MachineTests {
    private static func basic(_ id: String, _ secret: String) -> [String: String] {
        ["authorization": "Basic " + Data("\(id):\(secret)".utf8).base64EncodedString()]
    }

    private static func client(
        _ identity: RunningIdentity, admin: String
    ) async throws -> (id: Int64, clientID: String, secret: String) {
        let answer = try await identity.send(
            .post, "/identity/clients", token: admin,
            json: #"{"name":"importer","scopes":["warehouse:read","warehouse:write","identity:introspect"]}"#)
        try #require(answer.status == 201 && answer.header("cache-control") == "no-store")
        return (
            try #require(answer.json["id"]?.integer), try #require(answer.json["client_id"]?.string),
            try #require(answer.json["client_secret"]?.string)
        )
    }

    @Test func `a machine gets tokens for its secret, which is shown once`() async throws {
        try await withIdentity { identity in
            let admin = try await identity.administrator().token
            let (id, clientID, secret) = try await Self.client(identity, admin: admin)
            let list = try await identity.send(.get, "/identity/clients", token: admin)
            #expect(list.json["items"]?.elements?.count == 1 && !list.text.contains(secret))

            let grant = "grant_type=client_credentials"
            let byHeader = try await identity.submit(
                "/identity/token", grant, headers: Self.basic(clientID, secret))
            #expect(byHeader.status == 200 && byHeader.header("cache-control") == "no-store")
            #expect(byHeader.json["refresh_token"] == nil)
            let inBody = try await identity.submit(
                "/identity/token", grant + "&client_id=\(clientID)&client_secret=\(secret)&scope=warehouse%3Aread")
            #expect(inBody.status == 200 && inBody.json["scope"]?.string == "warehouse:read")
            let token = try #require(inBody.json["access_token"]?.string)
            #expect(try await identity.resources.verifier.verify(token).subject == "client:\(clientID)")

            #expect(try await identity.send(.get, "/identity/me", token: token).status == 403)
            #expect(try await identity.send(.delete, "/identity/clients/\(id)", token: admin).status == 204)
            #expect(try await identity.send(.get, "/identity/me", token: token).status == 401)
            let gone = try await identity.submit("/identity/token", grant, headers: Self.basic(clientID, secret))
            #expect(gone.status == 401)
        }
    }

    @Test func `the token endpoint refuses in the words of RFC 6749`() async throws {
        try await withIdentity { identity in
            let admin = try await identity.administrator().token
            let (_, clientID, secret) = try await Self.client(identity, admin: admin)
            let right = Self.basic(clientID, secret)
            let cases: [(form: String, headers: [String: String], status: Int, error: String)] = [
                ("", [:], 400, "invalid_request"),
                ("grant_type=password&username=a&password=b", [:], 400, "unsupported_grant_type"),
                ("grant_type=client_credentials", [:], 401, "invalid_client"),
                ("grant_type=client_credentials", Self.basic(clientID, "wrong"), 401, "invalid_client"),
                ("grant_type=client_credentials", Self.basic("nobody", secret), 401, "invalid_client"),
                ("grant_type=client_credentials", ["authorization": "Basic %%%"], 401, "invalid_client"),
                ("grant_type=client_credentials&client_id=a%00&client_secret=b", [:], 401, "invalid_client"),
                ("grant_type=client_credentials&client_secret=x", right, 400, "invalid_request"),
                ("grant_type=client_credentials&grant_type=client_credentials", right, 400, "invalid_request"),
                ("grant_type=client_credentials&scope=sales:read", right, 400, "invalid_scope"),
                ("grant_type=client_credentials&scope=%22", right, 400, "invalid_scope"),
                ("grant_type=refresh_token&refresh_token=x", [:], 400, "invalid_grant"),
                ("grant_type=refresh_token", [:], 400, "invalid_request"),
                ("grant_type=urn:gatehouse:api-key&api_key=x", [:], 400, "invalid_grant"),
            ]
            for (form, headers, status, error) in cases {
                let answer = try await identity.submit("/identity/token", form, headers: headers)
                #expect(answer.status == status && answer.json["error"]?.string == error, "\(form)")
                #expect(answer.header("cache-control") == "no-store")
                #expect((answer.header("www-authenticate") != nil) == (status == 401))
            }
            let json = try await identity.send(.post, "/identity/token", json: "{}")
            #expect(json.status == 415)
        }
    }

    @Test func `the token endpoint refreshes as well`() async throws {
        try await withIdentity { identity in
            let token = try await identity.signIn(try await identity.person()).refresh
            let form = "grant_type=refresh_token&refresh_token=\(token)"
            #expect(try await identity.submit("/identity/token", form).json["refresh_token"]?.string != nil)
            #expect(try await identity.submit("/identity/token", form).json["error"]?.string == "invalid_grant")
        }
    }

    @Test func `a device exchanges its key for tokens that may what key and owner both may`() async throws {
        try await withIdentity { identity in
            let ada = try await identity.person(scopes: ["warehouse:read", "sales:read"])
            let token = try await identity.signIn(ada).access
            let wide = try await identity.send(
                .post, "/identity/api-keys", token: token, json: #"{"name":"till","scopes":["sales:write"]}"#)
            #expect(wide.status == 422 && wide.refusedFields == ["scopes"])
            let created = try await identity.send(
                .post, "/identity/api-keys", token: token,
                json: #"{"name":"till","scopes":["warehouse:read","sales:read"]}"#)
            #expect(created.status == 201)
            let key = try #require(created.json["api_key"]?.string)
            let id = try #require(created.json["id"]?.integer)
            let list = try await identity.send(.get, "/identity/api-keys", token: token)
            #expect(list.json["items"]?.elements?.count == 1 && !list.text.contains(key))

            let form = "grant_type=urn%3Agatehouse%3Aapi-key&api_key=\(key)"
            let device = try await identity.submit("/identity/token", form)
            let access = try #require(device.json["access_token"]?.string)
            #expect(try await identity.resources.verifier.verify(access).subject == "device:\(id)")
            // A device is not a person, and makes no keys.
            let another = #"{"name":"x","scopes":[]}"#
            #expect(try await identity.send(.post, "/identity/api-keys", token: access, json: another).status == 403)

            let admin = try await identity.administrator().token
            _ = try await identity.send(
                .put, "/identity/accounts/\(ada.id)", token: admin, json: #"{"scopes":["sales:read"]}"#)
            #expect(try await identity.submit("/identity/token", form).json["scope"]?.string == "sales:read")
            #expect(try await identity.resources.verifier.verify(access).scopes.count == 2)
            let introspected = try await Tokens(resources: identity.resources).introspect(access)
            #expect(introspected == nil)

            #expect(
                try await identity.send(.post, "/identity/accounts/\(ada.id)/deactivate", token: admin).status == 200)
            #expect(try await identity.submit("/identity/token", form).json["error"]?.string == "invalid_grant")
        }
    }

    @Test func `a narrowed token makes no wider key`() async throws {
        try await withIdentity { identity in
            let ada = try await identity.person(scopes: ["warehouse:read", "sales:read"])
            let narrow = try await identity.signIn(ada, scope: "sales:read").access
            let wide = try await identity.send(
                .post, "/identity/api-keys", token: narrow, json: #"{"name":"till","scopes":["warehouse:read"]}"#)
            #expect(wide.status == 422 && wide.refusedFields == ["scopes"])
            let right = try await identity.send(
                .post, "/identity/api-keys", token: narrow, json: #"{"name":"till","scopes":["sales:read"]}"#)
            #expect(right.status == 201)
        }
    }

    @Test func `a deleted key is worth nothing, nor are its tokens; nobody else deletes it`() async throws {
        try await withIdentity { identity in
            let token = try await identity.signIn(try await identity.person()).access
            let eve = try await identity.signIn(try await identity.person("eve@example.org")).access
            let created = try await identity.send(
                .post, "/identity/api-keys", token: token, json: #"{"name":"till","scopes":["warehouse:read"]}"#)
            let key = try #require(created.json["api_key"]?.string)
            let id = try #require(created.json["id"]?.integer)
            let form = "grant_type=urn:gatehouse:api-key&api_key=\(key)"
            let access = try #require(try await identity.submit("/identity/token", form).json["access_token"]?.string)
            #expect(try await identity.send(.delete, "/identity/api-keys/\(id)", token: eve).status == 403)
            #expect(try await identity.send(.delete, "/identity/api-keys/\(id)", token: token).status == 204)
            #expect(try await identity.submit("/identity/token", form).status == 400)
            #expect(try await Tokens(resources: identity.resources).introspect(access) == nil)
        }
    }

    @Test func `introspection tells good tokens from others, to whom it may`() async throws {
        try await withIdentity { identity in
            let (person, admin) = try await identity.administrator()
            let (_, clientID, secret) = try await Self.client(identity, admin: admin)
            let answer = try await identity.submit(
                "/identity/token", "grant_type=client_credentials", headers: Self.basic(clientID, secret))
            let machine = try #require(answer.json["access_token"]?.string)
            let good = try await identity.submit("/identity/introspect", "token=\(admin)", token: machine)
            #expect(good.status == 200 && good.json["active"] == true && good.header("cache-control") == "no-store")
            #expect(good.json["sub"]?.string == "\(person.id)" && good.json["roles"]?[0]?.string == "admin")
            #expect(good.json["exp"]?.integer != nil && good.json["jti"]?.string != nil)
            let signature = try #require(admin.split(separator: ".").last)
            let first = signature.hasPrefix("A") ? "B" : "A"
            let changed = admin.dropLast(signature.count) + first + signature.dropFirst()
            for token in ["nonsense", "a.b.c", changed] {
                let bad = try await identity.submit("/identity/introspect", "token=\(token)", token: machine)
                #expect(bad.text == #"{"active":false}"#)
            }
            #expect(try await identity.submit("/identity/introspect", "token=x", token: admin).status == 403)
            let basic = Self.basic(clientID, secret)
            #expect(try await identity.submit("/identity/introspect", "token=x", headers: basic).status == 401)
        }
    }

    @Test func `one revokes one's own tokens, an administrator any`() async throws {
        try await withIdentity { identity in
            let ada = try await identity.person()
            let (first, second) = (try await identity.signIn(ada), try await identity.signIn(ada))
            let eve = try await identity.signIn(try await identity.person("eve@example.org")).access
            let admin = try await identity.administrator().token
            for token in [first.access, first.refresh] {
                let refused = try await identity.submit("/identity/revoke", "token=\(token)", token: eve)
                #expect(refused.status == 403)
            }
            #expect(try await identity.submit("/identity/revoke", "token=nonsense", token: eve).status == 200)
            // A refresh token goes with its session and its access tokens.
            #expect(
                try await identity.submit("/identity/revoke", "token=\(first.refresh)", token: second.access).status
                    == 200)
            #expect(try await identity.send(.get, "/identity/me", token: first.access).status == 401)
            #expect(try await identity.refresh(first.refresh).status == 401)
            #expect(
                try await identity.submit("/identity/revoke", "token=\(second.access)", token: admin).status == 200)
            #expect(try await identity.send(.get, "/identity/me", token: second.access).status == 401)
        }
    }
}
