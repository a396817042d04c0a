/// What active checks say of an endpoint: well until so many bad answers in a row, and unwell until so many good ones.
public struct HealthState: Sendable {
    public private(set) var isHealthy = true
    /// Answers in a row that speak against the present state.
    private var contrary = 0

    /// An endpoint is taken for well until it was asked: it was just named as one, and a gateway that starts must not wait.
    public init() {}

    /// Takes over what someone else found.
    ///
    /// - Returns: whether the state changed.
    public mutating func set(_ isHealthy: Bool) -> Bool {
        defer { self = HealthState(isHealthy: isHealthy) }
        return isHealthy != self.isHealthy
    }

    private init(isHealthy: Bool) { self.isHealthy = isHealthy }

    /// - Returns: whether the state changed.
    public mutating func record(good: Bool, healthyThreshold: Int, unhealthyThreshold: Int) -> Bool {
        guard good != isHealthy else {
            contrary = 0
            return false
        }
        contrary += 1
        guard contrary >= max(1, isHealthy ? unhealthyThreshold : healthyThreshold) else { return false }
        isHealthy = good
        contrary = 0
        return true
    }
}
