/// All settings of one service: those of the platform and its own.
public struct ServiceSettings<Program: GatehouseService>: Sendable {
    public var platform: PlatformSettings
    public var own: Program.Settings

    /// Reads the settings.
    ///
    /// - Parameters:
    ///   - environment: Wins over the file.
    ///   - file: A YAML file, or nil.
    /// - Throws: ``SettingsError`` with everything that is wrong.
    public init(environment: [String: String], file: String? = nil) throws(SettingsError) {
        let keys = PlatformSettings.Keys(Program.identity)
        let reader = try SettingsReader(keys.all + Program.Settings.all, environment: environment, file: file)
        let values = try reader.read()
        platform = PlatformSettings(values, keys: keys, identity: Program.identity)
        own = Program.Settings(values)
    }

    /// All settings, a line each.
    public static var help: String {
        let settings = PlatformSettings.Keys(Program.identity).all + Program.Settings.all
        return settings.map(\.help).joined(separator: "\n")
    }
}
