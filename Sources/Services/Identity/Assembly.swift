public import Postgres
public import ServiceKit

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
            ]
        }
    }

    private let platform: Platform

    public init(platform: Platform, settings: IdentitySettings) { self.platform = platform }

    public var endpoints: [Endpoint] { [] }

    /// There is nothing to demonstrate without a password: `admin create` makes the first account.
    public func seed() async throws {}
}
