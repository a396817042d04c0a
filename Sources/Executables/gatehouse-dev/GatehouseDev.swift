import ArgumentParser

/// What a developer's machine needs of an identity service until there is one: a token key and tokens signed with it.
@main
struct GatehouseDev: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gatehouse-dev",
        abstract: "Makes token keys and tokens for a local Gatehouse.",
        discussion: "For development only: in production an identity provider signs tokens and publishes its key set.",
        subcommands: [KeysCommand.self, TokenCommand.self])
}

/// Why a command could not do its work; printed after `Error:`, with exit status 1.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
