import Crypto
import Foundation
import HTTPTypes
import Postgres
import ServiceKit
import ServiceTestSupport
import TestSupport
import Testing

@testable import Identity

typealias RunningIdentity = RunningService<IdentityService>

/// Runs identity with cheap hashes and a seal key of its own.
///
/// - Parameters:
///   - environment: Settings that differ from those of most tests.
///   - acquireTimeout: How long a request waits for a connection; long, as tests run many at a time.
func withIdentity(
    server: PostgresServer? = nil, environment: [String: String] = [:], acquireTimeout: Duration = .seconds(20),
    _ test: @escaping @Sendable (RunningIdentity) async throws -> Void
) async throws {
    let directory = FileManager.default.temporaryDirectory.path + "/gatehouse-identity-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try SealKey.generate().write(toFile: directory + "/seal-key", atomically: true, encoding: .utf8)
    var all = [
        "SIGNING_SEAL_KEY_FILE": directory + "/seal-key", "MESSAGES_FILE": directory + "/messages",
        "PASSWORD_MEMORY": "64", "PASSWORD_PASSES": "1", "PASSWORD_QUEUE_LIMIT": "10000",
        "THROTTLE_ADDRESS": "1000000",
    ]
    all.merge(environment) { _, new in new }
    try await withService(
        IdentityService.self, server: server, environment: all,
        adjust: { $0.platform.database.acquireTimeout = acquireTimeout }, test)
}

extension SealKey {
    /// A new key, as it is written to a file.
    static func generate() -> String {
        SymmetricKey(size: .bits256).withUnsafeBytes { Data($0).base64EncodedString() }
    }
}

/// Somebody with an account.
struct Person: Sendable {
    let account: Account
    let email: String
    let password: String

    var id: Int64 { account.id }
}

extension RunningService where Program == IdentityService {
    var resources: Resources { service.resources }

    /// Makes a verified account, as an operator does.
    func person(
        _ email: String = "ada@example.org", roles: [String] = [], scopes: [String] = ["warehouse:read"]
    ) async throws -> Person {
        let password = "correct horse \(email)"
        let account = try await Accounts(resources: resources).create(
            NewAccount(
                email: try EmailAddress(email), firstName: "Ada", lastName: "Lovelace", company: "Engines",
                roles: roles, scopes: scopes, isVerified: true),
            password: try Password(new: password), actor: Change.operations)
        return Person(account: account, email: email, password: password)
    }

    func trySignIn(
        _ email: String, _ password: String, scope: String? = nil, from address: String? = nil
    ) async throws -> TestAnswer {
        var members: [JSONValue.Member] = [.init("email", .string(email)), .init("password", .string(password))]
        if let scope { members.append(.init("scope", .string(scope))) }
        return try await send(
            .post, "/identity/sign-in", headers: address.map { ["x-forwarded-for": $0] } ?? [:],
            json: JSONValue.object(members).text)
    }

    /// Signs in and gives the pair of tokens.
    func signIn(_ person: Person, scope: String? = nil) async throws -> (access: String, refresh: String) {
        let answer = try await trySignIn(person.email, person.password, scope: scope)
        try #require(answer.status == 200, "\(answer.text)")
        return (
            try #require(answer.json["access_token"]?.string), try #require(answer.json["refresh_token"]?.string)
        )
    }

    func administrator() async throws -> (person: Person, token: String) {
        let admin = try await person("admin@example.org", roles: ["admin"], scopes: [])
        return (admin, try await signIn(admin).access)
    }

    func refresh(_ token: String) async throws -> TestAnswer {
        try await send(
            .post, "/identity/refresh", json: JSONValue.object([.init("refresh_token", .string(token))]).text)
    }

    /// Sends a form, as OAuth 2.0 does.
    func submit(
        _ path: String, _ form: String, token: String? = nil, headers: [String: String] = [:]
    ) async throws -> TestAnswer {
        let headers = headers.merging(["content-type": "application/x-www-form-urlencoded"]) { first, _ in first }
        return try await send(.post, path, token: token, headers: headers, json: form)
    }

    /// The token of the newest message to somebody, once it is there.
    func messageToken(_ purpose: MessagePurpose, to email: String, after seen: Int = 0) async throws -> String {
        let path = try #require(resources.settings.messagesFilePath)
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            // No file is no message yet.
            let lines = (try? String(contentsOfFile: path, encoding: .utf8))?.split(separator: "\n") ?? []
            let messages = lines.compactMap { try? JSONParser.parse(Array($0.utf8)) }.filter {
                $0["email"]?.string == email && $0["purpose"]?.string == purpose.rawValue
            }
            if messages.count > seen, let token = messages.last?["token"]?.string { return token }
            _ = try await manage("/healthz")
        }
        throw NoMessage()
    }

    struct NoMessage: Error {}

    /// A number that a statement gives.
    func count(_ statement: Statement, _ binds: [any PostgresBindable] = []) async throws -> Int64 {
        try await #require(database.query(statement, binds).first).decode(0)
    }

    func feed(after position: Int64 = 0) async throws -> JSONValue {
        try await send(.get, "/revocations?after=\(position)").json
    }
}
