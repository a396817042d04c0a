import Proxy

extension GatewayMetrics {
    /// Rate, errors and duration of every rule and every backend that had a request. The names come from the
    /// configuration, and at most a thousand are told apart: the rest is "others".
    static func traffic(_ traffic: [TrafficSubject: TrafficStatistics], _ page: inout MetricsPage) {
        var rules: [(labels: [(String, String)], figures: TrafficStatistics)] = []
        var backends: [(labels: [(String, String)], figures: TrafficStatistics)] = []
        for (subject, figures) in traffic {
            switch subject {
            case .rule(let route, let rule): rules.append(([("route", route), ("rule", rule)], figures))
            case .backend(let name): backends.append(([("backend", name)], figures))
            case .others: rules.append(([("route", "others"), ("rule", "")], figures))
            }
        }
        rules.sort { $0.labels.map(\.1).lexicographicallyPrecedes($1.labels.map(\.1)) }
        backends.sort { $0.labels[0].1 < $1.labels[0].1 }
        write(rules, as: "route", "of a rule", &page)
        write(backends, as: "backend", "that reached a backend, until the head of the response", &page)
    }

    private static func write(
        _ subjects: [(labels: [(String, String)], figures: TrafficStatistics)], as name: String, _ what: String,
        _ page: inout MetricsPage
    ) {
        page.family("\(name)_requests_total", "counter", "Finished requests \(what), by how they ended.")
        for (labels, figures) in subjects {
            for outcome in Outcome.allCases {
                guard let count = figures.outcomes[outcome] else { continue }
                page.sample("\(name)_requests_total", labels + [("outcome", outcome.rawValue)], count)
            }
        }
        page.family("\(name)_responses_total", "counter", "Finished requests \(what), by the class of their status.")
        for (labels, figures) in subjects {
            for (digit, count) in figures.statuses.enumerated() where count > 0 {
                let label = digit == 0 ? "none" : "\(digit)xx"
                page.sample("\(name)_responses_total", labels + [("class", label)], count)
            }
        }
        page.family("\(name)_duration_seconds", "histogram", "How long requests \(what) took.")
        for (labels, figures) in subjects {
            page.histogram(
                "\(name)_duration_seconds", labels, bounds: TrafficStatistics.durationBounds,
                counts: figures.durations, sumMicroseconds: figures.totalMicroseconds)
        }
    }

    /// Pools, failures and health of every endpoint of the configuration in use.
    static func endpoints(_ endpoints: [EndpointStatistics], _ page: inout MetricsPage) {
        let counters: [(String, String, KeyPath<EndpointStatistics, UInt64>)] = [
            ("requests", "Requests given to a connection, retries included.", \.requests),
            ("retries", "Attempts that failed and were followed by another.", \.retries),
            ("connections_opened", "Connections opened.", \.connectionsOpened),
            ("connections_reused", "Requests sent on a connection that was open already.", \.connectionsReused),
            ("pending_rejected", "Requests refused because too many waited.", \.pendingRejected),
            ("pending_timed_out", "Requests refused because they waited too long.", \.pendingTimedOut),
            ("ejections", "How often a worker began to leave the endpoint alone.", \.ejections),
            ("health_checks", "Health checks made.", \.healthChecks),
            ("health_checks_failed", "Health checks that failed.", \.healthChecksFailed),
        ]
        for (name, help, path) in counters {
            page.family("endpoint_\(name)_total", "counter", help)
            for endpoint in endpoints {
                page.sample("endpoint_\(name)_total", endpoint.labels, endpoint[keyPath: path])
            }
        }
        failures(endpoints, &page)
        let gauges: [(String, String, KeyPath<EndpointStatistics, UInt64>)] = [
            ("requests_active", "Requests under way.", \.requestsActive),
            ("requests_pending", "Requests that wait for a connection.", \.requestsPending),
            ("connections_open", "Connections that are open.", \.connectionsOpen),
            ("connections_idle", "Connections that wait for a request.", \.connectionsIdle),
            ("workers_ejecting", "Workers that leave the endpoint alone at present.", \.workersEjecting),
        ]
        for (name, help, path) in gauges {
            page.family("endpoint_\(name)", "gauge", help)
            for endpoint in endpoints { page.sample("endpoint_\(name)", endpoint.labels, endpoint[keyPath: path]) }
        }
        page.family("endpoint_healthy", "gauge", "1 while health checks find the endpoint well, or there are none.")
        for endpoint in endpoints {
            page.sample("endpoint_healthy", endpoint.labels, endpoint.isHealthy ? UInt64(1) : 0)
        }
    }

    private static func failures(_ endpoints: [EndpointStatistics], _ page: inout MetricsPage) {
        let kinds: [(String, KeyPath<EndpointStatistics, UInt64>)] = [
            ("connect", \.failuresConnect), ("tls", \.failuresTLS), ("timeout", \.failuresTimeout),
            ("reset", \.failuresReset), ("malformed", \.failuresMalformed), ("status", \.failuresStatus),
        ]
        page.family("endpoint_failures_total", "counter", "Attempts that failed, by kind.")
        for endpoint in endpoints {
            for (kind, path) in kinds {
                page.sample(
                    "endpoint_failures_total", endpoint.labels + [("kind", kind)], endpoint[keyPath: path])
            }
        }
    }
}

extension EndpointStatistics {
    fileprivate var labels: [(String, String)] { [("backend", backend), ("endpoint", endpoint)] }
}
