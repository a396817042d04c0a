import Proxy
import Testing

@testable import Control

@Suite struct GatewayMetricsTests {
    @Test func `counters appear as Prometheus text, each family once and described`() {
        var statistics = GatewayStatistics()
        statistics.connectionsAccepted = 7
        statistics.requests[.forwarded] = 5
        statistics.responses[2] = 5
        var status = ControlStatus.Values()
        status.refusedReloads = 1
        let text = GatewayMetrics.text(statistics, verification: (waiting: 2, results: ["accepted": 3]), status: status)
        let lines = text.split(separator: "\n").map(String.init)
        #expect(lines.contains("gatehouse_connections_accepted_total 7"))
        #expect(lines.contains(#"gatehouse_requests_total{outcome="forwarded"} 5"#))
        #expect(lines.contains(#"gatehouse_responses_total{class="2xx"} 5"#))
        #expect(lines.contains(#"gatehouse_token_verifications_total{result="accepted"} 3"#))
        #expect(lines.contains(#"gatehouse_configuration_reloads_total{result="refused"} 1"#))
        let families = lines.filter { $0.hasPrefix("# TYPE") }.map { $0.split(separator: " ")[2] }
        #expect(Set(families).count == families.count)
        for line in lines where !line.hasPrefix("#") {
            let name = line.prefix { $0 != "{" && $0 != " " }
            #expect(families.contains(name), "\(line)")
        }
    }
}
