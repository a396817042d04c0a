import Sales
import ServiceKit
import Testing

struct `Sales' settings` {
    @Test func `have defaults`() throws {
        let settings = try ServiceSettings<SalesService>(environment: [:])
        #expect(settings.own.warehouseURL == "http://127.0.0.1:8081")
        #expect(settings.own.warehouseTimeout == .seconds(1))
        #expect(settings.platform.httpPort == 8083)
    }

    @Test(arguments: [
        ["WAREHOUSE_TIMEOUT": "2s"], ["WAREHOUSE_TIMEOUT": "0"], ["WAREHOUSE_URL": "warehouse:8081"],
        ["WAREHOUSE_URL": "http://warehouse/items"],
    ])
    func `refuse what would break the promise of two seconds, and what is no address`(
        environment: [String: String]
    ) throws {
        let error = #expect(throws: SettingsError.self) {
            try ServiceSettings<SalesService>(environment: environment)
        }
        #expect(error?.messages.first?.hasPrefix(environment.keys.first ?? "") == true)
    }
}
