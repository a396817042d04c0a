import Foundation
import Logging
import Proxy
import Routing
import Testing

@testable import Control

@Suite(.timeLimit(.minutes(3))) struct ConfigurationKeeperTests {
    private let folder: TemporaryFolder
    private let status = ControlStatus()
    private let queue = VerificationQueue(consumers: 1) { TokenFactory.now }

    init() throws {
        folder = try TemporaryFolder()
        try folder.write("gateway.yaml", Self.gateway)
        try folder.write("route.yaml", Self.route(path: "/a"))
    }

    private static let gateway = SampleDocuments.gateway()

    private static func route(path: String) -> String {
        """
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: route}
        spec:
          parentRefs: [{name: gatehouse}]
          rules:
            - matches: [{path: {value: \(path)}}]
              backendRefs: [{name: warehouse, port: 80}]
            - matches: [{path: {value: /old}}]
              filters: [{type: RequestRedirect, requestRedirect: {port: 8080}}]
        """
    }

    private func keeper(
        backends: [String] = ["warehouse=127.0.0.1:8081"], listen: [String] = []
    ) -> ConfigurationKeeper {
        ConfigurationKeeper(
            settings: GatewaySettings(
                configuration: [folder.path], backends: backends.compactMap(BackendAddress.init),
                listen: listen.compactMap(ListenAddress.init)),
            queue: queue, status: status, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            secondsSince1970: { TokenFactory.now })
    }

    @Test func `a backend lives where it was said to live`() async throws {
        var keeper = keeper(listen: ["http=127.0.0.1:9000"])
        let snapshot = try await keeper.load()
        #expect(snapshot.routes.backends.map(\.endpoints) == [[Endpoint(address: "127.0.0.1", port: 8081)]])
        #expect(snapshot.listeners.map(\.address) == ["127.0.0.1"])
        #expect(snapshot.listeners.map(\.port) == [9000])
        // The document's redirect names the declared port; the listener is bound to another one.
        #expect(snapshot.routes.rules.compactMap(\.redirect?.port) == [9000])
        #expect(status.values.configuredAtSeconds == TokenFactory.now)
    }

    @Test func `a name is looked up`() async throws {
        var keeper = keeper(backends: ["warehouse=localhost:8081"])
        let snapshot = try await keeper.load()
        #expect(keeper.usesNames)
        #expect(snapshot.routes.backends[0].endpoints.contains { $0.address == "127.0.0.1" || $0.address == "::1" })
        #expect(try await keeper.refreshEndpoints() == nil)
    }

    @Test func `a name without an address leaves the backend empty and is told`() async throws {
        var keeper = keeper(backends: ["warehouse=nowhere.invalid:8081"])
        let snapshot = try await keeper.load()
        #expect(snapshot.routes.backends.map(\.endpoints) == [[]])
        #expect(status.values.unresolvedNames.count == 1)
    }

    @Test func `a list of addresses is balanced among, each once`() async throws {
        var keeper = keeper(backends: ["warehouse=127.0.0.1:8081,127.0.0.2:8081,127.0.0.1:8081"])
        let snapshot = try await keeper.load()
        #expect(snapshot.routes.backends[0].endpoints.map(\.description) == ["127.0.0.1:8081", "127.0.0.2:8081"])
        #expect(!keeper.usesNames)
    }

    @Test func `a change of files is seen once they are at rest, also of a refused configuration`() async throws {
        var keeper = keeper()
        _ = try await keeper.load()
        func looks(_ count: Int) -> [Bool] { (0..<count).map { _ in keeper.filesHaveChanged() } }
        #expect(looks(2) == [false, false])
        try folder.write("route.yaml", "spec: {a: [}")
        #expect(looks(2) == [false, true])
        await #expect(throws: ConfigurationError.self) { try await keeper.load() }
        #expect(looks(2) == [false, false], "a refused configuration is refused once")
        try folder.write("more.yaml", "")
        #expect(looks(2) == [false, true])
    }

    @Test func `a policy for a Gateway bounds its clients`() async throws {
        var keeper = keeper()
        try folder.write(
            "policy.yaml",
            """
            apiVersion: gatehouse.dev/v1alpha1
            kind: TrafficPolicy
            metadata: {name: p}
            spec:
              targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: gatehouse}]
              clients:
                headerBytes: 2048
                requestBodyBytes: 10
                idleTimeout: 7s
                clientAddress: {trustedProxies: [10.0.0.0/8]}
              timeouts: {connect: 1s}
            """)
        let snapshot = try await keeper.load()
        #expect(snapshot.limits.headerBytes == 2048)
        #expect(snapshot.limits.requestBodyBytes == 10)
        #expect(snapshot.limits.clientIdleTimeout == 7_000)
        #expect(snapshot.limits.headerFields == Limits().headerFields)
        #expect(snapshot.trustedProxies != nil)
        #expect(snapshot.routes.backends[0].traffic.timeouts.connectMilliseconds == 1_000)
    }

    @Test func `a changed file comes into force`() async throws {
        var keeper = keeper()
        _ = try await keeper.load()
        try folder.write("route.yaml", Self.route(path: "/b"))
        let snapshot = try await keeper.load()
        #expect(snapshot.routes.entries.map(\.path).contains(.prefix("/b")))
        #expect(status.values.table?.entries.map(\.path).contains(.prefix("/b")) == true)
    }

    @Test func `a file that is not YAML is refused and the old table stays`() async throws {
        var keeper = keeper()
        _ = try await keeper.load()
        try folder.write("route.yaml", "spec: {a: [}")
        let error = await #expect(throws: ConfigurationError.self) { try await keeper.load() }
        #expect(error?.description.contains("route.yaml:1: error: is not YAML") == true)
        #expect(status.values.table?.entries.map(\.path).contains(.prefix("/a")) == true)
        try folder.write("route.yaml", Self.route(path: "/c"))
        #expect(try await keeper.load().routes.entries.map(\.path).contains(.prefix("/c")))
    }

    @Test func `a bad route is left out alone, and told`() async throws {
        var keeper = keeper()
        try folder.write("bad.yaml", Self.route(path: "not-a-path").replacing("name: route", with: "name: bad"))
        let snapshot = try await keeper.load()
        #expect(snapshot.routes.entries.map(\.path).contains(.prefix("/a")))
        #expect(status.values.problems.map(\.message) == ["must begin with \"/\""])
        let bad = status.values.objects.first { $0.name == "default/bad" }
        #expect(bad?.parents?.first?.conditions.contains { $0.type == "PartiallyInvalid" } == true)
        #expect(status.values.objects.filter(\.isGood).map(\.kind) == ["GatewayClass", "Gateway", "HTTPRoute"])
        try folder.write("bad.yaml", "")
        _ = try await keeper.load()
        #expect(status.values.problems.isEmpty)
    }

    @Test func `keys that cannot be read close what they guard, and nothing else`() async throws {
        var keeper = keeper()
        try folder.write(
            "policy.yaml",
            """
            apiVersion: gatehouse.dev/v1alpha1
            kind: AuthenticationPolicy
            metadata: {name: guard}
            spec:
              targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route}]
              jwt: {issuer: i, audiences: [a], keySet: {file: /nowhere/keys.json}}
            """)
        let snapshot = try await keeper.load()
        let rule = try #require(snapshot.routes.rules.first)
        #expect(rule.backends.isEmpty && rule.unresolvedWeight == 1)
        #expect(snapshot.routes.rules.last?.redirect != nil)
        #expect(status.values.problems.contains { $0.message.contains("/nowhere/keys.json cannot be read") })
    }

    @Test func `listeners may change while the process runs`() async throws {
        var keeper = keeper()
        _ = try await keeper.load()
        try folder.write("gateway.yaml", Self.gateway.replacing("port: 8080", with: "port: 8081"))
        #expect(try await keeper.load().listeners.map(\.port) == [8081])
    }

    @Test func `listeners of one port are one socket`() async throws {
        let shared = "{name: a, port: 8080, protocol: HTTP, hostname: a.example.com}"
        try folder.write(
            "gateway.yaml",
            Self.gateway.replacing("listeners: [", with: "listeners: [\(shared), ")
                .replacing(
                    "metadata: {name: gatehouse}\nspec:\n",
                    with: """
                        metadata:
                          name: gatehouse
                          annotations:
                            gatehouse.dev/proxy-protocol: "true"
                            gatehouse.dev/proxy-protocol-sources: 10.0.0.0/8, ::1
                        spec:

                        """))
        var keeper = keeper(listen: ["a=127.0.0.1:9000"])
        let snapshot = try await keeper.load()
        #expect(snapshot.listeners.map(\.name) == ["a"])
        #expect(snapshot.listeners.map(\.port) == [9000])
        #expect(snapshot.listeners.first?.proxyProtocol?.trustedSources.blocks == ["10.0.0.0/8", "::1"])
        #expect(snapshot.routes.listeners.map(\.name) == ["a", "http"])
    }

    @Test func `sources of the PROXY protocol must be networks`() async throws {
        try folder.write(
            "gateway.yaml",
            Self.gateway.replacing(
                "metadata: {name: gatehouse}\nspec:\n",
                with: """
                    metadata:
                      name: gatehouse
                      annotations: {gatehouse.dev/proxy-protocol: "true", gatehouse.dev/proxy-protocol-sources: office}
                    spec:

                    """))
        var keeper = keeper()
        let error = await #expect(throws: ConfigurationError.self) { try await keeper.load() }
        #expect(error?.description.contains("gatehouse.dev/proxy-protocol-sources") == true)
    }

    @Test func `an address for a listener that does not exist is an error`() async throws {
        var keeper = keeper(listen: ["htps=127.0.0.1:1"])
        let error = await #expect(throws: ConfigurationError.self) { try await keeper.load() }
        #expect(error?.description.contains("there are: http") == true)
    }

    @Test func `a Service without document and address is told, and its requests get 500`() async throws {
        var keeper = keeper(backends: [])
        let snapshot = try await keeper.load()
        #expect(status.values.problems.contains { $0.message.contains("there is no Service default/warehouse") })
        #expect(snapshot.routes.rules.first?.unresolvedWeight == 1)
    }

    @Test(
        arguments: [
            "kind: AuthenticationPolicy\nmetadata: {name: guard}", "- kind: AccessPolicy",
            "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: Admin}",
            "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: route}\nspec: {}",
        ])
    func `a document of which nobody knows what it is refuses all of them`(document: String) async throws {
        var keeper = keeper()
        _ = try await keeper.load()
        try folder.write("unknown.yaml", document)
        await #expect(throws: ConfigurationError.self) { _ = try await keeper.load() }
    }

    @Test func `a key set that breaks leaves the configuration in use, one that is broken at the start its routes`()
        async throws
    {
        try folder.write(
            "policy.yaml",
            """
            apiVersion: gatehouse.dev/v1alpha1
            kind: AuthenticationPolicy
            metadata: {name: tokens}
            spec:
              targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route}]
              jwt: {issuer: i, audiences: [a], keySet: {file: "\(folder.path)/keys.jwks"}}
            """)
        try folder.write("keys.jwks", "{\"keys\": [")
        var started = keeper()
        let closed = try await started.load()
        #expect(closed.routes.rules.contains { $0.redirect == nil && $0.backends.isEmpty })
        try folder.write("keys.jwks", try TokenFactory().keySetJSON)
        var keeper = keeper()
        let open = try await keeper.load()
        #expect(status.values.problems == [])
        #expect(open.routes.rules.allSatisfy { $0.redirect != nil || !$0.backends.isEmpty })
        try folder.write("keys.jwks", "{\"keys\": [")
        await #expect(throws: ConfigurationError.self) { _ = try await keeper.load() }
        // Broken before, broken now: what else changes is taken.
        try folder.write("route.yaml", Self.route(path: "/b"))
        _ = try await started.load()
    }
}
