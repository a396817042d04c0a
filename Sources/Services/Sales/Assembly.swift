public import Postgres
public import ServiceKit

/// The service that takes orders.
public struct SalesService: GatehouseService {
    public static let identity = ServiceIdentity(
        name: "sales", title: "Sales", summary: "Orders, and what was sold.", version: "1.0.0",
        httpPort: 8083, managementPort: 9083)

    public static var migrations: [Migration] {
        get throws(MigrationError) {
            [try .fromEmbedded("v0001_create_orders", PackageResources.v0001_create_orders_sql)]
        }
    }

    private let store = Store()
    private let platform: Platform
    private let settings: SalesSettings
    private let warehouse: WarehouseClient

    public init(platform: Platform, settings: SalesSettings) {
        self.platform = platform
        self.settings = settings
        warehouse = WarehouseClient(url: settings.warehouseURL)
    }

    public var endpoints: [Endpoint] {
        Routes(
            store: store, platform: platform, warehouse: warehouse, warehouseTimeout: settings.warehouseTimeout
        ).endpoints
    }

    /// Two orders of four lines, for customers 1 and 2; a customer who has an order gets no other.
    public func seed() async throws {
        let orders = try Demonstration.orders
        try await platform.database.withTransaction { transaction in
            try await store.placeMissing(orders, in: transaction)
        }
    }
}
