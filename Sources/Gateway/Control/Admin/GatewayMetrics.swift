import Proxy
import Routing

/// The gateway's counters as Prometheus text (exposition format 0.0.4).
enum GatewayMetrics {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    static func text(_ figures: GatewayFigures, status: ControlStatus.Values) -> String {
        var page = MetricsPage()
        let gateway = figures.gateway
        requests(gateway, &page)
        traffic(gateway.traffic, &page)
        clients(gateway, &page)
        upstreams(gateway, &page)
        endpoints(figures.endpoints, &page)
        tokens(figures, &page)
        keySets(figures.keySets, &page)
        revocations(figures.revocations, &page)
        rateLimits(status.rateLimiters, &page)
        process(figures, &page)
        configuration(status, &page)
        return page.text
    }

    private static func requests(_ gateway: GatewayStatistics, _ page: inout MetricsPage) {
        page.family("requests_total", "counter", "Finished requests, by how they ended.")
        for outcome in Outcome.allCases {
            page.sample("requests_total", [("outcome", outcome.rawValue)], gateway.requests[outcome] ?? 0)
        }
        page.family("responses_total", "counter", "Finished requests, by the class of their status; none: no answer.")
        for (digit, count) in gateway.responses.enumerated() {
            page.sample("responses_total", [("class", digit == 0 ? "none" : "\(digit)xx")], count)
        }
        page.gauge("requests_open", "Requests in flight.", gateway.requestsOpen)
    }

    private static func clients(_ gateway: GatewayStatistics, _ page: inout MetricsPage) {
        page.counter("connections_accepted", "Connections of clients that were accepted.", gateway.connectionsAccepted)
        page.gauge("connections_open", "Connections of clients that are open.", gateway.connectionsOpen)
        page.counter(
            "connections_refused", "Connections closed at once, because their client had too many.",
            gateway.connectionsRefused)
        page.counter(
            "connections_evicted", "Idle connections closed to make room for others.", gateway.connectionsEvicted)
        page.counter(
            "connections_abusive", "Connections sent away for flooding the gateway.", gateway.connectionsAbusive)
        page.family("connections_given_up_total", "counter", "Connections of clients that were given up, by why.")
        for outcome in ConnectionOutcome.allCases {
            page.sample(
                "connections_given_up_total", [("outcome", outcome.rawValue)], gateway.connectionsGivenUp[outcome] ?? 0)
        }
        let listeners = gateway.listeners.sorted { $0.key < $1.key }
        page.family("listener_connections_accepted_total", "counter", "Connections accepted, by listener.")
        for (name, figures) in listeners {
            page.sample("listener_connections_accepted_total", [("listener", name)], figures.connectionsAccepted)
        }
        page.family("listener_connections_open", "gauge", "Connections that are open, by listener.")
        for (name, figures) in listeners {
            page.sample("listener_connections_open", [("listener", name)], figures.connectionsOpen)
        }
        page.family("tls_handshakes_total", "counter", "TLS handshakes of clients, by what came of them.")
        let full = gateway.handshakes - min(gateway.handshakes, gateway.handshakesResumed)
        page.sample("tls_handshakes_total", [("result", "full")], full)
        page.sample("tls_handshakes_total", [("result", "resumed")], gateway.handshakesResumed)
        page.sample("tls_handshakes_total", [("result", "failed")], gateway.handshakesFailed)
    }

    private static func upstreams(_ gateway: GatewayStatistics, _ page: inout MetricsPage) {
        page.counter(
            "upstream_connections_opened", "Connections opened to endpoints.", gateway.upstreamConnectionsOpened)
        page.counter(
            "upstream_connections_reused", "Requests sent on a connection to an endpoint that was open already.",
            gateway.upstreamConnectionsReused)
        page.counter("retries", "Requests sent once more.", gateway.retries)
        page.counter(
            "retries_over_budget", "Requests not sent once more, because their backend's budget was used up.",
            gateway.retriesOverBudget)
    }

    private static func tokens(_ figures: GatewayFigures, _ page: inout MetricsPage) {
        page.counter(
            "mirrors_sent", "Copies of requests that RequestMirror filters have sent.", figures.gateway.mirrorsSent)
        page.counter(
            "mirrors_skipped", "Copies not sent: the body streamed, was too large, or memory was short.",
            figures.gateway.mirrorsSkipped)
        page.counter("token_cache_hits", "Tokens found among those verified before.", figures.gateway.tokenCacheHits)
        page.counter("token_cache_misses", "Tokens that had to be verified.", figures.gateway.tokenCacheMisses)
        page.family("token_verifications_total", "counter", "Tokens verified, by what came of it.")
        for (result, count) in figures.verificationResults.sorted(by: { $0.key < $1.key }) {
            page.sample("token_verifications_total", [("result", result)], count)
        }
        page.gauge(
            "token_verifications_waiting", "Tokens that wait for verification.", UInt64(figures.verificationsWaiting))
    }

    private static func process(_ figures: GatewayFigures, _ page: inout MetricsPage) {
        page.counter(
            "access_log_lines_dropped", "Lines of the access log that were lost.",
            figures.gateway.accessLogLinesDropped)
        let loops = figures.gateway.loops
        page.family(
            "loop_turn_seconds", "histogram", "How long turns of the workers' loops took: the loop's lag.")
        page.histogram(
            "loop_turn_seconds", [], bounds: LoopStatistics.bounds, counts: loops.turns,
            sumMicroseconds: loops.busyMicroseconds)
        page.gauge("held_bytes", "Bytes kept for requests under way.", loops.heldBytes)
        page.gauge("resident_memory_bytes", "Memory of the process.", figures.memory.residentBytes)
        page.gauge("open_descriptors", "Descriptors that the process has open.", figures.memory.openDescriptors)
    }

    private static func configuration(_ status: ControlStatus.Values, _ page: inout MetricsPage) {
        page.family(
            "configuration_reloads_total", "counter", "Configurations read after the first, by what came of it.")
        page.sample("configuration_reloads_total", [("result", "accepted")], status.reloads)
        page.sample("configuration_reloads_total", [("result", "refused")], status.refusedReloads)
        page.gauge(
            "configuration_refused", "1 while the newest configuration is one that was refused.",
            status.refusal.isEmpty ? 0 : 1)
        page.gauge(
            "configuration_problems", "Errors in the configuration in use: what they are about is left out.",
            UInt64(status.problems.count))
        page.gauge(
            "configuration_time_seconds", "When the configuration in use was put to use, in seconds since 1970.",
            UInt64(clamping: status.configuredAtSeconds))
        page.gauge("route_rules", "Rules of the configuration in use.", UInt64(status.table?.rules.count ?? 0))
        page.gauge(
            "backend_names_unresolved", "Names of backends that have no address.", UInt64(status.unresolvedNames.count))
        page.family(
            "certificate_expiry_time_seconds", "gauge", "When a listener's certificate ends, in seconds since 1970.")
        for certificate in status.certificates {
            page.sample(
                "certificate_expiry_time_seconds", [("secret", certificate.secret)],
                UInt64(clamping: certificate.seconds))
        }
        page.family("build_info", "gauge", "The version of the gateway.")
        page.sample("build_info", [("version", GatewayProcess.version)], 1)
    }
}
