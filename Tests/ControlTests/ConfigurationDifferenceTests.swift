import Routing
import Testing

@testable import Control

/// What changes for clients from one configuration to another.
@Suite struct ConfigurationDifferenceTests {
    private static let gateway = """
        \(SampleDocuments.gateway(listener: "{name: http, port: 80, protocol: HTTP}"))
        ---

        """

    private func route(_ name: String, _ path: String, backend: String) -> String {
        """
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: \(name)}
        spec:
          parentRefs: [{name: gatehouse}]
          rules:
            - matches: [{path: {value: \(path)}}]
              backendRefs: [{name: \(backend), port: 80}]
        ---

        """
    }

    private func translation(_ routes: String...) throws -> Translation {
        let documents = Documents(reading: try YAMLDocuments.parse(Self.gateway + routes.joined(), file: "a.yaml"))
        return Translation(of: documents, settings: TranslationSettings(missingReference: .warning))
    }

    @Test func `the same by other names is no difference`() throws {
        let old = try translation(route("a", "/a", backend: "one"), route("b", "/b", backend: "one"))
        let new = try translation(route("c", "/b", backend: "one"), route("d", "/a", backend: "one"))
        #expect(ConfigurationDifference(from: old, to: new).changes == [])
    }

    @Test func `tells what is added, removed and changed, with a request each`() throws {
        let old = try translation(route("a", "/a", backend: "one"), route("b", "/b", backend: "one"))
        let new = try translation(route("a", "/a", backend: "two"), route("c", "/c", backend: "two"))
        let changes = ConfigurationDifference(from: old, to: new).changes
        let routes = changes.filter { $0.kind == "route" }
        #expect(routes.map(\.change) == ["removed", "changed", "added"])
        #expect(
            routes.map(\.name) == ["http: any method /b[/*]", "http: any method /a[/*]", "http: any method /c[/*]"])
        #expect(routes[1].details == ["backends: default/one:80 → default/two:80"])
        #expect(routes[0].witness == "GET http://localhost/b: was default/one:80 for anybody, now 404")
        #expect(routes[2].witness == "GET http://localhost/c: was 404, now default/two:80 for anybody")
        #expect(changes.filter { $0.kind == "backend" }.map(\.change) == ["removed", "added"])
    }

    @Test func `a limit of all clients is a change`() throws {
        let policy = """
            apiVersion: gatehouse.dev/v1alpha1
            kind: TrafficPolicy
            metadata: {name: limits}
            spec:
              targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: gatehouse}]
              clients: {requestBodyBytes: 10}
            """
        let changes = ConfigurationDifference(from: try translation(), to: try translation(policy)).changes
        #expect(changes.map(\.details) == [["requestBodyBytes: none → 10"]])
    }
}
