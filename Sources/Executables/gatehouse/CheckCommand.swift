import ArgumentParser
import Control
import Routing

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check documents without serving: every error at once, with file, line and field.",
        discussion: """
            Read are GatewayClass, Gateway, HTTPRoute and BackendTLSPolicy (gateway.networking.k8s.io), \
            AuthenticationPolicy and TrafficPolicy (gatehouse.dev), Service, Secret and ConfigMap. Certificates, keys, \
            authorities and key sets are tried as well. Objects that are named but not among the documents (a Secret \
            that lives elsewhere, for example) are warnings, and so is a certificate that has expired or soon will. \
            The exit code is 1 when there is an error.
            """)

    @Argument(help: "Files and folders of documents.")
    var files: [String]

    func run() async throws {
        let diagnostics = await Configuration(files: ConfigurationFiles(reading: files)).check()
        Report.print(diagnostics)
        if diagnostics.contains(where: { $0.severity == .error }) { throw ExitCode.failure }
    }
}
