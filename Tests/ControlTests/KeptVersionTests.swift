import Logging
import Proxy
import Routing
import Testing

@testable import Control

/// An object whose new version is wrong stays as it was while the process runs, as in a cluster whose API server refuses it.
@Suite(.timeLimit(.minutes(3))) struct KeptVersionTests {
    private let folder: TemporaryFolder
    private let status = ControlStatus()
    private let queue = VerificationQueue(consumers: 1) { TokenFactory.now }

    init() throws {
        folder = try TemporaryFolder()
        try folder.write("gateway.yaml", SampleDocuments.gateway())
        try folder.write("route.yaml", Self.route("/a"))
        try folder.write("policy.yaml", Self.policy("10.0.0.0/8"))
    }

    private static func route(_ path: String, kind: String = "HTTPRoute", name: String = "shop") -> String {
        """
        apiVersion: gateway.networking.k8s.io/v1
        kind: \(kind)
        metadata: {name: \(name)}
        spec:
          parentRefs: [{name: gatehouse}]
          rules:
            - matches: [{path: {value: \(path)}}]
              backendRefs: [{name: warehouse, port: 80}]
        """
    }

    private static func policy(_ network: String) -> String {
        """
        apiVersion: gatehouse.dev/v1alpha1
        kind: AccessPolicy
        metadata: {name: offices}
        spec:
          targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: shop}]
          addresses: {allow: [\(network)]}
        """
    }

    private func keeper() -> ConfigurationKeeper {
        ConfigurationKeeper(
            settings: GatewaySettings(
                configuration: [folder.path],
                backends: ["warehouse=127.0.0.1:8081"].compactMap(BackendAddress.init)),
            queue: queue, status: status, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            secondsSince1970: { TokenFactory.now })
    }

    private func paths(_ snapshot: Snapshot) -> [String] {
        snapshot.routes.entries.map { "\($0.path)" }
    }

    /// Whether the first rule is served, and not answered with 500.
    private func isServed(_ snapshot: Snapshot) -> Bool { snapshot.routes.rules.first?.backends.isEmpty == false }

    private var conditions: [Condition] {
        status.values.objects.first { $0.kind == "HTTPRoute" && $0.name == "default/shop" }?.parents?.first?.conditions
            ?? []
    }

    @Test(arguments: ["not-a-path", "/b, kind: Prefix", "/b, type: Prefix"])
    func `a route whose new version is wrong serves as before, and that is told`(path: String) async throws {
        var keeper = keeper()
        let before = try await keeper.load()
        try folder.write("route.yaml", Self.route(path))
        for _ in 0..<2 {
            // Again and again, whatever else changes.
            try folder.write("more.yaml", Self.route("/more", name: "z"))
            let snapshot = try await keeper.load()
            #expect(Set(paths(snapshot)) == Set(paths(before) + ["\(PathCondition.prefix("/more"))"]))
            #expect(snapshot.routes.rules.allSatisfy { !$0.backends.isEmpty && $0.unresolvedWeight == 0 })
            let problem = try #require(status.values.problems.first)
            #expect(problem.place.file.hasSuffix("route.yaml"))
            #expect(problem.message.hasSuffix("; the version that was in use stays"))
            let told = conditions.first { $0.type == "PartiallyInvalid" }
            #expect(told?.message.hasPrefix("Fall Back: spec.rules[0]") == true)
            #expect(conditions.first { $0.type == "Accepted" }?.status == .true)
        }
        try folder.write("route.yaml", Self.route("/b"))
        let mended = try await keeper.load()
        #expect(isServed(mended) && paths(mended) != paths(before))
        #expect(status.values.problems.isEmpty)
    }

    @Test func `a misspelt kind is the object that it was`() async throws {
        var keeper = keeper()
        let before = try await keeper.load()
        try folder.write("route.yaml", Self.route("/b", kind: "HTTPRout"))
        let snapshot = try await keeper.load()
        #expect(paths(snapshot) == paths(before) && isServed(snapshot))
        #expect(status.values.problems.map(\.message).contains { $0.contains("did you mean HTTPRoute?") })
    }

    @Test func `a policy whose new version is wrong guards as before`() async throws {
        var keeper = keeper()
        let before = try await keeper.load()
        let allowed = try #require(before.routes.rules.first?.policies?.access?.allowedAddresses)
        try folder.write("policy.yaml", Self.policy("10.0.0.0/80"))
        let snapshot = try await keeper.load()
        #expect(snapshot.routes.rules.first?.policies?.access?.allowedAddresses == allowed)
        #expect(isServed(snapshot))
        let policy = status.values.objects.first { $0.kind == "AccessPolicy" }
        #expect(policy?.ancestors?.first?.conditions.first?.status == .false)
    }

    @Test func `what is new and wrong, or was removed, has no version to stay`() async throws {
        var keeper = keeper()
        _ = try await keeper.load()
        try folder.write("more.yaml", Self.route("no-path", name: "z"))
        _ = try await keeper.load()
        #expect(status.values.problems.map(\.message) == ["must begin with \"/\""])
        try folder.write("route.yaml", "")
        try folder.write("policy.yaml", "")
        #expect(try await keeper.load().routes.entries.isEmpty)
    }

    /// A process that starts has nothing that was in use.
    @Test func `at the start a wrong route is answered with 500`() async throws {
        try folder.write("route.yaml", Self.route("/a").replacing("port: 80", with: "prot: 80"))
        var keeper = keeper()
        let snapshot = try await keeper.load()
        #expect(!isServed(snapshot) && !snapshot.routes.entries.isEmpty)
        try folder.write("route.yaml", Self.route("/a"))
        #expect(isServed(try await keeper.load()))
    }
}
