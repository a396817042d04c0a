import Foundation
public import HTTPTypes
import HummingbirdTesting
import Logging
import NIOCore
public import Postgres
public import ServiceKit
import ServiceLifecycle
import Telemetry
public import TestSupport

/// A service on a real socket with a real, fresh database.
public struct RunningService<Program: GatehouseService>: Sendable {
    public let service: Program
    public let port: Int
    public let managementPort: Int
    public let readiness: Readiness
    /// The pool that the service uses.
    public let database: PostgresPool
    public let configuration: PostgresConfiguration
    public let issuer: TokenIssuer
    /// Where the key set lies; a test may write another one.
    public let keySetFile: String

    /// A token of this service's issuer.
    public func token(subject: String = "tester", scopes: String) async throws -> String {
        try await issuer.token(subject: subject, scopes: scopes)
    }

    /// Sends a request on a connection of its own.
    ///
    /// - Parameters:
    ///   - json: The body's text, sent as `application/json` unless `headers` say otherwise.
    public func send(
        _ method: HTTPRequest.Method, _ path: String, token: String? = nil, headers: [String: String] = [:],
        json: String? = nil
    ) async throws -> TestAnswer {
        try await send(method, path, token: token, headers: headers, bytes: json.map { Array($0.utf8) })
    }

    /// Sends a request whose body need not be text.
    public func send(
        _ method: HTTPRequest.Method, _ path: String, token: String? = nil, headers: [String: String] = [:],
        bytes: [UInt8]?
    ) async throws -> TestAnswer {
        var fields: HTTPFields = [:]
        if let token { fields[.authorization] = "Bearer \(token)" }
        if bytes != nil { fields[.contentType] = "application/json" }
        for (name, value) in headers {
            if let name = HTTPField.Name(name) { fields[name] = value }
        }
        return try await Self.exchange(port, method, path, fields, bytes)
    }

    /// Sends a GET to the management port.
    public func manage(_ path: String) async throws -> TestAnswer {
        try await Self.exchange(managementPort, .get, path, [:], nil)
    }

    private static func exchange(
        _ port: Int, _ method: HTTPRequest.Method, _ path: String, _ fields: HTTPFields, _ bytes: [UInt8]?
    ) async throws -> TestAnswer {
        try await TestClient.withClient(host: "127.0.0.1", port: port) { client in
            let response = try await client.execute(
                TestClient.Request(
                    path, method: method, authority: "localhost", headers: fields,
                    body: bytes.map { ByteBuffer(bytes: $0) }))
            return TestAnswer(
                status: response.status.code, headers: response.headers,
                content: response.body.map { Array($0.readableBytesView) } ?? [])
        }
    }
}

/// Runs a service for the time of a test: fresh database, migrated, token issuer, both ports on 127.0.0.1.
///
/// - Parameters:
///   - server: The database server; the one of the test process by default.
///   - issuer: Whose tokens the service accepts; one of its own by default.
///   - environment: Settings as a deployment would give them; the database's are added.
///   - adjust: Last changes to the settings.
public func withService<Program: GatehouseService, Result: Sendable>(
    _ type: Program.Type, server: PostgresServer? = nil, issuer: TokenIssuer? = nil,
    environment: [String: String] = [:],
    adjust: (inout ServiceSettings<Program>) -> Void = { _ in },
    _ test: @escaping @Sendable (RunningService<Program>) async throws -> Result
) async throws -> Result {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    var settings = try ServiceSettings<Program>(environment: environment)
    let server = if let server { server } else { try await PostgresServer.shared() }
    let database = try await server.makeDatabase()
    settings.platform.database = database
    settings.platform.httpPort = 0
    settings.platform.managementPort = 0
    adjust(&settings)
    let issuer = if let issuer { issuer } else { try await TokenIssuer() }
    let keySetFile = try write(TokenIssuer.keySet([issuer]))
    defer { try? FileManager.default.removeItem(atPath: keySetFile) }
    _ = try await Migrator(
        configuration: database, migrations: try Program.allMigrations, logger: logger
    ).migrate()

    let configuration = settings.platform.database
    let pool = PostgresPool(configuration: configuration, logger: logger)
    let readiness = Readiness(.ready)
    let application = ServiceApplication<Program>(
        settings: settings,
        verifier: try await TokenVerifier(
            keySetFile: keySetFile, requirements: settings.platform.tokens, logger: logger),
        platform: Platform(
            database: pool, metrics: MetricsRegistry(), logger: logger, tokens: settings.platform.tokens),
        readiness: readiness)
    do {
        try await application.service.prepare()
        let result = try await withBackground(application.service.backgroundServices) {
            try await application.server.test(.live) { client in
                try await application.managementServer.test(.live) { management in
                    try await test(
                        RunningService(
                            service: application.service, port: client.port ?? 0,
                            managementPort: management.port ?? 0, readiness: readiness, database: pool,
                            configuration: configuration, issuer: issuer, keySetFile: keySetFile))
                }
            }
        }
        await pool.close()
        return result
    } catch {
        await pool.close()
        throw error
    }
}

/// Runs what a service runs beside its server, for the time of the body.
private func withBackground<Result: Sendable>(
    _ services: [any ServiceLifecycle.Service], _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for service in services { group.addTask { try await service.run() } }
        let result = try await body()
        group.cancelAll()
        while let ended = await group.nextResult() {
            // Cancelled is how they are meant to end here; whatever else they end with is the test's failure.
            if case .failure(let error) = ended, !(error is CancellationError) { throw error }
        }
        return result
    }
}

private func write(_ keySet: String) throws -> String {
    let path = FileManager.default.temporaryDirectory.path + "/gatehouse-keys-\(UUID().uuidString).json"
    try keySet.write(toFile: path, atomically: true, encoding: .utf8)
    return path
}
