import HTTPTypes
import Logging
import Postgres
import ServiceTestSupport
import Telemetry
import TestSupport
import Testing

@testable import ServiceKit

@Suite(.timeLimit(.minutes(2))) struct ManagementTests {
    @Test func `says how the service is`() async throws {
        try await withService(NotesService.self) { notes in
            let health = try await notes.manage("/healthz")
            #expect(health.status == 200 && health.json["status"]?.string == "ok")
            let ready = try await notes.manage("/readyz")
            #expect(ready.status == 200 && ready.json["status"]?.string == "ready")
            #expect(try await notes.manage("/notes").status == 404)
            notes.readiness.advance(to: .stopping)
            let stopping = try await notes.manage("/readyz")
            #expect(stopping.status == 503 && stopping.isProblem && stopping.header("retry-after") == "1")
            #expect(try await notes.manage("/healthz").status == 200)
        }
    }

    @Test func `publishes metrics by operation`() async throws {
        try await withService(NotesService.self) { notes in
            let token = try await notes.token(scopes: "notes:read")
            for path in ["/notes/1", "/notes/2", "/notes?limit=0", "/nothing", "/also-nothing"] {
                _ = try await notes.send(.get, path, token: token)
            }
            let metrics = try await notes.manage("/metrics")
            #expect(metrics.header("content-type") == MetricsRegistry.contentType)
            for line in [
                #"http_server_requests_total{operation="readNote",status="404"} 2"#,
                #"http_server_requests_total{operation="listNotes",status="422"} 1"#,
                #"http_server_requests_total{operation="unmatched",status="404"} 2"#,
                #"http_server_request_duration_seconds_count{operation="readNote"} 2"#,
            ] {
                #expect(metrics.text.contains(line), "\(line)")
            }
            #expect(metrics.text.contains("postgres_pool_statements_total"))
            #expect(metrics.text.contains("process_cpu_seconds_total"))
            #expect(!metrics.text.contains("/notes/1"))
        }
    }

    @Test func `answers 503 while the database is away and recovers with it`() async throws {
        let server = try await PostgresServer.start()
        try await withService(
            NotesService.self, server: server,
            // Long enough for the first connection on a busy machine; an outage is noticed once, then answered soon.
            adjust: { $0.platform.database.acquireTimeout = .seconds(2) }
        ) { notes in
            let token = try await notes.token(scopes: "notes:read notes:write")
            #expect(try await notes.send(.get, "/notes", token: token).status == 200)
            try await server.stop()
            let start = ContinuousClock.now
            let answer = try await notes.send(.get, "/notes", token: token)
            #expect(answer.status == 503 && answer.isProblem && answer.header("retry-after") == "1")
            let keyed = try await notes.send(
                .post, "/notes", token: token, headers: ["idempotency-key": "k"], json: #"{"text":"a"}"#)
            #expect(keyed.status == 503)
            #expect(try await notes.manage("/readyz").status == 503)
            #expect(try await notes.manage("/healthz").status == 200)
            #expect(ContinuousClock.now - start < .seconds(25))
            try await server.start()
            var status = 503
            let deadline = ContinuousClock.now + .seconds(60)
            while status == 503, ContinuousClock.now < deadline {
                status = try await notes.send(.get, "/notes", token: token).status
            }
            #expect(status == 200)
            #expect(try await notes.manage("/readyz").status == 200)
        }
        await server.remove()
    }

    @Test func `answers 503 until migrations are done`() async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let readiness = Readiness()
        let configuration = try await PostgresServer.shared().makeDatabase()
        let pool = PostgresPool(configuration: configuration, logger: logger)
        let management = Management(readiness: readiness, verifier: nil, database: pool, metrics: MetricsRegistry())
        let endpoint = try #require(management.endpoints.first { $0.path == "/readyz" })
        let call = Call(
            requestID: "a", logger: logger, callerIfAny: nil, path: "/readyz", method: .get,
            query: try #require(QueryString("")), headers: [:], body: [], values: [:])
        await #expect(throws: Problem.self) { try await endpoint.handle(call) }
        readiness.advance(to: .ready)
        // Of a database that came back empty.
        let problem = await #expect(throws: Problem.self) { try await endpoint.handle(call) }
        #expect(problem?.detail == "The database has no tables.")
        let error = await #expect(throws: PostgresError.self) { try await pool.query("SELECT FROM notes") }
        #expect(Problem.describing(try #require(error)).problem.kind == .unavailable)
        _ = try await Migrator(configuration: configuration, migrations: NotesService.migrations, logger: logger)
            .migrate()
        #expect(try await endpoint.handle(call).status == .ok)
        readiness.advance(to: .stopping)
        readiness.advance(to: .ready)
        #expect(readiness.phase == .stopping)
        await pool.close()
    }

    @Test func `publishes how the key set in use is doing, not one that is not used`() async throws {
        #expect(try await Self.metrics(of: NotesService.self).contains("token_key_set_fetches_total"))
        #expect(try await !Self.metrics(of: IssuingService.self).contains("token_key_set_fetches_total"))
    }

    /// The metrics of a service that is told to fetch its keys from an issuer.
    private static func metrics<Program: GatehouseService>(of _: Program.Type) async throws -> String {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let settings = try ServiceSettings<Program>(environment: [:])
        let pool = PostgresPool(configuration: settings.platform.database, logger: logger)
        let platform = Platform(database: pool, metrics: MetricsRegistry(), logger: logger)
        let verifier = TokenVerifier(
            keySetURI: "http://127.0.0.1:1/keys", requirements: TokenRequirements(), logger: logger)
        _ = ServiceApplication<Program>(settings: settings, verifier: verifier, platform: platform)
        await pool.close()
        return platform.metrics.render()
    }
}

/// A service that issues tokens itself.
private struct IssuingService: GatehouseService {
    static let identity = ServiceIdentity(
        name: "issuer", title: "Issuer", summary: "An issuer for tests.", version: "1.0.0", httpPort: 8098,
        managementPort: 9098)
    static let migrations: [Migration] = []

    let tokenKeys: TokenKeys? = TokenKeys()
    let endpoints: [Endpoint] = []

    init(platform: Platform, settings: NoSettings) {}

    func seed() async throws {}
}
