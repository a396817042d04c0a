import GatewayTestSupport
import Logging
import Proxy
import Routing
import Testing
import UnixSignals

@testable import Control

/// A gateway with its service, which watches its files.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ReloadTests {
    private static let gateway = """
        apiVersion: gateway.networking.k8s.io/v1
        kind: GatewayClass
        metadata: {name: gatehouse}
        spec: {controllerName: gatehouse.dev/gateway}
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: Gateway
        metadata: {name: gatehouse}
        spec:
          gatewayClassName: gatehouse
          listeners: [{name: http, port: 8080, protocol: HTTP}]
        """

    private static func route(_ path: String) -> String {
        """
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: route}
        spec:
          parentRefs: [{name: gatehouse}]
          rules:
            - matches: [{path: {value: \(path)}}]
              filters: [{type: RequestRedirect, requestRedirect: {statusCode: 307}}]
        """
    }

    private let folder: TemporaryFolder
    private let status = ControlStatus()

    init() throws {
        folder = try TemporaryFolder()
        try folder.write("gateway.yaml", Self.gateway)
        try folder.write("route.yaml", Self.route("/a"))
    }

    /// Runs `body` with a connection to a gateway that looks at its files every second.
    private func serving(_ body: (BlockingSocket, MessageReader) async throws -> Void) async throws {
        let queue = VerificationQueue(consumers: 1) { TokenFactory.now }
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var keeper = ConfigurationKeeper(
            settings: GatewaySettings(
                configuration: [folder.path], listen: ["http=127.0.0.1:0"].compactMap(ListenAddress.init)),
            queue: queue, status: status, logger: logger, secondsSince1970: { TokenFactory.now })
        let snapshot = try await keeper.load()
        let log = try AccessLog(path: "off")
        let gateway = try Gateway(snapshot: snapshot, workers: 1, accessLog: log)
        let service = GatewayService(
            gateway: gateway, hangups: await UnixSignalsSequence(trapping: [.sigusr2]), keeper: keeper, accessLog: log,
            drainSeconds: 5, watchSeconds: 1, status: status, logger: logger)
        let socket = try BlockingSocket(connectingTo: try #require(gateway.ports["http"]))
        try await withThrowingTaskGroup { group in
            group.addTask { try await service.run() }
            defer { group.cancelAll() }
            // What blocks below may hold every thread that the service could begin on.
            let isServing = try await waits { status.values.phase == .serving }
            #expect(isServing)
            try await body(socket, MessageReader(socket))
            socket.close()
        }
    }

    private func ask(_ path: String, _ socket: BlockingSocket, _ reader: MessageReader) throws -> Int {
        try socket.send(Array("GET \(path) HTTP/1.1\r\nhost: localhost\r\n\r\n".utf8))
        return try reader.response().status
    }

    /// Waits without holding a thread: the service under test needs one.
    private func waits(until condition: () throws -> Bool) async throws -> Bool {
        let end = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < end {
            if try condition() { return true }
            // lint: allow(sleep): the pause between two looks; the condition ends the wait
            try await Task.sleep(for: .milliseconds(20))
        }
        return false
    }

    @Test func `a changed file comes into force by itself, and connections live on`() async throws {
        try await serving { socket, reader in
            #expect(try ask("/a", socket, reader) == 307)
            try folder.write("route.yaml", Self.route("/b"))
            let isInForce = try await waits { try ask("/b", socket, reader) == 307 }
            #expect(isInForce)
            #expect(try ask("/a", socket, reader) == 404)
            #expect(status.values.reloads == 1)
        }
    }

    @Test func `a bad file is refused once and told, and the old configuration serves`() async throws {
        try await serving { socket, reader in
            try folder.write("route.yaml", Self.route("nowhere"))
            let isRefused = try await waits { !status.values.refusal.isEmpty }
            #expect(isRefused)
            #expect(status.values.refusal.first?.description.contains("route.yaml:7: error") == true)
            #expect(try ask("/a", socket, reader) == 307)
            try folder.write("route.yaml", Self.route("/c"))
            let isInForce = try await waits { try ask("/c", socket, reader) == 307 }
            #expect(isInForce)
            #expect(status.values.refusedReloads == 1)
            #expect(status.values.refusal.isEmpty)
        }
    }

    @Test func `a listener whose address cannot be had refuses the configuration`() async throws {
        let taken = try BlockingListener()
        defer { taken.close() }
        try await serving { socket, reader in
            #expect(try ask("/a", socket, reader) == 307)
            let more = "http, port: 8080, protocol: HTTP}, {name: more, port: \(taken.port), protocol: HTTP}"
            try folder.write("route.yaml", Self.route("/b"))
            try folder.write("gateway.yaml", Self.gateway.replacing("http, port: 8080, protocol: HTTP}", with: more))
            let isRefused = try await waits { !status.values.refusal.isEmpty }
            #expect(isRefused)
            #expect(try ask("/a", socket, reader) == 307)
            #expect(status.values.table?.listeners.map(\.name) == ["http"])
        }
    }
}
