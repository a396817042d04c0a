public import Postgres
public import ServiceKit

/// The service that knows what is in stock.
public struct WarehouseService: GatehouseService {
    public static let identity = ServiceIdentity(
        name: "warehouse", title: "Warehouse", summary: "Items in stock that can be sold.", version: "1.0.0",
        httpPort: 8081, managementPort: 9081)

    public static var migrations: [Migration] {
        get throws(MigrationError) {
            [try .fromEmbedded("v0001_create_items", PackageResources.v0001_create_items_sql)]
        }
    }

    private let store = Store()
    private let platform: Platform

    public init(platform: Platform, settings: NoSettings) { self.platform = platform }

    public var endpoints: [Endpoint] { Routes(store: store, platform: platform).endpoints }

    /// Three items at 100.00, 50.00 and 70.00, of which 10, 5 and 7 are in stock; those that exist stay as they are.
    public func seed() async throws {
        for item in Demonstration.items { try await store.createIfMissing(item, in: platform.database) }
    }
}
