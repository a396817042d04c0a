import HTTPTypes
import Postgres
import Telemetry

/// The endpoints of the management port, which the gateway never routes to: `/healthz` (the process is alive), `/readyz`
/// (migrations are done, the keys of access tokens are known, and the database answers), `/metrics` (Prometheus text).
struct Management: Sendable {
    let readiness: Readiness
    let verifier: TokenVerifier?
    let database: PostgresPool
    let metrics: MetricsRegistry

    var endpoints: [Endpoint] {
        [
            Endpoint(.get, "/healthz", "health", "Whether the process is alive", access: .anyone, answers: []) { _ in
                Self.status("ok")
            },
            Endpoint(.get, "/readyz", "readiness", "Whether requests can be served", access: .anyone, answers: []) {
                _ in
                switch readiness.phase {
                case .starting: throw Problem.unavailable("The service is starting.")
                case .stopping: throw Problem.unavailable("The service is stopping.")
                case .ready: break
                }
                guard verifier?.isReady ?? true else {
                    throw Problem.unavailable(TokenRefusal.keysUnavailable.rawValue)
                }
                let isMigrated: Bool
                do {
                    isMigrated = try await Migrator.hasMigrated(database)
                } catch {
                    throw Problem.unavailable("The database does not answer.")
                }
                guard isMigrated else { throw Problem.unavailable("The database has no tables.") }
                return Self.status("ready")
            },
            Endpoint(.get, "/metrics", "metrics", "Metrics as Prometheus text", access: .anyone, answers: []) { _ in
                Reply(.ok, content: Array(metrics.render().utf8), contentType: MetricsRegistry.contentType)
            },
        ]
    }

    private static func status(_ status: String) -> Reply {
        Reply(.ok, content: Array("{\"status\":\"\(status)\"}".utf8))
    }

    /// Publishes the pool's statistics.
    static func describe(_ database: PostgresPool, in metrics: MetricsRegistry) {
        metrics.describe(
            "http_server_request_duration_seconds", "Time from the request's head to the response, by operation.",
            buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5])
        metrics.describe("http_server_requests_total", "Requests answered, by operation and status.")
        metrics.collectProcessMetrics()
        metrics.collect { collected in
            let statistics = database.statistics
            for (state, count) in [
                ("connecting", statistics.connecting), ("idle", statistics.idle), ("busy", statistics.busy),
            ] {
                collected.gauge(
                    "postgres_pool_connections", "Connections of the pool, by state.", labels: [("state", state)],
                    value: Double(count))
            }
            collected.gauge(
                "postgres_pool_waiting", "Requests that wait for a connection.", labels: [],
                value: Double(statistics.waiting))
            for (name, help, count) in [
                ("postgres_pool_opened_total", "Connections opened.", statistics.opened),
                ("postgres_pool_lost_total", "Connections lost.", statistics.lost),
                ("postgres_pool_statements_total", "Statements answered.", statistics.statements),
                ("postgres_pool_acquire_timeouts_total", "Waits that ended without one.", statistics.acquireTimeouts),
            ] {
                collected.counter(name, help, labels: [], value: Double(count))
            }
        }
    }
}
