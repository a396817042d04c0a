import GatewayTestSupport
import Routing
import Testing
import Wire

@testable import Proxy

@Suite(.serialized, .timeLimit(.minutes(2))) struct TrustedProxyTests {
    private static let trusted = AddressSet(["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"])

    private static func client(_ lines: [String]) -> String? {
        var headers = HeaderBlock(arenaCapacity: 256, fieldCapacity: 4)
        for line in lines { headers.append(name: Array("x-forwarded-for".utf8).span, value: Array(line.utf8).span) }
        return ForwardedClient.find(in: headers, trusted: trusted).map { String(decoding: $0.text, as: UTF8.self) }
    }

    @Test(
        arguments: [
            ([], nil), (["192.0.2.1"], "192.0.2.1"), (["192.0.2.9, 192.0.2.1"], "192.0.2.1"),
            (["192.0.2.1, 10.1.1.1,10.2.2.2"], "192.0.2.1"), (["192.0.2.9", "192.0.2.1 ,\t10.1.1.1"], "192.0.2.1"),
            // What the client made up stands before its own address.
            (["127.0.0.1, 10.0.0.1, 192.0.2.1, 10.1.1.1"], "192.0.2.1"),
            // All of them are ours: the first one began it.
            (["10.3.3.3, 10.1.1.1"], "10.3.3.3"),
            // What is no address is not believed, nor what stands before it.
            (["192.0.2.1, unknown"], nil), (["192.0.2.1, , 10.1.1.1"], "10.1.1.1"), ([""], nil),
            (["192.0.2.1, 010.1.1.1"], nil), (["192.0.2.1:80a"], nil), (["192.0.2.1:"], nil), (["fe80::1%eth0"], nil),
            (["192.0.2.1, 10.1.1.1; evil"], nil), (["192.0.2.0/24"], nil), (["[192.0.2.1]"], nil),
            (["192.0.2.1:4711"], "192.0.2.1"), (["2001:db9::1"], "2001:db9::1"), (["[2001:db9::1]"], "2001:db9::1"),
            (["[2001:db9::1]:443, 2001:db8::7"], "2001:db9::1"), (["::ffff:192.0.2.1"], "::ffff:192.0.2.1"),
        ] as [([String], String?)])
    func `the client is the last address that is no proxy of ours`(lines: [String], client: String?) {
        #expect(Self.client(lines) == client, "\(lines)")
    }

    @Test func `a list without end is read to a bound`() {
        let long = (["192.0.2.1"] + Array(repeating: "10.1.1.1", count: 1_000)).joined(separator: ",")
        #expect(Self.client([long]) == "10.1.1.1")
    }

    private func site(_ upstream: ScriptedUpstream) -> Site {
        let access = AccessRule(deniedAddresses: AddressSet(["192.0.2.66"]))
        var site = Site(
            rules: [
                Site.Rule(
                    path: "/", endpoints: [upstream.port], policies: RulePolicies(access: access, rateLimits: [0]))
            ])
        site.rateLimits = [RateLimit(name: "each", requests: 1, periodMilliseconds: 86_400_000, key: [.clientAddress])]
        site.trustedProxies = Self.trusted
        return site
    }

    @Test func `rules, limits, log and service see the client that a trusted proxy names`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream)) { gateway in
            // One connection of the proxy, for several clients.
            let proxy = try gateway.connect()
            func status(_ client: String) throws -> Int {
                try proxy.get("/", fields: ["x-forwarded-for: \(client)"])
                return try proxy.response().status
            }
            #expect(try status("192.0.2.1") == 200)
            #expect(try status("192.0.2.1") == 429)
            #expect(try status("192.0.2.2") == 200)
            #expect(try status("192.0.2.66") == 403)
            #expect(try status("192.0.2.2, 192.0.2.66") == 403)
            #expect(try status("2001:db9::1") == 200)
            #expect(try status("2001:db9::2") == 429, "of the same network")
            let other = try gateway.connectH2C()
            let stream = try other.get("/", fields: [("x-forwarded-for", "192.0.2.3")])
            #expect(stream.status == 200)
        }
        #expect(
            log.map(\.client) == [
                "192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.66", "192.0.2.66", "2001:db9::1", "2001:db9::2",
                "192.0.2.3",
            ])
        #expect(
            upstream.requests.map { $0["x-forwarded-for"] } == ["192.0.2.1", "192.0.2.2", "2001:db9::1", "192.0.2.3"])
        #expect(upstream.requests[2]["forwarded"]?.hasPrefix("for=\"[2001:db9::1]\";") == true)
    }

    @Test func `who is no trusted proxy is not believed`() async throws {
        let upstream = try ScriptedUpstream.plain()
        defer { upstream.stop() }
        let log = try await withGateway(site(upstream)) { gateway in
            let client = try gateway.connect(from: 2)
            try client.get("/", fields: ["x-forwarded-for: 192.0.2.1"])
            #expect(try client.response().status == 200)
            try client.get("/", fields: ["x-forwarded-for: 192.0.2.2"])
            #expect(try client.response().status == 429)
        }
        #expect(log.map(\.client) == ["127.0.0.2", "127.0.0.2"])
        #expect(upstream.requests.map { $0["x-forwarded-for"] } == ["127.0.0.2"])
    }
}
