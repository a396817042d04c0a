import Foundation
import Routing
import Testing
import Yams

@testable import Control

/// Documents and what they come to: `Translation/<case>.in.yaml` and `<case>.out.yaml`.
///
/// With `UPDATE_GOLDEN=1` in the environment the second of each pair is written anew; read the difference before it is
/// kept.
@Suite struct GoldenTests {
    /// What a translation came to, as the `.out.yaml` files hold it.
    private struct Outcome: Codable {
        var diagnostics: [String]?
        var table: RouteTableSummary?
    }

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Translation")

    static var cases: [String] {
        get throws {
            try FileManager.default.contentsOfDirectory(atPath: folder.path)
                .filter { $0.hasSuffix(".in.yaml") }
                .map { String($0.dropLast(".in.yaml".count)) }
                .sorted()
        }
    }

    @Test(arguments: try cases)
    func `documents come to the expected table and diagnostics`(name: String) throws {
        let input = try String(contentsOf: Self.folder.appendingPathComponent("\(name).in.yaml"), encoding: .utf8)
        let sources = try YAMLDocuments.parse(input, file: "\(name).in.yaml")
        let translation = Translation(of: Documents(reading: sources))
        let diagnostics = translation.diagnostics.map(\.description)
        let outcome = Outcome(
            diagnostics: diagnostics.isEmpty ? nil : diagnostics, table: translation.table.map { .init(of: $0) })
        let encoder = YAMLEncoder()
        encoder.options.width = -1
        encoder.options.allowUnicode = true
        let text = try encoder.encode(outcome)
        let expected = Self.folder.appendingPathComponent("\(name).out.yaml")
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
            try text.write(to: expected, atomically: true, encoding: .utf8)
        }
        #expect(try text == String(contentsOf: expected, encoding: .utf8))
    }

    @Test func `every pair is complete`() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
        #expect(files.count == 2 * (try Self.cases.count))
    }
}
