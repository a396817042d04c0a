public import ArgumentParser
public import Logging
public import Postgres
public import ServiceLifecycle
public import Telemetry

/// A service as ServiceKit runs it: what it is called, its schema, its endpoints. Its assembly conforms to this.
public protocol GatehouseService: Sendable {
    associatedtype Settings: SettingsGroup = NoSettings

    static var identity: ServiceIdentity { get }

    /// In their order, without ``IdempotencyKeys/migration``, which comes first in every service.
    static var migrations: [Migration] { get throws(MigrationError) }

    /// Puts the service together; no I/O happens here.
    init(platform: Platform, settings: Settings)

    var endpoints: [Endpoint] { get }

    /// The keys of a service that issues access tokens itself; nil for all others, which are told where the keys are.
    var tokenKeys: TokenKeys? { get }

    /// What runs beside the server, for example an HTTP client to be shut down. Ends when the service stops.
    var backgroundServices: [any ServiceLifecycle.Service] { get }

    /// Subcommands of its program beyond those that every service has; each begins with a ``Boot``.
    static var commands: [any AsyncParsableCommand.Type] { get }

    /// Reads what the service needs besides its settings, such as key files, before anything listens.
    ///
    /// - Throws: ``SettingsError`` when it cannot be used: the program ends with status 78.
    func prepare() async throws

    /// Stores demonstration data; a second run changes nothing. The database is migrated.
    func seed() async throws
}

extension GatehouseService {
    public var tokenKeys: TokenKeys? { nil }

    public var backgroundServices: [any ServiceLifecycle.Service] { [] }
    public static var commands: [any AsyncParsableCommand.Type] { [] }
    public func prepare() async throws {}
}

/// What a service is called and where it listens unless told otherwise.
public struct ServiceIdentity: Sendable {
    /// Lower case: the first segment of its paths, its database and role, the prefix of its scopes.
    public let name: String
    public let title: String
    public let summary: String
    /// Of its contract, as in the OpenAPI document.
    public let version: String
    public let httpPort: Int
    public let managementPort: Int

    public init(name: String, title: String, summary: String, version: String, httpPort: Int, managementPort: Int) {
        self.name = name
        self.title = title
        self.summary = summary
        self.version = version
        self.httpPort = httpPort
        self.managementPort = managementPort
    }
}

/// What ServiceKit gives a service to stand on.
public struct Platform: Sendable {
    public let database: PostgresPool
    public let idempotencyKeys: IdempotencyKeys
    public let metrics: MetricsRegistry
    public let logger: Logger
    /// What the tokens of callers must say.
    public let tokens: TokenRequirements

    public init(
        database: PostgresPool, metrics: MetricsRegistry, logger: Logger,
        tokens: TokenRequirements = TokenRequirements()
    ) {
        self.database = database
        self.metrics = metrics
        self.logger = logger
        self.tokens = tokens
        idempotencyKeys = IdempotencyKeys(database: database)
    }

    /// Does the work of a call that creates something; with an `Idempotency-Key`, once per key.
    ///
    /// - Parameters:
    ///   - transaction: ``TransactionUse/always`` when the work is more than one statement.
    ///   - work: Writes through the given database only. What it throws undoes everything.
    public func answerOnce(
        _ call: Call, transaction: TransactionUse = .whenKeyed,
        _ work: @Sendable (any PostgresQuerying) async throws -> Reply
    ) async throws -> Reply {
        try await idempotencyKeys.answerOnce(call, transaction: transaction, work)
    }
}
