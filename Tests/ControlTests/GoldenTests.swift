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
        var status: [Status]?
        var table: RouteTableSummary?
    }

    /// An object's status, a line for each condition.
    private struct Status: Codable {
        var object: String
        var conditions: [String]

        init(_ status: ObjectStatus) {
            object = "\(status.kind) \(status.name)"
            conditions = (status.conditions ?? []).map { Self.line("", $0) }
            for listener in status.listeners ?? [] {
                let kinds = listener.supportedKinds.joined(separator: " ")
                conditions.append("listener \(listener.name): \(listener.attachedRoutes) attached of \(kinds)")
                conditions += listener.conditions.map { Self.line("listener \(listener.name): ", $0) }
            }
            for relation in (status.parents ?? []) + (status.ancestors ?? []) {
                let section = relation.to.sectionName.map { " \($0)" } ?? ""
                let to = "\(relation.to.kind) \(relation.to.name)\(section): "
                conditions += relation.conditions.map { Self.line(to, $0) }
            }
        }

        private static func line(_ to: String, _ condition: Condition) -> String {
            let message = condition.message.isEmpty ? "" : ": \(condition.message)"
            return "\(to)\(condition.type) \(condition.status.rawValue) \(condition.reason)\(message)"
        }
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
            diagnostics: diagnostics.isEmpty ? nil : diagnostics,
            status: translation.status.isEmpty ? nil : translation.status.map { Status($0) },
            table: translation.table.map { .init(of: $0) })
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
