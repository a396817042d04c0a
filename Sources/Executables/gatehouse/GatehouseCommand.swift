import ArgumentParser
import Control

@main
struct GatehouseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gatehouse",
        abstract: "An API gateway that is configured by Kubernetes Gateway API documents.",
        discussion: """
            EXAMPLES:
              gatehouse check k8s/base
              gatehouse explain 'GET https://localhost:8443/sales/sold_items'
              gatehouse run --config k8s/base/gateway --backend warehouse=127.0.0.1:8081

            Completions for the shell: gatehouse --generate-completion-script bash|zsh|fish
            """,
        version: GatewayProcess.version,
        subcommands: [
            RunCommand.self, CheckCommand.self, ExplainCommand.self, RoutesCommand.self, DiffCommand.self,
            APIKeyCommand.self,
            VersionCommand.self,
        ])
}
