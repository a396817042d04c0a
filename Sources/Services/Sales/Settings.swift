public import ServiceKit

/// The settings that only sales has.
public struct SalesSettings: SettingsGroup {
    private static let url = Setting(
        "warehouse.url", .httpURL, "Where the warehouse is.", default: "http://127.0.0.1:8081")
    private static let timeout = Setting(
        "warehouse.timeout", .duration(.milliseconds(50)...(.milliseconds(1900))),
        "How long a list of sold items may wait for its database and the warehouse; callers are promised 503 within 2s.",
        default: "1s")

    public static var all: [any AnySetting] { [url, timeout] }

    public var warehouseURL: String
    public var warehouseTimeout: Duration

    public init(_ values: SettingsValues) {
        warehouseURL = values[Self.url]
        warehouseTimeout = values[Self.timeout]
    }
}
