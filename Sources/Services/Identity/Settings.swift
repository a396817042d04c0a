public import ServiceKit

/// The settings that only identity has.
public struct IdentitySettings: SettingsGroup {
    public static var all: [any AnySetting] { [] }

    public init(_ values: SettingsValues) {}
}
