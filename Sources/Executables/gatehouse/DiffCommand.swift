import ArgumentParser
import Control
import Routing

struct DiffCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Say what changes for clients from one configuration to another.",
        discussion: """
            Compared is what the documents come to, not how they are written: listeners, matches and what becomes of \
            their requests, backends with their policies, token providers, limits. Names of routes and rules, comments \
            and the order of documents are no difference. Each route comes with a request that shows the change.

            The exit code is 0 when nothing changes, 1 when something does, 2 when one of the two has an error.

            EXAMPLES:
              gatehouse diff deployed/ k8s/base/gateway
              git worktree add /tmp/main main && gatehouse diff /tmp/main/k8s/base/gateway k8s/base/gateway
            """)

    @Argument(help: "A file or a folder of documents: what was.")
    var old: String

    @Argument(help: "A file or a folder of documents: what is to be.")
    var new: String

    @Option(help: "text or json.")
    var format = OutputFormat.text

    func run() async throws { try await output().deliver() }

    func output() async throws -> CommandOutput {
        var translations: [Translation] = []
        for path in [old, new] {
            let files = ConfigurationFiles(reading: [path])
            let translation = Configuration(files: files).translate(missingReference: .warning)
            let errors = files.diagnostics + translation.errors
            guard errors.isEmpty else { return CommandOutput(complaint: Report.text(errors), exitCode: 2) }
            translations.append(translation)
        }
        let difference = ConfigurationDifference(from: translations[0], to: translations[1])
        var output = CommandOutput(exitCode: difference.changes.isEmpty ? 0 : 1)
        switch format {
        case .text: output.text = difference.changes.isEmpty ? "" : difference.text + "\n"
        case .json: output.text = try JSONText.pretty(difference) + "\n"
        }
        return output
    }
}
