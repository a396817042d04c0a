import Foundation
import GatewayTestSupport
import Logging
import Proxy
import Routing
import Testing

@testable import Control

/// The examples of docs/ do what the pages say: their YAML, with a Gateway and a route "shop", is served and asked.
@Suite(.serialized, .timeLimit(.minutes(3))) struct DocumentationTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The blocks of a page that are whole documents.
    private static func examples(_ page: String) throws -> [String] {
        let text = try String(contentsOf: root.appending(path: "docs/\(page)"), encoding: .utf8)
        return text.components(separatedBy: "```yaml\n").dropFirst()
            .compactMap { $0.components(separatedBy: "\n```").first }
            .filter { $0.hasPrefix("apiVersion:") }
    }

    /// Serves a page's example.
    ///
    /// - Parameter body: gets what asks for a path from 127.0.0.x, and the service's requests.
    private func serving(
        _ example: String,
        _ body: ((_ target: String, _ fields: [String], _ host: UInt8) throws -> RawMessage, ScriptedServer) throws ->
            Void
    ) async throws {
        let folder = try TemporaryFolder()
        try folder.write("shop.yaml", SampleDocuments.shop)
        try folder.write("example.yaml", example)
        let server = try ScriptedServer { ScriptedServer.ok($0.requestLine) }
        defer { server.stop() }
        let clock: @Sendable () -> Int64 = { TokenFactory.now }
        var keeper = ConfigurationKeeper(
            settings: GatewaySettings(
                configuration: [folder.path],
                backends: ["shop=127.0.0.1:\(server.port)"].compactMap(BackendAddress.init),
                listen: ["http=127.0.0.1:0"].compactMap(ListenAddress.init)),
            queue: VerificationQueue(consumers: 1, secondsSince1970: clock), status: ControlStatus(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, secondsSince1970: clock)
        let gateway = try Gateway(
            snapshot: try await keeper.load(), workers: 1, accessLog: try AccessLog(path: "off"))
        try gateway.start()
        let port = try #require(gateway.ports["http"])
        do {
            try body(
                { target, fields, host in
                    let socket = try BlockingSocket(connectingTo: port, from: host)
                    defer { socket.close() }
                    let lines = ["\(target) HTTP/1.1", "host: localhost", "connection: close"] + fields
                    try socket.send(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8))
                    return try MessageReader(socket).response()
                }, server)
        } catch {
            await gateway.drain(deadlineSeconds: 5)
            throw error
        }
        await gateway.drain(deadlineSeconds: 5)
    }

    @Test func `rate-limits`() async throws {
        let example = try #require(try Self.examples("rate-limits.md").first)
        try await serving(example) { ask, _ in
            for left in 0..<3 {
                let answer = try ask("GET /a", [], 1)
                #expect(answer.status == 200)
                #expect(answer["ratelimit-policy"] == "\"per-client\";q=3;w=3600, \"everybody\";q=10000;w=60")
                #expect(answer["ratelimit"]?.hasPrefix("\"per-client\";r=\(2 - left);t=") == true)
            }
            let refused = try ask("GET /a", [], 1)
            #expect(refused.status == 429 && refused["retry-after"] != nil)
            let answer1 = try ask("GET /a", [], 2)
            #expect(answer1.status == 200)
        }
    }

    @Test func `access`() async throws {
        let example = try #require(try Self.examples("access.md").first)
        try await serving(example) { ask, _ in
            let answer2 = try ask("GET /a", [], 1)
            #expect(answer2.status == 200)
            let refused = try ask("GET /a", [], 66)
            #expect(refused.status == 403 && refused.text.contains("\"code\":\"accessDenied\""))
        }
    }

    @Test func `authentication by API keys`() async throws {
        let example = try #require(try Self.examples("authentication.md").first)
        try await serving(example) { ask, server in
            let answer3 = try ask("GET /a", [], 1)
            #expect(answer3.status == 401)
            let answer4 = try ask("GET /a", ["x-api-key: key-of-nobody"], 1)
            #expect(answer4.status == 401)
            let answer5 = try ask("GET /a", ["x-api-key: key-of-acme"], 1)
            #expect(answer5.status == 200)
            let answer6 = try ask("GET /a?api_key=key-of-acme", [], 1)
            #expect(answer6.text == "GET /a")
            #expect(server.requests.allSatisfy { $0["x-authenticated-consumer"] == "acme" && $0["x-api-key"] == nil })
        }
    }

    @Test func `traffic`() async throws {
        let example = try #require(try Self.examples("traffic.md").first)
        try await serving(example) { ask, _ in
            let answer7 = try ask("POST /a", ["content-length: 17"], 1)
            #expect(answer7.status == 413)
            let answer8 = try ask("GET /a", ["x-long: \(String(repeating: "a", count: 4_096))"], 1)
            #expect(answer8.status == 431)
            let answer9 = try ask("GET /a", [], 1)
            #expect(answer9.status == 200)
        }
    }

    @Test func `every example is a configuration without errors`() throws {
        for page in ["rate-limits.md", "access.md", "authentication.md", "traffic.md"] {
            for example in try Self.examples(page) {
                let sources = try YAMLDocuments.parse(SampleDocuments.shop + "\n---\n" + example, file: page)
                let translation = Translation(
                    of: Documents(reading: sources), settings: TranslationSettings(knownServices: ["default/shop"]))
                #expect(translation.errors.map(\.description) == [])
            }
        }
    }
}
