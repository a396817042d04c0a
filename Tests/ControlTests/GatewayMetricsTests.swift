import Proxy
import Testing

@testable import Control

@Suite struct GatewayMetricsTests {
    private func lines(_ figures: GatewayFigures, _ status: ControlStatus.Values = .init()) -> [String] {
        GatewayMetrics.text(figures, status: status).split(separator: "\n").map(String.init)
    }

    @Test func `counters appear as Prometheus text, each family once and described`() {
        var figures = GatewayFigures(verificationsWaiting: 2, verificationResults: ["accepted": 3])
        figures.gateway.connectionsAccepted = 7
        figures.gateway.handshakes = 5
        figures.gateway.handshakesResumed = 2
        figures.gateway.requests[.forwarded] = 5
        figures.gateway.responses[2] = 5
        figures.gateway.listeners["https"] = ListenerStatistics()
        figures.gateway.traffic[.rule(route: "default/r", rule: "0")] = TrafficStatistics()
        figures.gateway.traffic[.others] = TrafficStatistics()
        figures.endpoints = [EndpointStatistics(backend: "default/a:80", endpoint: "127.0.0.1:1")]
        var status = ControlStatus.Values()
        status.refusedReloads = 1
        status.certificates = [CertificateExpiry(secret: "default/tls", seconds: 12)]
        let lines = lines(figures, status)
        for line in [
            "gatehouse_connections_accepted_total 7", #"gatehouse_requests_total{outcome="forwarded"} 5"#,
            #"gatehouse_responses_total{class="2xx"} 5"#,
            #"gatehouse_token_verifications_total{result="accepted"} 3"#,
            #"gatehouse_configuration_reloads_total{result="refused"} 1"#,
            #"gatehouse_tls_handshakes_total{result="full"} 3"#,
            #"gatehouse_tls_handshakes_total{result="resumed"} 2"#,
            #"gatehouse_listener_connections_open{listener="https"} 0"#,
            #"gatehouse_endpoint_healthy{backend="default/a:80",endpoint="127.0.0.1:1"} 1"#,
            #"gatehouse_certificate_expiry_time_seconds{secret="default/tls"} 12"#,
        ] {
            #expect(lines.contains(line), "\(line)")
        }
        let families = lines.filter { $0.hasPrefix("# TYPE") }.map { $0.split(separator: " ")[2] }
        #expect(Set(families).count == families.count)
        for line in lines where !line.hasPrefix("#") {
            let name = line.prefix { $0 != "{" && $0 != " " }
            let family = ["_bucket", "_sum", "_count"].first { name.hasSuffix($0) }.map { name.dropLast($0.count) }
            #expect(families.contains(name) || families.contains(family ?? ""), "\(line)")
        }
    }

    @Test func `what policies with other settings know of one address is one series`() {
        var figures = GatewayFigures()
        figures.keySets = [
            .init(uri: "https://a/keys", loadedAt: 20, fetches: 3, failures: 1),
            .init(uri: "https://a/keys", loadedAt: 10, fetches: 2, failures: 2),
            .init(uri: "https://b/keys", loadedAt: nil, fetches: 1, failures: 1),
        ]
        figures.revocations = [
            .init(uri: "https://a/revocations", answeredAt: 5, polls: 4, failures: 1, entries: 7),
            .init(uri: "https://a/revocations", answeredAt: nil, polls: 1, failures: 1, entries: 3, isOverfull: true),
        ]
        let lines = lines(figures)
        for line in [
            #"gatehouse_token_key_set_fetches_total{uri="https://a/keys",result="loaded"} 2"#,
            #"gatehouse_token_key_set_fetches_total{uri="https://a/keys",result="failed"} 3"#,
            #"gatehouse_token_key_set_loaded_time_seconds{uri="https://a/keys"} 10"#,
            #"gatehouse_token_key_set_loaded_time_seconds{uri="https://b/keys"} 0"#,
            #"gatehouse_token_revocation_polls_total{uri="https://a/revocations",result="answered"} 3"#,
            #"gatehouse_token_revocation_answered_time_seconds{uri="https://a/revocations"} 0"#,
            #"gatehouse_token_revocations{uri="https://a/revocations"} 7"#,
            #"gatehouse_token_revocations_overfull{uri="https://a/revocations"} 1"#,
        ] {
            #expect(lines.contains(line), "\(line)")
        }
        let series = lines.filter { !$0.hasPrefix("#") }.map { $0.prefix { $0 != " " } }
        #expect(Set(series).count == series.count)
    }

    @Test func `a histogram's buckets are cumulative and in seconds`() {
        var figures = GatewayFigures()
        var traffic = TrafficStatistics()
        traffic.outcomes = [.forwarded: 3, .connectFailed: 1]
        traffic.statuses = [0, 0, 3, 0, 0, 1]
        traffic.durations[0] = 2
        traffic.durations[3] = 1
        traffic.durations[15] = 1
        traffic.totalMicroseconds = 12_001_500
        figures.gateway.traffic[.backend("default/a:80")] = traffic
        let lines = lines(figures)
        let name = "gatehouse_backend_duration_seconds"
        for line in [
            #"\#(name)_bucket{backend="default/a:80",le="0.00025"} 2"#,
            #"\#(name)_bucket{backend="default/a:80",le="0.001"} 2"#,
            #"\#(name)_bucket{backend="default/a:80",le="0.0025"} 3"#,
            #"\#(name)_bucket{backend="default/a:80",le="10"} 3"#,
            #"\#(name)_bucket{backend="default/a:80",le="+Inf"} 4"#,
            #"\#(name)_sum{backend="default/a:80"} 12.0015"#, #"\#(name)_count{backend="default/a:80"} 4"#,
            #"gatehouse_backend_requests_total{backend="default/a:80",outcome="connectFailed"} 1"#,
            #"gatehouse_backend_responses_total{backend="default/a:80",class="5xx"} 1"#,
        ] {
            #expect(lines.contains(line), "\(line)")
        }
    }

    @Test(
        arguments: [(0, "0"), (1, "0.000001"), (250, "0.00025"), (1_000_000, "1"), (1_500_000, "1.5")]
            as [(UInt64, String)])
    func `microseconds are written exactly`(microseconds: UInt64, seconds: String) {
        #expect(MetricsPage.seconds(microseconds) == seconds)
    }

    @Test func `a label cannot break its line`() {
        var page = MetricsPage()
        page.sample("x", [("a", "b\"\\\n")], 1)
        #expect(page.text == "gatehouse_x{a=\"b\\\"\\\\\\n\"} 1\n")
    }

    @Test func `the process tells its memory and descriptors`() {
        #expect(ProcessMemory.now.residentBytes > 1 << 20)
        #expect(ProcessMemory.now.openDescriptors > 2)
    }
}
