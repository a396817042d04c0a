/// Values that are read when a scrape asks for them, because something else keeps them: a pool's statistics, the kernel's
/// figures of the process.
public struct CollectedMetrics {
    struct Family {
        let kind: MetricKind
        let help: String
        var samples: [(labels: LabelSet, value: Double)]
    }

    private(set) var families: [String: Family] = [:]
    private let limits: MetricsLimits

    init(limits: MetricsLimits) {
        self.limits = limits
    }

    /// A value that goes up and down. Of several with the same name and labels the first counts.
    public mutating func gauge(_ name: String, _ help: String, labels: [(String, String)] = [], value: Double) {
        add(MetricName.metric(name), .gauge, help, labels, value)
    }

    /// A total that only goes up while the process lives. `_total` is added to the name when it is missing.
    public mutating func counter(_ name: String, _ help: String, labels: [(String, String)] = [], value: Double) {
        add(MetricName.metric(name, suffix: "_total"), .counter, help, labels, value)
    }

    private mutating func add(
        _ name: String, _ kind: MetricKind, _ help: String, _ labels: [(String, String)], _ value: Double
    ) {
        let labels = LabelSet(labels)
        var family = families[name] ?? Family(kind: kind, help: help, samples: [])
        guard family.kind == kind, family.samples.count < limits.labelSetsPerMetric,
            families.count < limits.metrics || families[name] != nil,
            !family.samples.contains(where: { $0.labels == labels })
        else { return }
        family.samples.append((labels, value))
        families[name] = family
    }
}
