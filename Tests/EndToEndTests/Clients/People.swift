import Foundation
import TestSupport
import Testing

/// Somebody with an account.
struct Person: Sendable {
    let email: String
    let password: String
}

/// What a sign-in gives.
struct Session: Sendable {
    let access: String
    let refresh: String

    init(_ answer: Answer) throws {
        guard answer.status == 200, let access = answer.json["access_token"]?.string,
            let refresh = answer.json["refresh_token"]?.string
        else { throw HarnessError("no tokens: \(answer)") }
        self.access = access
        self.refresh = refresh
    }

    /// Which key signed the access token: its header, as it stands.
    var keyID: Substring { access.prefix { $0 != "." } }
}

extension RunningSystem {
    /// Registers somebody whose address is not verified yet.
    func registerPerson() async throws -> Person {
        let person = Person(
            email: "e2e-\(UUID().uuidString.lowercased())@gatehouse.example", password: "correct \(UUID().uuidString)")
        let answer = try await send(
            "POST", "/identity/accounts", as: .none,
            json: """
                {"email": "\(person.email)", "password": "\(person.password)", "first_name": "End", "last_name": "Two End",
                 "company": "Gatehouse"}
                """)
        try #require(answer.status == 201, "\(answer)")
        #expect(!answer.text.contains(person.password) && !answer.text.contains("argon2"))
        return person
    }

    /// Verifies an address with the token of the message that was sent to it.
    func verify(_ person: Person) async throws {
        let token = try await eventually("the message is sent") { try self.lastMessageToken(to: person.email) }
        let answer = try await send(
            "POST", "/identity/accounts/verify", as: .none, json: #"{"token": "\#(token)"}"#)
        try #require(answer.status == 204, "\(answer)")
    }

    func verifiedPerson() async throws -> Person {
        let person = try await registerPerson()
        try await verify(person)
        return person
    }

    func signIn(_ person: Person) async throws -> Answer {
        try await send(
            "POST", "/identity/sign-in", as: .none,
            json: #"{"email": "\#(person.email)", "password": "\#(person.password)"}"#)
    }

    func refresh(_ token: String) async throws -> Answer {
        try await send("POST", "/identity/refresh", as: .none, json: #"{"refresh_token": "\#(token)"}"#)
    }

    /// Makes an administrator by the subcommand, and signs in.
    func administrator() async throws -> Session {
        let email = "admin-\(UUID().uuidString.lowercased())@gatehouse.example"
        let password = try await runService(.identity, "admin", "create", "--email", email)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        return try Session(try await signIn(Person(email: email, password: password)))
    }

    private func lastMessageToken(to email: String) throws -> String? {
        // No file: nothing has been sent yet.
        guard let text = try? String(contentsOfFile: messages, encoding: .utf8) else { return nil }
        let sent = try text.split(separator: "\n").map { try JSON(text: String($0)) }
        return sent.last { $0["email"]?.string == email }?["token"]?.string
    }
}
