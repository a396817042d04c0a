import Foundation
import Synchronization
import TestSupport
import Testing

extension EndToEnd {
    /// People and their tokens, through the gateway: from registration to a token that nobody takes any more.
    @Suite struct IdentityTests {
        @Test func `a person registers, signs in, uses every service, refreshes and signs out`() async throws {
            let system = try RunningSystem.current
            let person = try await system.registerPerson()
            expectProblem(try await system.signIn(person), 401)
            try await system.verify(person)

            let session = try Session(try await system.signIn(person))
            for part in RunningSystem.Part.services {
                #expect(try await system.send("GET", part.listPath, as: .token(session.access)).status == 200)
                let write = try await system.send("POST", part.listPath, as: .token(session.access), json: "{}")
                expectProblem(write, 403)
            }
            let me = try await system.send("GET", "/identity/me", as: .token(session.access))
            #expect(me.status == 200 && me.json["email"]?.string == person.email, "\(me)")

            let next = try Session(try await system.refresh(session.refresh))
            #expect(next.refresh != session.refresh)
            #expect(try await system.send("GET", "/warehouse/items", as: .token(next.access)).status == 200)
            let signOut = try await system.send(
                "POST", "/identity/sign-out", as: .token(next.access), json: #"{"refresh_token": "\#(next.refresh)"}"#)
            #expect(signOut.status == 204, "\(signOut)")
            try await expectRevoked(next.access, system)
            expectProblem(try await system.refresh(next.refresh), 401)
        }

        @Test func `a refresh token that is used twice ends its family`() async throws {
            let system = try RunningSystem.current
            let person = try await system.verifiedPerson()
            let first = try Session(try await system.signIn(person))
            let second = try Session(try await system.refresh(first.refresh))
            expectProblem(try await system.refresh(first.refresh), 401)
            expectProblem(try await system.refresh(second.refresh), 401)
        }

        @Test func `an account that is deactivated loses its tokens at the gateway within seconds`() async throws {
            let system = try RunningSystem.current
            let person = try await system.verifiedPerson()
            let session = try Session(try await system.signIn(person))
            #expect(try await system.send("GET", "/sales/orders", as: .token(session.access)).status == 200)
            let me = try await system.send("GET", "/identity/me", as: .token(session.access))
            let id = try #require(me.json["id"]?.integer)

            let stranger = try Session(try await system.signIn(try await system.verifiedPerson()))
            let path = "/identity/accounts/\(id)/deactivate"
            expectProblem(try await system.send("POST", path, as: .token(stranger.access)), 403)
            let administrator = try await system.administrator()
            let answer = try await system.send("POST", path, as: .token(administrator.access))
            #expect(answer.status == 200, "\(answer)")
            try await expectRevoked(session.access, system)
            expectProblem(try await system.signIn(person), 401)
        }

        @Test(arguments: [
            ("GET", "/identity/me"), ("GET", "/identity/accounts"), ("GET", "/identity/accounts/1"),
            ("POST", "/identity/sign-out"), ("POST", "/identity/password"), ("GET", "/identity/api-keys"),
            ("GET", "/identity/clients"), ("POST", "/identity/revoke"), ("POST", "/identity/introspect"),
            ("GET", "/identity/sign-in"), ("POST", "/identity/accounts/1/activate"), ("GET", "/identity/nothing"),
        ])
        func `nothing else of identity is open`(method: String, path: String) async throws {
            let system = try RunningSystem.current
            let answer = try await system.send(method, path, as: .none, json: method == "POST" ? "{}" : nil)
            expectProblem(answer, 401)
        }

        @Test(arguments: ["/revocations", "/revocations?after=0", "/identity/../revocations", "/healthz"])
        func `what is for the inside is not routed`(path: String) async throws {
            let system = try RunningSystem.current
            let answer = try await system.send("GET", path)
            #expect(answer.status == 404 || answer.status == 400, "\(answer)")
        }

        @Test func `verifiers find the keys without a token`() async throws {
            let system = try RunningSystem.current
            for path in ["jwks.json", "openid-configuration"] {
                let answer = try await system.send("GET", "/identity/.well-known/\(path)", as: .none)
                #expect(
                    answer.status == 200 && answer.header("cache-control")?.contains("max-age=") == true, "\(answer)")
            }
        }

        /// Clients sign in again and again, so tokens of both keys are under way; one goes on with a token of the old key.
        /// Gateway and services fetch the key set in its time, which is before the new key signs.
        @Test func `keys rotate while requests are served: none fails`() async throws {
            let system = try RunningSystem.current
            let person = try await system.verifiedPerson()
            let old = try Session(try await system.signIn(person))
            let current = Mutex(old)
            let shots = try await Load.run(clients: 3) { client, requestID in
                try await system.send(
                    "GET", RunningSystem.Part.services[client].listPath, over: Client.library[client % 2],
                    as: .token(client == 0 ? old.access : current.withLock(\.access)),
                    headers: [("x-request-id", requestID)])
            } during: { load in
                try await load.progress(of: 10)
                _ = try await system.runService(.identity, "keys", "rotate")
                // It signs after SIGNING_PUBLISH_AHEAD; replicas read the keys every ten seconds.
                try await eventually("the new key signs", within: .seconds(110), every: .milliseconds(500)) {
                    let session = try Session(try await system.signIn(person))
                    current.withLock { $0 = session }
                    return session.keyID != old.keyID ? true : nil
                }
                try await load.progress(of: 30)
            }
            for shot in shots where shot.status != 200 { Issue.record("\(shot.result)") }
            #expect(try await system.send("GET", "/warehouse/items", as: .token(old.access)).status == 200)
        }

        /// The promise is five seconds; a busy machine may take longer to send the requests that look.
        private func expectRevoked(_ token: String, _ system: RunningSystem) async throws {
            let refusal = try await eventually("the token is refused", within: .seconds(30), every: .milliseconds(100))
            {
                let answer = try await system.send("GET", "/warehouse/items", as: .token(token))
                return answer.status == 200 ? nil : answer
            }
            expectProblem(refusal, 401)
            #expect(refusal.json["code"]?.string == "tokenRevoked", "\(refusal)")
        }
    }
}
