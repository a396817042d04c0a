import ArgumentParser
import Control
import Routing

struct RoutesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "routes",
        abstract: "Print the routes that documents come to, in order of precedence.",
        discussion: """
            Of the routes that hold for a request the first serves it. With --json, backends show what their policies \
            change of the defaults, and whether they are reached by TLS.

            EXAMPLES:
              gatehouse routes k8s/base/gateway
              gatehouse routes k8s/base/gateway --json | jq '.routes[] | select(.authentication == "none")'
            """)

    @Argument(help: "Files and folders of documents.")
    var files: [String]

    @Flag(help: "As JSON, with listeners, backends and token providers.")
    var json = false

    func run() async throws { try output().deliver() }

    func output() throws -> CommandOutput {
        let files = ConfigurationFiles(reading: files)
        let translation = Configuration(files: files).translate(missingReference: .warning)
        let errors = files.diagnostics + translation.errors
        var output = CommandOutput()
        if !errors.isEmpty { output = CommandOutput(complaint: Report.text(errors), exitCode: 1) }
        // What is wrong with one document does not keep the others from serving.
        if let table = translation.table, files.diagnostics.isEmpty {
            let summary = RouteTableSummary(of: table)
            output.text = (json ? try JSONText.pretty(summary) : Self.columns(summary.routes)) + "\n"
        }
        return output
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
