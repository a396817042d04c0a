import Wire

/// The trace context of an exchange: the caller's, if it sent a valid one, or else a new trace's.
extension Exchange {
    /// A new trace's sampling is decided here, by chance, and everybody after keeps to it.
    func readTrace() {
        let found = request.headers.withValue(of: "traceparent") { TraceContext(parsing: $0) } ?? nil
        if let found, request.headers.count(of: "traceparent") == 1 {
            trace = found
            return
        }
        // Without a valid parent nobody knows what a state belongs to (§3.3).
        request.headers.remove("tracestate")
        let chance = worker.random.next()
        trace = TraceContext(
            high: worker.random.next() | 1, low: worker.random.next(),
            isSampled: chance % 1_000_000 < UInt64(limits.tracedPerMillion))
    }
}
