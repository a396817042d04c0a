import Synchronization

/// The metrics of a process: a swift-metrics backend that renders the Prometheus text exposition format, version 0.0.4.
///
/// - `Counter` and `FloatingPointCounter` become counters named `…_total`.
/// - `Timer` becomes a histogram named `…_seconds`.
/// - `Recorder(aggregate: true)` becomes a histogram; `Recorder(aggregate: false)`, `Gauge` and `Meter` become gauges.
///
/// Making one of these objects takes a lock and a look-up, so keep it; using it costs one atomic operation (two for
/// histograms) and never waits. The same name with the same labels, in any order, is the same series.
///
/// The first use of a name decides its kind. Another kind under that name gets a working object that is not exported,
/// counted in `telemetry_refused_metrics_total`; label sets beyond the limit are counted in
/// `telemetry_overflowed_label_sets_total`. Both deserve an alert.
public final class MetricsRegistry: Sendable {
    /// The `Content-Type` of ``render()``.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// Upper bounds in seconds of a histogram that was not described: from half a millisecond to ten seconds.
    public static let defaultBuckets: [Double] = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]

    struct Description {
        let help: String
        let buckets: [Double]?
    }

    struct Family {
        let kind: MetricKind
        var series: [LabelSet: any Instrument] = [:]
    }

    struct State {
        var descriptions: [String: Description] = [:]
        var families: [String: Family] = [:]
        var collectors: [@Sendable (inout CollectedMetrics) -> Void] = []
        var refusedMetrics: UInt64 = 0
        var overflowedLabelSets: UInt64 = 0
    }

    let limits: MetricsLimits
    private let state = Mutex(State())

    public init(limits: MetricsLimits = MetricsLimits()) {
        self.limits = limits
    }

    /// Says what a metric means and, for a histogram, where its buckets end. Call it before the metric's first use:
    /// series that exist keep their buckets.
    ///
    /// - Parameters:
    ///   - name: The name as exported, suffix included (`http_server_request_duration_seconds`).
    ///   - help: One line of text.
    ///   - buckets: Upper bounds, finite and strictly increasing, in the exported unit.
    public func describe(_ name: String, _ help: String, buckets: [Double]? = nil) {
        if let buckets {
            precondition(
                buckets.allSatisfy(\.isFinite) && zip(buckets, buckets.dropFirst()).allSatisfy { $0 < $1 },
                "the buckets of \(name) must be finite and strictly increasing")
        }
        state.withLock { $0.descriptions[MetricName.metric(name)] = Description(help: help, buckets: buckets) }
    }

    /// Adds values that `collector` supplies at every ``render()``. It must be quick and must not wait.
    /// A collected metric whose name is in use by an instrument of this registry is left out.
    public func collect(_ collector: @escaping @Sendable (inout CollectedMetrics) -> Void) {
        state.withLock { $0.collectors.append(collector) }
    }

    /// The current values, ready to be the body of `GET /metrics`: metrics sorted by name, series by their labels.
    public func render() -> String {
        let state = state.withLock { $0 }
        var collected = CollectedMetrics(limits: limits)
        collected.counter(
            "telemetry_refused_metrics_total", "Metrics not exported: over the limit, or of another kind before.",
            value: Double(state.refusedMetrics))
        collected.counter(
            "telemetry_overflowed_label_sets_total", "Requests for a label set beyond its metric's limit.",
            value: Double(state.overflowedLabelSets))
        for collector in state.collectors {
            collector(&collected)
        }
        var text = ExpositionText()
        for name in Set(state.families.keys).union(collected.families.keys).sorted() {
            if let family = state.families[name], !family.series.isEmpty {
                text.header(name, family.kind, help: state.descriptions[name]?.help)
                for (labels, instrument) in family.series.sorted(by: { $0.key.text < $1.key.text }) {
                    instrument.write(to: &text, name: name, labels: labels)
                }
            } else if let family = collected.families[name] {
                text.header(name, family.kind, help: family.help)
                for sample in family.samples.sorted(by: { $0.labels.text < $1.labels.text }) {
                    text.sample(name, sample.labels, sample.value)
                }
            }
        }
        return text.text
    }

    /// The series of this name and these labels, made by `make` (which gets the described buckets) when it is new.
    func instrument<Made: Instrument>(
        _ name: String, _ kind: MetricKind, _ dimensions: [(String, String)], make: ([Double]) -> Made
    ) -> Made {
        var labels = LabelSet(dimensions)
        return state.withLock { state in
            let buckets = state.descriptions[name]?.buckets ?? Self.defaultBuckets
            var family = state.families[name] ?? Family(kind: kind)
            if family.series[labels] == nil, family.series.count >= limits.labelSetsPerMetric {
                state.overflowedLabelSets += 1
                labels = .overflow
            }
            if let existing = family.series[labels] {
                if let instrument = existing as? Made { return instrument }
                state.refusedMetrics += 1
                return make(buckets)
            }
            let isNew = state.families[name] == nil
            guard family.kind == kind, !isNew || state.families.count < limits.metrics else {
                state.refusedMetrics += 1
                return make(buckets)
            }
            let made = make(buckets)
            family.series[labels] = made
            state.families[name] = family
            return made
        }
    }

    /// Ends the series of a handler; the overflow series stays, because it is several label sets'.
    func remove(_ handler: AnyObject) {
        state.withLock { state in
            for (name, family) in state.families {
                if let labels = family.series.first(where: { $0.value === handler })?.key {
                    if labels != .overflow {
                        state.families[name]?.series[labels] = nil
                    }
                    return
                }
            }
        }
    }
}
