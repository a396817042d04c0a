/// How much a registry may hold, so that a label whose values come from outside cannot fill the memory.
public struct MetricsLimits: Sendable {
    /// How many metric names. A metric beyond it counts for nobody and is not exported. 1…; default 1,000.
    public var metrics: Int

    /// How many label sets one metric has. All further ones share one more, `{overflow="true"}`. 1…; default 500.
    public var labelSetsPerMetric: Int

    public init(metrics: Int = 1000, labelSetsPerMetric: Int = 500) {
        precondition(metrics >= 1 && labelSetsPerMetric >= 1, "a registry holds at least one metric and one label set")
        self.metrics = metrics
        self.labelSetsPerMetric = labelSetsPerMetric
    }
}
