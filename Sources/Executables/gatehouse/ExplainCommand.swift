import ArgumentParser
import Control
import Foundation

struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say what becomes of a request, and why: listener, route, rule, policies, backend.",
        discussion: """
            For every route that does not serve the request it says the first condition that does not hold. The answer \
            comes from the engine that serves.

            Without FILES the gateway that runs on this machine is asked, by its admin interface (--admin); if none \
            answers, the documents in k8s/base/gateway are read, if there are any.

            EXAMPLES:
              gatehouse explain 'GET https://localhost:8443/sales/sold_items'
              gatehouse explain 'POST https://localhost:8443/warehouse/items' --token "$(scripts/token)"
              gatehouse explain https://shop.example.com/ -H 'accept-language: cs' k8s/base/gateway
            """)

    @Argument(help: ArgumentHelp("The request; a URL alone is a GET.", valueName: "METHOD URL"))
    var request: String

    @Argument(help: "Files and folders of documents.")
    var files: [String] = []

    @Option(
        name: [.customShort("H"), .long],
        help: ArgumentHelp("A header of the request. May be given several times.", valueName: "name: value"))
    var header: [String] = []

    @Option(
        help: ArgumentHelp(
            "Where the request comes from, for AccessPolicies and rate limits.", valueName: "address"))
    var clientAddress: String?

    @Option(help: ArgumentHelp("The caller's token: an Authorization header with Bearer.", valueName: "JWT"))
    var token: String?

    @Option(
        help: ArgumentHelp("Where a Service lives, as for run. With FILES only.", valueName: "name=host:port,…"))
    var backend: [BackendAddress] = []

    @Option(
        help: ArgumentHelp(
            "Where a listener is bound, as for run. With FILES only.", valueName: "listener=address:port"))
    var listen: [ListenAddress] = []

    @Option(help: ArgumentHelp("The admin interface of the gateway that is asked.", valueName: "address:port"))
    var admin = HostPort(host: "127.0.0.1", port: 9901)

    @Option(help: "text or json.")
    var format = OutputFormat.text

    static let usualFolder = "k8s/base/gateway"

    func run() async throws { try await output().deliver() }

    func output() async -> CommandOutput {
        do {
            let asked = try ExplainedRequest(
                request, fields: header, token: token, clientAddress: clientAddress)
            if !files.isEmpty { return try await explain(asked, files) }
            do {
                return try delivered(try await AdminClient(address: admin).explain(asked))
            } catch let problem as AdminClient.NoAnswer {
                guard FileManager.default.fileExists(atPath: Self.usualFolder) else { throw problem }
                var output = try await explain(asked, [Self.usualFolder])
                output.complaint = "no gateway answers at \(admin); from \(Self.usualFolder):\n" + output.complaint
                return output
            }
        } catch {
            return CommandOutput(complaint: "\(error)\n", exitCode: 1)
        }
    }

    private func explain(_ asked: ExplainedRequest, _ files: [String]) async throws -> CommandOutput {
        let read = ConfigurationFiles(reading: files)
        let made = await Configuration(files: read, backends: backend, listen: listen).explainer()
        guard let explainer = made.explainer, read.diagnostics.isEmpty else {
            return CommandOutput(complaint: Report.text(read.diagnostics + made.errors), exitCode: 1)
        }
        var output = try delivered(try await explainer.explain(asked))
        // What is wrong with one document may be why another serves.
        if !made.errors.isEmpty { output.complaint = Report.text(made.errors) }
        return output
    }

    private func delivered(_ report: ExplanationReport) throws -> CommandOutput {
        CommandOutput(text: (format == .json ? try JSONText.pretty(report) : report.text) + "\n")
    }
}
