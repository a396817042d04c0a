import Telemetry

extension TokenVerifier {
    /// Publishes how the key set of an issuer is doing; keys from a file or from the service itself have no figures.
    func describe(in metrics: MetricsRegistry) {
        guard let keySet else { return }
        metrics.collect { collected in
            let figures = keySet.figures
            collected.counter(
                "token_key_set_fetches_total", "Fetches of the issuer's key set that ended.", labels: [],
                value: Double(figures.fetches))
            collected.counter(
                "token_key_set_failures_total", "Fetches of the issuer's key set that failed.", labels: [],
                value: Double(figures.failures))
            collected.gauge(
                "token_key_set_loaded_timestamp_seconds", "When the key set was fetched last; 0 before the first time.",
                labels: [], value: figures.loadedAt ?? 0)
        }
    }
}
