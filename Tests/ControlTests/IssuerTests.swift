import Dispatch
import GatewayTestSupport
import Logging
import Proxy
import Routing
import Synchronization
import Testing
import UnixSignals

@testable import Control

/// A gateway with its services, and an issuer that is down, comes up, changes its keys, and goes down again.
@Suite(.serialized, .timeLimit(.minutes(3))) struct IssuerTests {
    private struct Issuer: Sendable {
        var json: String?
        var now = TokenFactory.now
    }

    private static func documents(_ issuer: UInt16) -> String {
        """
        \(SampleDocuments.gateway())
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: shop}
        spec:
          parentRefs: [{name: gatehouse}]
          rules:
            - backendRefs: [{name: shop, port: 80}]
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

        try await serving(folder, shop.port, holder) { status, port in
            #expect(try await ask(port, old) == 503)
            #expect(status.values.waitingFor.first?.hasPrefix("keys of http://127.0.0.1") == true)

            let keys = try first.keySetJSON
            holder.update { $0.json = keys }
            try await eventually({ holder.update { $0.now += 60 } }) { try await ask(port, old) == 200 }
            try await eventually { status.values.waitingFor.isEmpty }

            // The first token of a new key makes the set be fetched, and waits for it. The old key is gone with it.
            let next = try second.keySetJSON.replacing("\"ec\"", with: "\"next\"")
            holder.update { $0.json = next }
            #expect(try await ask(port, new) == 200)
            try await eventually { try await ask(port, old) == 401 }

            // An hour without the issuer.
            holder.update { state in
                state.json = nil
                state.now += 3_600
            }
            let seen = issuer.requests.count
            #expect(try await ask(port, unknown) == 401)
            #expect(issuer.requests.count == seen + 1)
            #expect(try await ask(port, new) == 200)
        }
    }

    /// What the issuer answers, and the time.
    private final class Holder: Sendable {
        private let state = Mutex(Issuer())

        var json: String? { state.withLock { $0.json } }
        var now: Int64 { state.withLock { $0.now } }

        func update(_ change: (inout Issuer) -> Void) { state.withLock { change(&$0) } }
    }

    private func serving(
        _ folder: TemporaryFolder, _ backend: UInt16, _ clock: Holder,
        _ body: (ControlStatus, UInt16) async throws -> Void
    ) async throws {
        let status = ControlStatus()
        let now: @Sendable () -> Int64 = { clock.now }
        let queue = VerificationQueue(consumers: 1) { TokenFactory.now }
        let client = KeySetClient { _ in nil }
        let keySets = RemoteKeySets(fetch: { try await client.fetch($0) }, secondsSince1970: now)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var keeper = ConfigurationKeeper(
            settings: GatewaySettings(
                configuration: [folder.path], backends: ["shop=127.0.0.1:\(backend)"].compactMap(BackendAddress.init),
                listen: ["http=127.0.0.1:0"].compactMap(ListenAddress.init)),
            queue: queue, status: status, logger: logger, keySets: keySets, secondsSince1970: now)
        let log = try AccessLog(path: "off")
        let gateway = try Gateway(snapshot: try await keeper.load(), workers: 1, accessLog: log)
        let service = GatewayService(
            gateway: gateway, hangups: await UnixSignalsSequence(trapping: [.sigusr2]), keeper: keeper, accessLog: log,
            drainSeconds: 5, watchSeconds: 0, status: status, keySets: keySets, logger: logger)
        let port = try #require(gateway.ports["http"])
        try await withThrowingTaskGroup { group in
            group.addTask { await queue.run() }
            group.addTask { await keySets.run() }
            group.addTask { try await service.run() }
            defer { group.cancelAll() }
            try await eventually { status.values.phase == .serving }
            try await body(status, port)
        }
    }

    /// On a thread of its own: who blocks must not hold one that the services need.
    private func ask(_ port: UInt16, _ token: String) async throws -> Int {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(
                    with: Result {
                        let socket = try BlockingSocket(connectingTo: port)
                        defer { socket.close() }
                        try socket.send(
                            Array("GET / HTTP/1.1\r\nhost: a\r\nauthorization: Bearer \(token)\r\n\r\n".utf8))
                        return try MessageReader(socket).response().status
                    })
            }
        }
    }

    private func eventually(
        _ prepare: () -> Void = {}, _ condition: () async throws -> Bool
    ) async throws {
        let end = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < end {
            prepare()
            if try await condition() { return }
            // lint: allow(sleep): the pause between two looks; the condition ends the wait
            try await Task.sleep(for: .milliseconds(50))
        }
        Issue.record("it did not come to that in time")
    }
}
