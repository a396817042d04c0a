import Foundation
import GatewayTestSupport
import Proxy
import Routing
import Testing

/// What the gateway itself has run out of is not an endpoint's fault.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ExhaustionTests {
    /// In a process of its own, whose descriptors can be used up.
    @Test func `an endpoint that we have no descriptor for is not ejected`() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit(rlim_cur: 400, rlim_max: 400)
            precondition(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            let plain = try (0..<2).map { _ in try ScriptedUpstream.plain() }
            let multiplexed = try (0..<2).map { _ in try HTTP2Upstream.plain() }
            try await useUpDescriptors(Site.Rule(path: "/", endpoints: plain.map(\.port)))
            try await useUpDescriptors(
                Site.Rule(path: "/", endpoints: multiplexed.map(\.port), wireProtocol: .h2c))
            for upstream in plain { upstream.stop() }
            for upstream in multiplexed { upstream.stop() }
        }
    }

    @Test func `a full pool does not eject its endpoint`() async throws {
        let gate = Gate()
        let upstream = try ScriptedUpstream { connection in
            while try connection.request() != nil {
                gate.wait()
                try connection.send(ScriptedUpstream.ok("ok"))
            }
        }
        let other = try ScriptedUpstream.plain()
        defer {
            upstream.stop()
            other.stop()
        }
        var site = Site(rules: [Site.Rule(path: "/", endpoints: [upstream.port, other.port])])
        site.rules[0].traffic.outliers.consecutiveFailures = 1
        site.rules[0].traffic.loadBalancing.algorithm = .roundRobin
        site.rules[0].traffic.pool.maximumConnections = 1
        site.rules[0].traffic.pool.maximumPendingRequests = 1
        site.rules[0].traffic.pool.pendingTimeoutMilliseconds = 300
        let log = try await withGateway(site) { gateway in
            let clients = try (0..<10).map { _ in try gateway.connect() }
            for client in clients { try client.get("/") }
            #expect(eventually { gateway.count(.poolExhausted) > 0 && gateway.count(.pendingTimeout) > 0 })
            gate.open()
            for client in clients { _ = try client.response() }
            #expect(gateway.gateway.endpoints.allSatisfy { $0.ejections == 0 && $0.workersEjecting == 0 })
        }
        #expect(Set(log.map(\.outcome)) == ["forwarded", "poolExhausted", "pendingTimeout"])
    }
}

/// Two endpoints in turn: with one of them there is a connection when descriptors run out, with the other there is none.
private func useUpDescriptors(_ rule: Site.Rule) async throws {
    var rule = rule
    rule.traffic.outliers.consecutiveFailures = 1
    rule.traffic.loadBalancing.algorithm = .roundRobin
    let log = try await withGateway(Site(rules: [rule])) { gateway in
        let clients = try (0..<7).map { _ in try gateway.connect() }
        try clients[0].get("/")
        let first = try clients[0].response()
        precondition(first.status == 200)
        let areAccepted = eventually { gateway.gateway.statistics.connectionsOpen == 7 }
        precondition(areAccepted)
        var fillers: [Int32] = []
        while case let filler = open("/dev/null", O_RDONLY), filler >= 0 { fillers.append(filler) }
        var statuses: [Int] = []
        for client in clients.dropFirst() {
            try client.get("/")
            statuses.append(try client.response().status)
        }
        for filler in fillers { close(filler) }
        precondition(statuses.sorted() == [200, 200, 200, 503, 503, 503], "\(statuses)")
        let ejections = gateway.gateway.endpoints.reduce(0) { $0 + $1.ejections }
        precondition(ejections == 0, "\(ejections) ejections")
        for client in clients {
            try client.get("/")
            let answer = try client.response()
            precondition(answer.status == 200)
        }
    }
    precondition(log.count { $0.outcome == "localExhaustion" && $0.status == 503 } == 3)
}
