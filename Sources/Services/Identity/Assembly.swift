public import ArgumentParser
public import Postgres
public import ServiceKit
public import ServiceLifecycle

/// The service that knows who may do what, and issues the tokens that say so.
public struct IdentityService: GatehouseService {
    public static let identity = ServiceIdentity(
        name: "identity", title: "Identity", summary: "Accounts, and the access tokens that they sign in for.",
        version: "1.0.0", httpPort: 8084, managementPort: 9084)

    public static var migrations: [Migration] {
        get throws(MigrationError) {
            [
                try .fromEmbedded("v0001_create_accounts", PackageResources.v0001_create_accounts_sql),
                try .fromEmbedded("v0002_create_clients", PackageResources.v0002_create_clients_sql),
                try .fromEmbedded("v0003_create_keys_and_feeds", PackageResources.v0003_create_keys_and_feeds_sql),
                try .fromEmbedded("v0004_index_what_is_cleaned", PackageResources.v0004_index_what_is_cleaned_sql),
            ]
        }
    }

    public static var commands: [any AsyncParsableCommand.Type] {
        [AdminCommand.self, AccountsCommand.self, KeysCommand.self, PasswordsCommand.self]
    }

    let resources: Resources

    public init(platform: Platform, settings: IdentitySettings) {
        resources = Resources(platform: platform, settings: settings)
    }

    public var endpoints: [Endpoint] { Routes(resources: resources).endpoints }

    /// Its own tokens are checked with its own keys.
    public var tokenKeys: TokenKeys? { resources.tokenKeys }

    public var backgroundServices: [any ServiceLifecycle.Service] {
        var senders: [any MessageSender] = []
        if resources.settings.messageLog == .on { senders.append(LogSender(logger: resources.logger)) }
        if let path = resources.settings.messagesFilePath { senders.append(FileSender(path: path)) }
        return [
            KeyReading(resources: resources), MessageDispatch(resources: resources, senders: senders),
            Cleaning(resources: resources),
        ]
    }

    /// Reads the key files.
    public func prepare() async throws { try resources.keys.prepare() }

    /// There is nothing to demonstrate without a password: `accounts create` makes the first account.
    public func seed() async throws {}
}
