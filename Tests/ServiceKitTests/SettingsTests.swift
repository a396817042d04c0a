import Foundation
import Logging
import Postgres
import Testing

@testable import ServiceKit

@Suite struct SettingsTests {
    private func file(_ text: String) throws -> String {
        let path = FileManager.default.temporaryDirectory.path + "/gatehouse-\(UUID().uuidString)"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    private func messages(_ environment: [String: String], file: String? = nil) -> [String] {
        do throws(SettingsError) {
            _ = try ServiceSettings<NotesService>(environment: environment, file: file)
            return []
        } catch {
            return error.messages
        }
    }

    @Test func `has defaults for everything but the key set`() throws {
        let settings = try ServiceSettings<NotesService>(environment: [:]).platform
        #expect(settings.httpAddress == "127.0.0.1" && settings.httpPort == 8099 && settings.managementPort == 9099)
        #expect(settings.database.database == "notes" && settings.database.user == "notes")
        #expect(settings.database.poolSize == 10 && settings.database.sslMode == .prefer)
        #expect(settings.tokenKeySetFile == nil && settings.tokens.audience == "gatehouse")
        #expect(settings.logLevel == .info && settings.bodyLimitBytes == 1_048_576)
    }

    @Test func `reads the environment before the file`() throws {
        let path = try file("http:\n  port: 7000\n  address: 0.0.0.0\npostgres: {poolSize: 3, host: /run/pg}\n")
        let settings = try ServiceSettings<NotesService>(
            environment: ["HTTP_PORT": "7001", "LOG_LEVEL": "debug", "POSTGRES_SSLMODE": "verify-full"], file: path
        ).platform
        #expect(settings.httpPort == 7001 && settings.httpAddress == "0.0.0.0")
        #expect(settings.database.poolSize == 3 && settings.database.host == "/run/pg")
        #expect(settings.logLevel == .debug && settings.database.sslMode == .verifyFull)
    }

    @Test func `reads a secret from a file, its first line only`() throws {
        let path = try file("s3cret word\nsecond line\n")
        let settings = try ServiceSettings<NotesService>(environment: ["POSTGRES_PASSWORD_FILE": path])
        #expect(settings.platform.database.password == "s3cret word")
        #expect(
            messages(["POSTGRES_PASSWORD_FILE": path, "POSTGRES_PASSWORD": "x"])
                == ["POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE exclude each other"])
        #expect(messages(["POSTGRES_PASSWORD_FILE": "/nowhere"]).first?.contains("POSTGRES_PASSWORD_FILE") == true)
    }

    @Test func `names every wrong setting at once`() {
        let messages = messages([
            "HTTP_PORT": "eighty", "MANAGEMENT_PORT": "65536", "LOG_LEVEL": "loud", "POSTGRES_POOL_SIZE": "0",
            "SHUTDOWN_TIMEOUT": "10", "HTTP_ADDRESS": "",
        ])
        #expect(messages.count == 5)
        for key in ["HTTP_PORT", "MANAGEMENT_PORT", "LOG_LEVEL", "POSTGRES_POOL_SIZE", "SHUTDOWN_TIMEOUT"] {
            #expect(messages.contains { $0.hasPrefix("\(key) must be ") }, "\(key)")
        }
    }

    @Test func `an empty variable does not hide the file's value`() throws {
        let settings = try ServiceSettings<NotesService>(
            environment: ["POSTGRES_HOST": ""], file: try file("postgres: {host: db}")
        ).platform
        #expect(settings.database.host == "db")
    }

    @Test(arguments: [
        "postgres:\n  password: \"hunter2", "postgres: {password: hunter2", "postgres:\n\tpassword: hunter2",
    ])
    func `says where a file is not YAML without showing what is there`(text: String) throws {
        let messages = messages([:], file: try file(text))
        #expect(messages.count == 1 && messages[0].contains("line "), "\(messages)")
        #expect(!messages[0].contains("hunter2"))
    }

    @Test(arguments: [
        ("htp: {port: 1}", "htp.port"), ("http: {prot: 1}", "http.prot"), ("http: [1]", "http"), ("port: 8", "port"),
    ])
    func `refuses unknown keys in the file`(text: String, key: String) throws {
        let messages = messages([:], file: try file(text))
        #expect(messages.count == 1 && messages.first?.hasSuffix(key) == true)
    }

    @Test func `refuses files that are no settings`() throws {
        for text in ["- 1", "a: [", "just text"] {
            #expect(messages([:], file: try file(text)).count == 1)
        }
        #expect(messages([:], file: "/nowhere.yaml").count == 1)
        #expect(messages([:], file: try file("# nothing\n")).isEmpty)
    }

    @Test(arguments: [
        ("http.port", "HTTP_PORT"), ("token.keySetFile", "TOKEN_KEY_SET_FILE"),
        ("token.keySetUri", "TOKEN_KEY_SET_URI"),
        ("postgres.sslmode", "POSTGRES_SSLMODE"),
    ])
    func `derives names of variables`(key: String, variable: String) {
        #expect(SettingName.variable(key) == variable)
    }

    @Test func `reads hours and days`() {
        let kind = SettingKind.duration(.zero...(.seconds(40 * 86_400)))
        #expect(kind.parse("12h") == .seconds(43_200) && kind.parse("30d") == .seconds(30 * 86_400))
        #expect(kind.parse("41d") == nil && kind.parse("d") == nil)
    }

    @Test(arguments: [
        ("1500ms", Duration.milliseconds(1_500)), ("2s", .seconds(2)), ("1m", .seconds(60)), ("2", nil), ("s", nil),
        ("-1s", nil), ("2h", nil), ("0s", nil), ("99999999999999s", nil),
    ])
    func `reads durations`(text: String, expected: Duration?) {
        #expect(SettingKind.duration(.milliseconds(1)...(.seconds(600))).parse(text) == expected)
    }

    @Test(arguments: [
        ("http://127.0.0.1:8081", "http://127.0.0.1:8081"), ("https://a.b/", "https://a.b"), ("http://", nil),
        ("ftp://a", nil), ("http://a/b", nil), ("http://u@a", nil), ("a", nil), ("http://a?b", nil),
    ])
    func `reads addresses of services`(text: String, expected: String?) {
        #expect(SettingKind.httpURL.parse(text) == expected)
    }

    @Test(arguments: [
        ("http://identity:8084/identity/.well-known/jwks.json", true), ("https://a.b", true), ("https://a.b?c=d", true),
        ("http:///keys", false), ("ftp://a/b", false), ("http://u@a/b", false), ("http://a/b#c", false),
        ("http://a/b c", false), ("/keys.json", false),
    ])
    func `reads addresses of documents`(text: String, isGood: Bool) {
        #expect(SettingKind.httpResource.parse(text) == (isGood ? text : nil))
    }

    @Test func `the help names every setting`() {
        for key in [
            "HTTP_ADDRESS", "HTTP_PORT", "MANAGEMENT_ADDRESS", "MANAGEMENT_PORT", "POSTGRES_HOST", "POSTGRES_PORT",
            "POSTGRES_DATABASE", "POSTGRES_USER", "POSTGRES_PASSWORD_FILE", "POSTGRES_SSLMODE", "POSTGRES_POOL_SIZE",
            "TOKEN_KEY_SET_FILE", "TOKEN_KEY_SET_URI", "TOKEN_ISSUER", "TOKEN_AUDIENCE", "LOG_LEVEL",
        ] {
            #expect(ServiceSettings<NotesService>.help.contains(key), "\(key)")
        }
    }
}
