public import Postgres
public import ServiceKit

/// The service that records what orders cost.
public struct AccountingService: GatehouseService {
    public static let identity = ServiceIdentity(
        name: "accounting", title: "Accounting", summary: "Transactions: what is due for orders.", version: "1.0.0",
        httpPort: 8082, managementPort: 9082)

    public static var migrations: [Migration] {
        get throws(MigrationError) {
            [try .fromEmbedded("v0001_create_transactions", PackageResources.v0001_create_transactions_sql)]
        }
    }

    private let store = Store()
    private let platform: Platform

    public init(platform: Platform, settings: NoSettings) { self.platform = platform }

    public var endpoints: [Endpoint] { Routes(store: store, platform: platform).endpoints }

    /// Two transactions, for the two orders of the sales demonstration; what was recorded before is not repeated.
    public func seed() async throws {
        try await platform.database.withTransaction { transaction in
            try await store.recordMissing(Demonstration.transactions, in: transaction)
        }
    }
}
