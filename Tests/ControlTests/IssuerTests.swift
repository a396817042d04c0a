import GatewayTestSupport
import Routing
import Synchronization
import Testing

@testable import Control

/// A gateway with its services, and an issuer that is down, comes up, changes its keys, and goes down again.
@Suite(.serialized, .timeLimit(.minutes(3))) struct IssuerTests {
    private struct Issuer: Sendable {
        var json: String?
        var now = TokenFactory.now
    }

    private static func documents(_ issuer: UInt16) -> String {
        """
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
            keySet: {uri: "http://127.0.0.1:\(issuer)/keys", timeout: 10s}
        """
    }

    @Test func `tokens are served while the issuer is down, and never before its keys were seen`() async throws {
        let holder = Holder()
        let issuer = try ScriptedServer { _ in
            holder.json.map { ScriptedServer.ok($0, fields: ["cache-control: max-age=60"]) }
                ?? "HTTP/1.1 500 Oh\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        }
        defer { issuer.stop() }
        let shop = try ScriptedServer { _ in ScriptedServer.ok("sold") }
        defer { shop.stop() }
        let folder = try TemporaryFolder()
        try folder.write("shop.yaml", Self.documents(issuer.port))
        let first = try TokenFactory()
        let second = try TokenFactory()
        let old = String(decoding: try first.token(), as: UTF8.self)
        let new = String(decoding: try second.token(header: ["alg": "ES256", "kid": "next"]), as: UTF8.self)
        let unknown = String(decoding: try second.token(header: ["alg": "ES256", "kid": "?"]), as: UTF8.self)

        try await ServedGateway.serving(folder, backends: ["shop=127.0.0.1:\(shop.port)"], now: { holder.now }) {
            served in
            let status = served.status
            try await waitUntil { try await served.status(old) == 503 }
            #expect(status.values.waitingFor.first?.hasPrefix("keys of http://127.0.0.1") == true)

            let keys = try first.keySetJSON
            holder.update { $0.json = keys }
            try await waitUntil({ holder.update { $0.now += 60 } }) { try await served.status(old) == 200 }
            try await waitUntil { status.values.waitingFor.isEmpty }

            // The first token of a new key makes the set be fetched, and waits for it. The old key is gone with it.
            let next = try second.keySetJSON.replacing("\"ec\"", with: "\"next\"")
            holder.update { $0.json = next }
            // On a busy machine the verification may end (503) before the keys are there.
            try await waitUntil { try await served.status(new) == 200 }
            try await waitUntil { try await served.status(old) == 401 }

            // An hour without the issuer.
            holder.update { state in
                state.json = nil
                state.now += 3_600
            }
            let seen = issuer.requests.count
            try await waitUntil { try await served.status(unknown) == 401 }
            #expect(issuer.requests.count == seen + 1)
            try await waitUntil { try await served.status(new) == 200 }
        }
    }

    /// What the issuer answers, and the time.
    private final class Holder: Sendable {
        private let state = Mutex(Issuer())

        var json: String? { state.withLock { $0.json } }
        var now: Int64 { state.withLock { $0.now } }

        func update(_ change: (inout Issuer) -> Void) { state.withLock { change(&$0) } }
    }
}
