import ArgumentParser
import Control
import Routing

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check documents without serving: every error at once, with file, line and field.",
        discussion: """
            Certificates, keys, authorities and key sets are tried as well. Objects that are named but not among the \
            documents (a Secret that lives elsewhere, for example) are warnings, and so is a certificate that has \
            expired or soon will, and what the lint finds: routes that no request reaches, routes between which only \
            their names decide, and routes that reach a backend without an AuthenticationPolicy, each with a request \
            that shows it.

            The exit code is 1 when there is an error, with --strict also when there is a warning.

            EXAMPLES:
              gatehouse check k8s/base
              gatehouse check k8s/base/gateway --strict
              gatehouse check k8s/base --format json | jq '.findings[].message'
            """)

    @Argument(help: "Files and folders of documents.")
    var files: [String]

    @Option(help: "text, or json: one object with errors, warnings and findings.")
    var format = OutputFormat.text

    @Flag(help: "Warnings fail the check, too.")
    var strict = false

    @Flag(help: "What becomes of each document as well, by Gateway API's conditions and reasons.")
    var status = false

    @Option(help: "The namespace of documents that name none, as of gatehouse run.")
    var namespace = "default"

    func validate() throws {
        if namespace.isEmpty { throw ValidationError("--namespace must not be empty") }
    }

    func run() async throws { try await output().deliver() }

    func output() async -> CommandOutput {
        let configuration = Configuration(files: ConfigurationFiles(reading: files, namespace: namespace))
        let diagnostics = await configuration.check()
        let objects = status ? await configuration.status() : nil
        let report = DiagnosticReport(diagnostics, status: objects)
        let isBad = report.errors > 0 || (strict && report.warnings > 0)
        var output = CommandOutput(exitCode: isBad ? 1 : 0)
        switch format {
        case .text:
            output.text = objects.map { StatusText.lines($0) + "\n" } ?? ""
            output.complaint = Report.text(diagnostics)
        // Encoding strings and numbers does not fail.
        case .json: output.text = ((try? JSONText.pretty(report)) ?? "") + "\n"
        }
        return output
    }
}
