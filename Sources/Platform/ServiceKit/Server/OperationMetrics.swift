import CoreMetrics
import Metrics
import Synchronization

/// Counts and times the requests of one operation: `http_server_requests_total{operation,status}` and
/// `http_server_request_duration_seconds{operation}`.
final class OperationMetrics: Sendable {
    private let operation: String
    private let factory: any MetricsFactory
    private let duration: Metrics.Timer
    private let counters = Mutex<[Int: Counter]>([:])

    init(operation: String, factory: any MetricsFactory) {
        self.operation = operation
        self.factory = factory
        duration = Metrics.Timer(
            label: "http_server_request_duration", dimensions: [("operation", operation)], factory: factory)
    }

    /// Called once per request; creates a counter only at the first answer with a status.
    func record(status: Int, duration elapsed: Duration) {
        let (seconds, attoseconds) = elapsed.components
        duration.recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
        let counter = counters.withLock { counters in
            if let counter = counters[status] { return counter }
            let counter = Counter(
                label: "http_server_requests", dimensions: [("operation", operation), ("status", String(status))],
                factory: factory)
            counters[status] = counter
            return counter
        }
        counter.increment()
    }
}
