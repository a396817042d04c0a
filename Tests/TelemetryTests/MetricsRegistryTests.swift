import CoreMetrics
import Testing

@testable import Telemetry

struct `A metrics registry` {
    private let registry = MetricsRegistry()

    private var lines: [String] {
        registry.render().split(separator: "\n").map(String.init).filter { !$0.contains("telemetry_") }
    }

    @Test func `renders counters`() {
        registry.describe("http_requests_total", "Requests\nanswered \\ refused.")
        let counter = Counter(
            label: "http.requests", dimensions: [("route", "/a"), ("code", "200")], factory: registry)
        counter.increment()
        counter.increment(by: 41)
        counter.increment(by: -7)
        #expect(
            lines == [
                #"# HELP http_requests_total Requests\nanswered \\ refused."#, "# TYPE http_requests_total counter",
                #"http_requests_total{code="200",route="/a"} 42"#,
            ])
        counter.reset()
        #expect(lines.last == #"http_requests_total{code="200",route="/a"} 0"#)
    }

    @Test func `renders amounts, gauges and recorders that keep the last value`() {
        let amount = FloatingPointCounter(label: "energy_joules_total", factory: registry)
        amount.increment(by: 0.1)
        amount.increment(by: 0.2)
        amount.increment(by: -1)
        amount.increment(by: Double.nan)
        let meter = Meter(label: "temperature", factory: registry)
        meter.set(20)
        meter.increment(by: 1.5)
        meter.decrement(by: 30)
        Recorder(label: "queue", aggregate: false, factory: registry).record(7)
        CoreMetrics.Gauge(label: "depth", factory: registry).record(Double.infinity)
        #expect(
            lines == [
                "# TYPE depth gauge", "depth +Inf", "# TYPE energy_joules_total counter",
                "energy_joules_total 0.30000000000000004", "# TYPE queue gauge", "queue 7", "# TYPE temperature gauge",
                "temperature -8.5",
            ])
    }

    @Test func `renders timers as histograms of seconds`() {
        registry.describe("wait_seconds", "Waiting.", buckets: [0.001, 0.5, 2])
        let timer = CoreMetrics.Timer(label: "wait", dimensions: [("pool", "a")], factory: registry)
        for nanoseconds: Int64 in [1_000_000, 1_000_001, 500_000_000, 3_000_000_000] {
            timer.recordNanoseconds(nanoseconds)
        }
        #expect(
            lines.dropFirst(2) == [
                #"wait_seconds_bucket{pool="a",le="0.001"} 1"#, #"wait_seconds_bucket{pool="a",le="0.5"} 3"#,
                #"wait_seconds_bucket{pool="a",le="2"} 3"#, #"wait_seconds_bucket{pool="a",le="+Inf"} 4"#,
                #"wait_seconds_sum{pool="a"} 3.502000001"#, #"wait_seconds_count{pool="a"} 4"#,
            ])
    }

    @Test func `gives the same series for the same labels in any order`() {
        Counter(label: "c", dimensions: [("a", "1"), ("b", "2")], factory: registry).increment()
        Counter(label: "c", dimensions: [("b", "2"), ("a", "1")], factory: registry).increment()
        #expect(lines == ["# TYPE c_total counter", #"c_total{a="1",b="2"} 2"#])
    }

    @Test func `escapes label values and repairs names`() {
        let labels = [("le", "x"), ("__name__", "y"), ("9-é", "line\nbreak \"quoted\" back\\slash")]
        Meter(label: "9 lives.of/cat:s", dimensions: labels, factory: registry).set(1)
        #expect(
            lines == [
                "# TYPE _9_lives_of_cat:s gauge",
                #"_9_lives_of_cat:s{_9___="line\nbreak \"quoted\" back\\slash",label___name__="y",label_le="x"} 1"#,
            ])
    }

    @Test func `puts label sets beyond the limit into one series`() {
        let registry = MetricsRegistry(limits: MetricsLimits(labelSetsPerMetric: 3))
        for user in 0..<10 {
            Counter(label: "visits", dimensions: [("user", "\(user)")], factory: registry).increment()
        }
        let text = registry.render()
        #expect(text.contains("visits_total{overflow=\"true\"} 7\n"))
        #expect(text.contains("telemetry_overflowed_label_sets_total 7\n"))
        #expect(text.matches(of: /visits_total\{user=/).count == 3)
    }

    @Test func `does not export a second kind under one name, nor a metric beyond the limit`() {
        let registry = MetricsRegistry(limits: MetricsLimits(metrics: 2))
        Meter(label: "size", factory: registry).set(5)
        Recorder(label: "size", factory: registry).record(9)
        Recorder(label: "size", dimensions: [("a", "b")], factory: registry).record(9)
        Counter(label: "second", factory: registry).increment()
        Counter(label: "third", factory: registry).increment()
        let text = registry.render()
        #expect(text.contains("size 5\n") && text.contains("second_total 1\n"))
        #expect(!text.contains("third") && !text.contains("size_bucket"))
        #expect(text.contains("telemetry_refused_metrics_total 3\n"))
    }

    @Test func `forgets a destroyed series`() {
        let counter = Counter(label: "gone", factory: registry)
        counter.increment()
        counter.destroy()
        #expect(lines.isEmpty)
    }

    @Test func `asks collectors at each scrape`() {
        registry.collect { metrics in
            metrics.gauge("pool_connections", "Connections.", labels: [("state", "idle")], value: 3)
            metrics.gauge("pool_connections", "Connections.", labels: [("state", "busy")], value: 1)
            metrics.gauge("pool_connections", "Connections.", labels: [("state", "busy")], value: 9)
            metrics.counter("pool_opened", "Opened.", value: 1.5)
        }
        #expect(
            lines == [
                "# HELP pool_connections Connections.", "# TYPE pool_connections gauge",
                #"pool_connections{state="busy"} 1"#, #"pool_connections{state="idle"} 3"#,
                "# HELP pool_opened_total Opened.", "# TYPE pool_opened_total counter", "pool_opened_total 1.5",
            ])
    }

    @Test func `loses no increment among threads`() async {
        let counter = Counter(label: "c", factory: registry)
        let amount = FloatingPointCounter(label: "f", factory: registry)
        let recorder = Recorder(label: "h", factory: registry)
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1000 {
                        counter.increment()
                        amount.increment(by: 0.5)
                        recorder.record(3)
                    }
                }
            }
        }
        #expect(lines.contains("c_total 8000") && lines.contains("f_total 4000"))
        #expect(lines.contains("h_count 8000") && lines.contains("h_sum 24000"))
        #expect(lines.contains(#"h_bucket{le="2.5"} 0"#) && lines.contains(#"h_bucket{le="5"} 8000"#))
    }

    @Test func `reports the process`() throws {
        registry.collectProcessMetrics()
        let values = Dictionary(
            uniqueKeysWithValues: lines.filter { !$0.hasPrefix("#") }.map { line in
                (String(line.prefix { $0 != " " }), Double(line.split(separator: " ")[1]) ?? .nan)
            })
        #expect(try #require(values["process_resident_memory_bytes"]) > 1_000_000)
        #expect(try #require(values["process_virtual_memory_bytes"]) > 1_000_000)
        #expect(try #require(values["process_open_fds"]) >= 3)
        #expect(try #require(values["process_max_fds"]) >= 3)
        #expect(try #require(values["process_threads"]) >= 1)
        #expect(try #require(values["process_cpu_seconds_total"]) > 0)
        #expect(try #require(values["process_start_time_seconds"]) > 1_600_000_000)
    }

    @Test func `finds the fields of a process whose name is odd`() throws {
        let fields = (3...52).map(String.init).joined(separator: " ")
        let status = try #require(ProcessUsage.Status("1 (a ) b (c) \(fields)\n"))
        #expect(status.threads == 20 && status.startTicks == 22)
        #expect(status.virtualBytes == 23 && status.residentPages == 24)
    }
}
