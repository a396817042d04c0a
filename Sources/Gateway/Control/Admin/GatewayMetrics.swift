import Proxy
import Routing

/// The gateway's counters as Prometheus text (exposition format 0.0.4).
enum GatewayMetrics {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    static func text(
        _ gateway: GatewayStatistics, verification: (waiting: Int, results: [String: UInt64]),
        status: ControlStatus.Values
    ) -> String {
        var page = Page()
        requests(gateway, &page)
        page.counter("connections_accepted", "Connections of clients that were accepted.", gateway.connectionsAccepted)
        page.gauge("connections_open", "Connections of clients that are open.", gateway.connectionsOpen)
        page.counter("tls_handshakes_failed", "TLS handshakes that failed.", gateway.handshakesFailed)
        page.counter(
            "upstream_connections_opened", "Connections opened to endpoints.", gateway.upstreamConnectionsOpened)
        page.counter(
            "upstream_connections_reused", "Requests sent on a connection to an endpoint that was open already.",
            gateway.upstreamConnectionsReused)
        page.counter("retries", "Requests sent a second time on a fresh connection.", gateway.retries)
        page.counter("token_cache_hits", "Tokens found among those verified before.", gateway.tokenCacheHits)
        page.counter("token_cache_misses", "Tokens that had to be verified.", gateway.tokenCacheMisses)
        page.family("token_verifications_total", "counter", "Tokens verified, by what came of it.")
        for (result, count) in verification.results.sorted(by: { $0.key < $1.key }) {
            page.sample("token_verifications_total", "result", result, count)
        }
        page.gauge("token_verifications_waiting", "Tokens that wait for verification.", UInt64(verification.waiting))
        page.counter(
            "access_log_lines_dropped", "Lines of the access log that were lost.", gateway.accessLogLinesDropped)
        configuration(status, &page)
        return page.text
    }

    private static func requests(_ gateway: GatewayStatistics, _ page: inout Page) {
        page.family("requests_total", "counter", "Finished requests, by how they ended.")
        for outcome in Outcome.allCases {
            page.sample("requests_total", "outcome", outcome.rawValue, gateway.requests[outcome] ?? 0)
        }
        page.family("responses_total", "counter", "Finished requests, by the class of their status; none: no answer.")
        for (digit, count) in gateway.responses.enumerated() {
            page.sample("responses_total", "class", digit == 0 ? "none" : "\(digit)xx", count)
        }
        page.gauge("requests_open", "Requests in flight.", gateway.requestsOpen)
    }

    private static func configuration(_ status: ControlStatus.Values, _ page: inout Page) {
        page.family(
            "configuration_reloads_total", "counter", "Configurations read after the first, by what came of it.")
        page.sample("configuration_reloads_total", "result", "accepted", status.reloads)
        page.sample("configuration_reloads_total", "result", "refused", status.refusedReloads)
        page.gauge(
            "configuration_time_seconds", "When the configuration in use was put to use, in seconds since 1970.",
            UInt64(clamping: status.configuredAtSeconds))
        page.gauge("route_rules", "Rules of the configuration in use.", UInt64(status.table?.rules.count ?? 0))
        page.gauge(
            "backend_names_unresolved", "Names of backends that have no address.", UInt64(status.unresolvedNames.count))
        page.family("build_info", "gauge", "The version of the gateway.")
        page.sample("build_info", "version", GatewayProcess.version, 1)
    }

    /// Writes metrics; every name begins with `gatehouse_`.
    private struct Page {
        var text = ""

        mutating func family(_ name: String, _ type: String, _ help: String) {
            text += "# HELP gatehouse_\(name) \(help)\n# TYPE gatehouse_\(name) \(type)\n"
        }

        /// Label values are names from this program: none needs escaping.
        mutating func sample(_ name: String, _ label: String, _ value: String, _ number: UInt64) {
            text += "gatehouse_\(name){\(label)=\"\(value)\"} \(number)\n"
        }

        mutating func counter(_ name: String, _ help: String, _ number: UInt64) {
            family("\(name)_total", "counter", help)
            text += "gatehouse_\(name)_total \(number)\n"
        }

        mutating func gauge(_ name: String, _ help: String, _ number: UInt64) {
            family(name, "gauge", help)
            text += "gatehouse_\(name) \(number)\n"
        }
    }
}
