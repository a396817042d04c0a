import ArgumentParser
import Control

@main
struct GatehouseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gatehouse",
        abstract: "An API gateway that is configured by Kubernetes Gateway API documents.",
        version: GatewayProcess.version,
        subcommands: [RunCommand.self, CheckCommand.self, RoutesCommand.self, VersionCommand.self])
}
