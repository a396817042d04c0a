import ArgumentParser
import Foundation
import JWTKit
import Testing

@testable import gatehouse_dev

struct `gatehouse-dev token` {
    private static let now = Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded(.down))

    /// Makes a key, a token with these arguments, and reads the token as a service does: with the key set.
    private func claims(of arguments: [String]) async throws -> Claims {
        let directory = FileManager.default.temporaryDirectory.path + "/gatehouse-dev-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try KeysCommand.parse(["--directory", directory]).run()
        let command = try TokenCommand.parse(["--key", "\(directory)/token-key.pem"] + arguments)
        let token = try await command.token(issuedAt: Self.now.addingTimeInterval(0.9))
        return try await JWTKeyCollection().add(jwksJSON: read("\(directory)/jwks.json"))
            .verify(token, as: Claims.self)
    }

    @Test func `prints a token that the key set verifies, for an hour and everything`() async throws {
        let claims = try await claims(of: [])
        #expect(claims.iss.value == "https://identity.gatehouse.local")
        #expect(claims.aud.value == ["gatehouse"])
        #expect(claims.sub.value == "developer")
        #expect(claims.iat.value == Self.now)
        #expect(claims.exp.value == Self.now.addingTimeInterval(3600))
        #expect(!claims.jti.value.isEmpty)
        #expect(claims.scope.split(separator: " ").count == 6)
    }

    @Test func `says what it is told to`() async throws {
        let claims = try await claims(of: [
            "--subject", "alice", "--scope", "sales:read", "--ttl", "2m", "--audience", "x", "--issuer", "https://y",
        ])
        #expect(claims.iss.value == "https://y" && claims.aud.value == ["x"] && claims.sub.value == "alice")
        #expect(claims.scope == "sales:read")
        #expect(claims.exp.value == Self.now.addingTimeInterval(120))
    }

    @Test func `can have been issued long ago`() async throws {
        let directory = FileManager.default.temporaryDirectory.path + "/gatehouse-dev-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try KeysCommand.parse(["--directory", directory]).run()
        let command = try TokenCommand.parse(["--key", "\(directory)/token-key.pem", "--ttl", "10m", "--age", "1h"])
        let token = try await command.token(issuedAt: Self.now)
        let keys = try await JWTKeyCollection().add(jwksJSON: read("\(directory)/jwks.json"))
        await #expect(throws: JWTError.self) { try await keys.verify(token, as: Claims.self) }
        let claims = try await keys.unverified(token, as: Claims.self)
        #expect(claims.exp.value == Self.now.addingTimeInterval(600 - 3600))
    }

    @Test(arguments: [("1s", 1), ("90s", 90), ("30m", 1800), ("1h", 3600), ("7d", 604_800), ("365d", 31_536_000)])
    func `reads how long it is valid`(text: String, seconds: Int) {
        #expect(TimeToLive(argument: text)?.seconds == seconds)
    }

    @Test(arguments: ["", "s", "0s", "-1h", "366d", "1", "1w", "1.5h", "99999999999999999999d", "h1"])
    func `refuses a validity of`(text: String) {
        #expect(TimeToLive(argument: text) == nil)
    }

    @Test(arguments: [
        ["--subject", ""], ["--scope", "a\"b"], ["--scope", "ä"], ["--audience", ""], ["--ttl", "0s"],
    ])
    func `refuses`(arguments: [String]) {
        #expect(throws: (any Error).self) { try TokenCommand.parse(["--key", "k"] + arguments) }
    }

    @Test func `says how to make a key when there is none`() async throws {
        let command = try TokenCommand.parse(["--key", "/nonexistent/token-key.pem"])
        let failure = await #expect(throws: CommandFailure.self) { try await command.token(issuedAt: Self.now) }
        #expect(failure?.description.contains("gatehouse-dev keys") == true)
    }
}
