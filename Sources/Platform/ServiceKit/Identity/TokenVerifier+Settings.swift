import Logging

extension TokenVerifier {
    /// The verifier that the settings ask for; nil when they name no keys.
    ///
    /// - Throws: ``SettingsError`` when they name two sources, or a file that is no usable key set.
    convenience init?(_ settings: PlatformSettings, logger: Logger) async throws(SettingsError) {
        switch (settings.tokenKeySetFile, settings.tokenKeySetURI) {
        case (nil, nil): return nil
        case (let file?, nil):
            try await self.init(keySetFile: file, requirements: settings.tokens, logger: logger)
        case (nil, let uri?):
            self.init(keySetURI: uri, requirements: settings.tokens, logger: logger)
        case (_?, _?):
            throw SettingsError(["TOKEN_KEY_SET_FILE and TOKEN_KEY_SET_URI exclude each other: give one of them"])
        }
    }
}
