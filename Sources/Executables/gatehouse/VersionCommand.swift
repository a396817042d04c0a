import ArgumentParser
import Control

struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    func run() {
        print("gatehouse \(GatewayProcess.version)")
    }
}
