import ArgumentParser
import Control
import Foundation
import Routing

struct RoutesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "routes",
        abstract: "Print the routes that documents come to, in order of precedence.",
        discussion: """
            Of the routes that hold for a request the first serves it. With --json, backends show what their policies \
            change of the defaults, and whether they are reached by TLS.
            """)

    @Argument(help: "Files and folders of documents.")
    var files: [String]

    @Flag(help: "As JSON, with listeners, backends and token providers.")
    var json = false

    func run() async throws {
        let files = ConfigurationFiles(reading: files)
        let translation = Configuration(files: files).translate(missingReference: .warning)
        let problems = files.diagnostics + translation.errors
        guard let table = translation.table, files.diagnostics.isEmpty else {
            Report.print(problems)
            throw ExitCode.failure
        }
        let summary = RouteTableSummary(of: table)
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(summary), as: UTF8.self))
        } else {
            print(Self.columns(summary.routes))
        }
    }

    private static func columns(_ routes: [RouteTableSummary.Route]) -> String {
        let head = ["LISTENER", "HOST", "METHOD", "PATH", "HEADERS", "ROUTE", "RULE", "TO", "AUTHENTICATION"]
        let rows = routes.map { route in
            [
                route.listener, route.hostname, route.method ?? "*", route.path,
                (route.headers ?? []).joined(separator: ", "), route.route, route.rule,
                route.redirect ?? (route.backends ?? []).joined(separator: ", "),
                ([route.authentication] + (route.requiredScopes ?? [])).joined(separator: " "),
            ]
        }
        let all = [head] + rows
        let widths = head.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return
            all
            .map { row in
                let cells = row.enumerated().map { column, text in
                    text + String(repeating: " ", count: widths[column] - text.count)
                }
                return cells.joined(separator: "  ").replacing(/\ +$/, with: "")
            }
            .joined(separator: "\n")
    }
}
