public import Logging
public import Postgres

/// The settings that every service has.
public struct PlatformSettings: Sendable {
    public var httpAddress: String
    public var httpPort: Int
    public var managementAddress: String
    public var managementPort: Int
    public var bodyLimitBytes: Int
    public var database: PostgresConfiguration
    /// Where the keys are that sign access tokens: one of the two; none is an error only for `serve`, and not for a
    /// service that issues tokens itself.
    public var tokenKeySetFile: String?
    public var tokenKeySetURI: String?
    public var tokens: TokenRequirements
    public var logLevel: Logger.Level
    public var shutdownTimeout: Duration
}

extension PlatformSettings {
    /// The settings with the defaults of one service.
    struct Keys: Sendable {
        let httpAddress = Setting("http.address", .text, "Where requests are accepted.", default: "127.0.0.1")
        let httpPort: Setting<Int>
        let bodyLimit = Setting(
            "http.bodyLimit", .integer(1_024...1_073_741_824), "The longest request body in bytes.", default: "1048576")
        let managementAddress = Setting(
            "management.address", .text, "Where /healthz, /readyz and /metrics are served.", default: "127.0.0.1")
        let managementPort: Setting<Int>
        let host = Setting(
            "postgres.host", .text, "The database server, or the directory of its unix socket.", default: "127.0.0.1")
        let port = Setting("postgres.port", .integer(1...65_535), "The port of the database server.", default: "5432")
        let database: Setting<String>
        let user: Setting<String>
        let password = Setting.optional("postgres.password", .text, "The password of the role.", isSecret: true)
        let sslMode = Setting<PostgresConfiguration.SSLMode>(
            "postgres.sslmode", .choice, "Whether the connection to the database is encrypted, as in libpq.",
            default: "prefer")
        let sslRootCertificate = Setting.optional(
            "postgres.sslrootcert", .path, "The certificate authority of the database server, as PEM.")
        let poolSize = Setting(
            "postgres.poolSize", .integer(1...1_000), "How many connections are open at most.", default: "10")
        let acquireTimeout = Setting(
            "postgres.acquireTimeout", .duration(.milliseconds(10)...(.seconds(60))),
            "How long a request waits for a connection.", default: "2s")
        let statementTimeout = Setting(
            "postgres.statementTimeout", .duration(.milliseconds(10)...(.seconds(3_600))),
            "How long a statement may take.", default: "30s")
        let keySetFile = Setting.optional(
            "token.keySetFile", .path,
            "The JSON Web Key set whose keys sign access tokens, as a file; serve needs it or the next.")
        let keySetURI = Setting.optional(
            "token.keySetUri", .httpResource,
            "The same at its issuer, for example http://identity:8084/identity/.well-known/jwks.json.")
        let issuer = Setting(
            "token.issuer", .text, "The issuer (iss) of access tokens.", default: "https://identity.gatehouse.local")
        let audience = Setting("token.audience", .text, "The audience (aud) of access tokens.", default: "gatehouse")
        let logLevel = Setting<Logger.Level>("log.level", .choice, "The least important log line.", default: "info")
        let shutdownTimeout = Setting(
            "shutdown.timeout", .duration(.seconds(1)...(.seconds(300))),
            "How long requests in flight may take after a signal to stop.", default: "20s")

        init(_ identity: ServiceIdentity) {
            httpPort = Setting("http.port", .port, "The port for requests.", default: String(identity.httpPort))
            managementPort = Setting(
                "management.port", .port, "The port for management.", default: String(identity.managementPort))
            database = Setting("postgres.database", .text, "The database.", default: identity.name)
            user = Setting("postgres.user", .text, "The role.", default: identity.name)
        }

        var all: [any AnySetting] {
            [
                httpAddress, httpPort, bodyLimit, managementAddress, managementPort, host, port, database, user,
                password, sslMode, sslRootCertificate, poolSize, acquireTimeout, statementTimeout, keySetFile,
                keySetURI,
                issuer, audience, logLevel, shutdownTimeout,
            ]
        }
    }

    init(_ values: SettingsValues, keys: Keys, identity: ServiceIdentity) {
        httpAddress = values[keys.httpAddress]
        httpPort = values[keys.httpPort]
        managementAddress = values[keys.managementAddress]
        managementPort = values[keys.managementPort]
        bodyLimitBytes = values[keys.bodyLimit]
        database = PostgresConfiguration(
            host: values[keys.host], port: values[keys.port], database: values[keys.database],
            user: values[keys.user], password: values[keys.password])
        database.sslMode = values[keys.sslMode]
        database.sslRootCertificate = values[keys.sslRootCertificate]
        database.poolSize = values[keys.poolSize]
        database.acquireTimeout = values[keys.acquireTimeout]
        database.statementTimeout = values[keys.statementTimeout]
        database.applicationName = identity.name
        tokenKeySetFile = values[keys.keySetFile]
        tokenKeySetURI = values[keys.keySetURI]
        tokens = TokenRequirements(issuer: values[keys.issuer], audience: values[keys.audience])
        logLevel = values[keys.logLevel]
        shutdownTimeout = values[keys.shutdownTimeout]
    }
}
