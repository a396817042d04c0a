import GatewayTestSupport
import Proxy
import Routing
import Synchronization
import Testing

@testable import Control

/// A gateway with its services, and an issuer that takes tokens back, is down, and comes up again.
@Suite(.serialized, .timeLimit(.minutes(3))) struct RevocationTests {
    /// What the issuer answers.
    private final class Issuer: Sendable {
        let keys: String
        private let revoked = Mutex<[String]>([])
        private let isDown = Mutex(false)

        init(keys: String) { self.keys = keys }

        /// - Parameter entry: members of a JSON object.
        func revoke(_ entry: String) { revoked.withLock { $0.append(entry) } }

        func setDown(_ down: Bool) { isDown.withLock { $0 = down } }

        func answer(_ request: RawMessage) -> String? {
            if request.requestLine == "GET /keys" { return ScriptedServer.ok(keys) }
            if isDown.withLock({ $0 }) { return nil }
            guard let after = request.requestLine.split(separator: "after=").last.flatMap({ Int($0) }) else {
                return nil
            }
            let (rest, next) = revoked.withLock { (Array($0.dropFirst(after)), $0.count) }
            return ScriptedServer.ok("{\"revocations\": [\(rest.joined(separator: ","))], \"next\": \(next)}")
        }
    }

    private static let documents = """
        \(SampleDocuments.shop)
        ---
        apiVersion: gatehouse.dev/v1alpha1
        kind: AuthenticationPolicy
        metadata: {name: shop}
        spec:
          targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: gatehouse}]
          jwt:
            issuer: https://issuer.example
            audiences: [gatehouse]
            keySet: {uri: "http://identity/keys", timeout: 10s}
            revocations: {uri: "http://identity:8084/revocations", interval: 100ms, timeout: 10s}
        """

    private static func token(_ factory: TokenFactory, _ subject: String, id: String) throws -> String {
        let claims = TokenFactory.claims(["sub": subject, "jti": id, "exp": TokenFactory.now + 600])
        return String(decoding: try factory.token(claims: claims), as: UTF8.self)
    }

    @Test func `what the issuer takes back is refused, and while it is silent everything else goes on`() async throws {
        let factory = try TokenFactory()
        let issuer = Issuer(keys: try factory.keySetJSON)
        let server = try ScriptedServer { issuer.answer($0) }
        defer { server.stop() }
        let shop = try ScriptedServer { _ in ScriptedServer.ok("sold") }
        defer { shop.stop() }
        let folder = try TemporaryFolder()
        try folder.write("shop.yaml", Self.documents)
        let alice = try Self.token(factory, "alice", id: "a1")
        let bob = try Self.token(factory, "bob", id: "b1")
        let bobsOther = try Self.token(factory, "bob", id: "b2")
        let backends = ["shop=127.0.0.1:\(shop.port)", "identity=127.0.0.1:\(server.port)"]

        try await ServedGateway.serving(folder, backends: backends, now: { TokenFactory.now }) { served in
            try await waitUntil { try await served.status(alice) == 200 }
            try await waitUntil { try await served.status(bob) == 200 }
            try await waitUntil { served.revocations.figures.first?.answeredAt != nil }

            // All of a subject's tokens: the remembered one, and one that was never seen.
            issuer.revoke(#"{"position": 1, "subject": "alice", "issued_before": "2027-01-15T08:00:01Z"}"#)
            try await waitUntil { try await served.status(alice) == 401 }
            #expect(try await served.ask(alice).text.contains("\"code\":\"tokenRevoked\""))
            try await waitUntil { try await served.status(try Self.token(factory, "alice", id: "a2")) == 401 }
            try await waitUntil { try await served.status(bob) == 200 }

            // One token, and no other.
            issuer.revoke(#"{"position": 2, "token": "b1", "expires_at": "2027-01-15T08:10:00Z"}"#)
            try await waitUntil { try await served.status(bob) == 401 }
            try await waitUntil { try await served.status(bobsOther) == 200 }

            // Nobody tells any more: what is known is known, and the gateway says so.
            issuer.setDown(true)
            try await waitUntil { served.status.values.revocationProblems.count == 1 }
            try await waitUntil { try await served.status(alice) == 401 }
            try await waitUntil { try await served.status(bobsOther) == 200 }
            let report = ReadinessReport(served.status.values)
            #expect(report.ready && report.revocationProblems.first?.contains("the 2 that are known") == true)
            let metrics = GatewayMetrics.text(
                GatewayFigures(gateway: served.gateway.statistics, revocations: served.revocations.figures),
                status: served.status.values)
            #expect(metrics.contains("gatehouse_token_revocations{uri=\"http://identity:8084/revocations\"} 2\n"))
            #expect(!metrics.contains("result=\"failed\"} 0\n# TYPE gatehouse_token_revocation_answered"))

            // It is back, and tells what happened meanwhile.
            issuer.revoke(#"{"position": 3, "subject": "bob", "issued_before": "2027-01-15T08:00:01Z"}"#)
            issuer.setDown(false)
            try await waitUntil { try await served.status(bobsOther) == 401 }
            try await waitUntil { served.status.values.revocationProblems.isEmpty }
        }
        // The name of the Service, though it lives elsewhere.
        let hosts = Set(server.requests.compactMap { $0["host"] })
        #expect(hosts == ["identity", "identity:8084"])
    }
}
