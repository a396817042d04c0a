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

    /// It must not vanish, with what it guards or serves, because it is not known any more.
    @Test(arguments: [
        ("route.yaml", "HTTPRoute", "HTTPRout"), ("policy.yaml", "AccessPolicy", "AccesPolicy"),
        ("gateway.yaml", "GatewayClass", "GatewayClas"),
    ])
    func `a misspelt kind refuses the whole when the object was in use`(file: String, kind: String, typo: String)
        async throws
    {
        let good = ["route.yaml": Self.route("/b"), "policy.yaml": Self.policy("10.0.0.0/9")]
        var keeper = keeper()
        _ = try await keeper.load()
        let text = good[file] ?? SampleDocuments.gateway()
        try folder.write(file, text.replacing("kind: \(kind)\n", with: "kind: \(typo)\n"))
        let error = await #expect(throws: ConfigurationError.self) { try await keeper.load() }
        #expect(error?.description.contains("did you mean") == true)
    }

    @Test func `a misspelt copy beside the object itself changes nothing for that`() async throws {
        var keeper = keeper()
        _ = try await keeper.load()
        try folder.write("copy.yaml", Self.route("/c", kind: "HTTPRout"))
        try folder.write("route.yaml", Self.route("/b"))
        let snapshot = try await keeper.load()
        #expect(paths(snapshot) == ["\(PathCondition.prefix("/b"))"])
    }

    @Test func `a kind that is not supported takes nobody's place`() async throws {
        var keeper = keeper()
        _ = try await keeper.load()
        try folder.write("route.yaml", Self.route("/b", kind: "TCPRoute"))
        #expect(try await keeper.load().routes.entries.isEmpty)
    }

    // MARK: - What may not stay

    private static func route(_ name: String, at paths: [String]) -> String {
        let rules = paths.map {
            "    - {name: r\($0.dropFirst()), matches: [{path: {value: \($0)}}], backendRefs: [{name: warehouse, port: 80}]}"
        }
        return """
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: {name: \(name)}
            spec:
              parentRefs: [{name: gatehouse}]
              rules:
            \(rules.joined(separator: "\n"))
            """
    }

    private static func policy(_ name: String, for targets: [String], _ network: String) -> String {
        let references = targets.map { "{group: gateway.networking.k8s.io, kind: HTTPRoute, \($0)}" }
        return """
            apiVersion: gatehouse.dev/v1alpha1
            kind: AccessPolicy
            metadata: {name: \(name)}
            spec: {targetRefs: [\(references.joined(separator: ", "))], addresses: {allow: [\(network)]}}
            """
    }

    /// Each is in use, and then one save that has an error in one document and is right in the others.
    static let mixes: [(before: [String: String], after: [String: String])] = [
        // A new route that the policy, wrong now, was to guard as well.
        (
            ["policy.yaml": policy("p", for: ["name: shop"], "10.0.0.0/8")],
            [
                "policy.yaml": policy("p", for: ["name: shop", "name: b"], "10.0.0.0/80"),
                "b.yaml": route("b", at: ["/b"]),
            ]
        ),
        // A stricter policy in the place of one that moves on, and is wrong.
        (
            [
                "policy.yaml": policy("a", for: ["name: shop"], "0.0.0.0/0"), "b.yaml": route("b", at: ["/b"]),
            ],
            [
                "policy.yaml": policy("a", for: ["name: b"], "10.0.0.0/80"),
                "other.yaml": policy("z", for: ["name: shop"], "10.0.0.0/8"),
            ]
        ),
        // A rule that is given up together with what guarded it, in a route that is wrong now.
        (
            [
                "route.yaml": route("shop", at: ["/a", "/admin"]),
                "policy.yaml": policy("p", for: ["name: shop, sectionName: radmin"], "10.0.0.0/8"),
            ],
            ["route.yaml": route("shop", at: ["a"]), "policy.yaml": ""]
        ),
        // A path that moves to a route with a policy of its own.
        (
            ["policy.yaml": "", "route.yaml": route("shop", at: ["/a", "/admin"])],
            [
                "route.yaml": route("shop", at: ["a"]), "b.yaml": route("z", at: ["/admin"]),
                "policy.yaml": policy("p", for: ["name: z"], "10.0.0.0/8"),
            ]
        ),
        // What the route that is wrong now would take from one that goes.
        (
            [
                "policy.yaml": "", "route.yaml": route("shop", at: ["/"]), "b.yaml": route("b", at: ["/admin"]),
            ],
            ["route.yaml": route("shop", at: ["shop"]), "b.yaml": ""]
        ),
        // A policy that was wrong already, and closed what it was for, goes.
        (
            ["policy.yaml": policy("p", for: ["name: shop"], "10.0.0.0/80")],
            ["policy.yaml": "", "route.yaml": route("shop", at: ["a"])]
        ),
        // Routes that a label lets in, and a policy, wrong now, that was to guard them.
        (
            ["space.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n"],
            [
                "space.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: x, labels: {is: in}}\n",
                "policy.yaml": policy("p", for: ["name: shop", "name: b"], "10.0.0.0/80")
                    .replacing("name: p}", with: "name: offices}"),
            ]
        ),
        // Of a group that is nobody's.
        (
            [:],
            ["policy.yaml": policy("10.0.0.0/8").replacing("gatehouse.dev", with: "gatehouse.example")]
        ),
        // Two documents of one object, the first of them wrong.
        (
            ["policy.yaml": ""],
            ["route.yaml": route("shop", at: ["a"]), "z.yaml": route("shop", at: ["/b"])]
        ),
    ]

    @Test(arguments: mixes.indices)
    func `an old version does not stay where the rest goes on without it: all is refused`(number: Int) async throws {
        let (before, after) = Self.mixes[number]
        var keeper = keeper()
        for (file, text) in before { try folder.write(file, text) }
        _ = try await keeper.load()
        for (file, text) in after { try folder.write(file, text) }
        await #expect(throws: ConfigurationError.self) { try await keeper.load() }
    }

    @Test func `certificates and keys are renewed whatever else is wrong`() async throws {
        func secret(_ value: String) -> String {
            "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {key: \(value)}\n"
        }
        var keeper = keeper()
        try folder.write("secret.yaml", secret("old"))
        let before = try await keeper.load()
        try folder.write("secret.yaml", secret("new"))
        try folder.write("route.yaml", Self.route("no-path"))
        let snapshot = try await keeper.load()
        #expect(paths(snapshot) == paths(before) && isServed(snapshot))
        #expect(status.values.documents.contains { "\($0.value)".contains("new") })
        #expect(!status.values.documents.contains { "\($0.value)".contains("no-path") })
    }

    /// A policy of a kind that is none closes what it may have been for; an old one must not stand in for it.
    @Test func `an unknown policy is nobody's new version`() async throws {
        var keeper = keeper()
        _ = try await keeper.load()
        try folder.write("policy.yaml", Self.policy("10.0.0.0/8").replacing("AccessPolicy", with: "Quarantine"))
        #expect(!isServed(try await keeper.load()))
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
