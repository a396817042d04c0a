import Foundation
import GatewayTestSupport
import Logging
import Proxy
import Routing
import Testing
import UnixSignals

@testable import Control

/// A gateway with its service, which watches its files.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ReloadTests {
    private static let gateway = SampleDocuments.gateway()

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

    /// Runs `body` with a connection to a gateway.
    ///
    /// - Parameter watchSeconds: how often it looks at its files when nothing tells it of changes. With an hour, only being
    ///   told brings a change about.
    private func serving(
        watchSeconds: Int = 3600, backends: [String] = [], configuration: String? = nil,
        _ body: (BlockingSocket, MessageReader) async throws -> Void
    ) async throws {
        let queue = VerificationQueue(consumers: 1) { TokenFactory.now }
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var keeper = ConfigurationKeeper(
            settings: GatewaySettings(
                configuration: [configuration ?? folder.path], backends: backends.compactMap(BackendAddress.init),
                listen: ["http=127.0.0.1:0"].compactMap(ListenAddress.init)),
            queue: queue, status: status, logger: logger, secondsSince1970: { TokenFactory.now })
        let snapshot = try await keeper.load()
        let log = try AccessLog(path: "off")
        let gateway = try Gateway(snapshot: snapshot, workers: 1, accessLog: log)
        let service = GatewayService(
            gateway: gateway, hangups: await UnixSignalsSequence(trapping: [.sigusr2]), keeper: keeper, accessLog: log,
            drainSeconds: 5, watchSeconds: watchSeconds, status: status, logger: logger)
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

    /// 1: as where the file system does not tell of changes.
    @Test(arguments: [3600, 1])
    func `a changed file comes into force by itself, and connections live on`(watchSeconds: Int) async throws {
        try await serving(watchSeconds: watchSeconds) { socket, reader in
            #expect(try ask("/a", socket, reader) == 307)
            try folder.write("route.yaml", Self.route("/b"))
            let isInForce = try await waits { try ask("/b", socket, reader) == 307 }
            #expect(isInForce)
            #expect(try ask("/a", socket, reader) == 404)
            // Counted a moment after it serves.
            let isCounted = try await waits { status.values.reloads == 1 }
            #expect(isCounted)
        }
    }

    @Test func `a bad file is refused once and told, and the old configuration serves`() async throws {
        try await serving { socket, reader in
            try folder.write("route.yaml", Self.route("/a") + "\n  bad: [")
            let isRefused = try await waits { !status.values.refusal.isEmpty }
            #expect(isRefused)
            #expect(status.values.refusal.first?.description.contains("error: is not YAML") == true)
            #expect(try ask("/a", socket, reader) == 307)
            try folder.write("route.yaml", Self.route("/c"))
            let isInForce = try await waits { try ask("/c", socket, reader) == 307 }
            #expect(isInForce)
            #expect(status.values.refusedReloads == 1)
            #expect(status.values.refusal.isEmpty)
        }
    }

    @Test func `a file that appears, in a folder that appears, comes into force`() async throws {
        try await serving { socket, reader in
            try folder.write("more/route.yaml", Self.route("/b").replacing("name: route", with: "name: more"))
            let isInForce = try await waits { try ask("/b", socket, reader) == 307 }
            #expect(isInForce)
            #expect(try ask("/a", socket, reader) == 307)
        }
    }

    /// As kubelet does it: a.yaml → ..data/a.yaml, and ..data → the folder of a version, replaced by a rename.
    @Test func `the swap of a mounted ConfigMap comes into force`() async throws {
        let mount = try TemporaryFolder()
        for (version, path) in [("v1", "/a"), ("v2", "/b")] {
            try mount.write("..\(version)/gateway.yaml", Self.gateway)
            try mount.write("..\(version)/route.yaml", Self.route(path))
        }
        func link(_ name: String, to destination: String) throws {
            try FileManager.default.createSymbolicLink(
                atPath: "\(mount.path)/\(name)", withDestinationPath: destination)
        }
        try link("..data", to: "..v1")
        for name in ["gateway.yaml", "route.yaml"] { try link(name, to: "..data/\(name)") }
        try await serving(configuration: mount.path) { socket, reader in
            #expect(try ask("/a", socket, reader) == 307)
            try link("..data_tmp", to: "..v2")
            #expect(rename("\(mount.path)/..data_tmp", "\(mount.path)/..data") == 0)
            let isInForce = try await waits { try ask("/b", socket, reader) == 307 }
            #expect(isInForce)
            #expect(status.values.refusedReloads == 0)
        }
    }

    @Test func `a WebSocket lives on through a reload`() async throws {
        let upstream = try BlockingListener()
        defer { upstream.close() }
        let route = Self.route("/a")
            .replacing(
                "filters: [{type: RequestRedirect, requestRedirect: {statusCode: 307}}]",
                with: "backendRefs: [{name: chat, port: 80}]")
        try folder.write("route.yaml", route)
        try await serving(backends: ["chat=127.0.0.1:\(upstream.port)"]) { socket, _ in
            let upgrade = ["connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13"]
            let key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="
            let head = ["GET /a HTTP/1.1", "host: localhost"] + upgrade + [key]
            try socket.send(Array((head.joined(separator: "\r\n") + "\r\n\r\n").utf8))
            let server = try #require(upstream.accept())
            let reader = MessageReader(server)
            _ = try reader.requestHead()
            // The answer to that key (RFC 6455 §1.3).
            let accept = "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
            let answer = ["HTTP/1.1 101 Switching Protocols", "connection: upgrade", "upgrade: websocket", accept]
            try server.send(Array((answer.joined(separator: "\r\n") + "\r\n\r\n").utf8))
            let client = MessageReader(socket)
            #expect(try client.responseHead().status == 101)
            try folder.write("route.yaml", Self.route("/b"))
            let isInForce = try await waits { status.values.reloads == 1 }
            #expect(isInForce)
            let port = socket.remotePort
            let other = try BlockingSocket(connectingTo: port)
            let otherReader = MessageReader(other)
            let isServing = try await waits { try ask("/b", other, otherReader) == 307 }
            #expect(isServing, "the worker has the new configuration")
            other.close()
            try socket.send([1, 2, 3])
            #expect(try reader.take(count: 3) == [1, 2, 3])
            try server.send([4, 5])
            #expect(try client.take(count: 2) == [4, 5])
            server.close()
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
