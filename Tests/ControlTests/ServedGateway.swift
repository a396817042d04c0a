import Dispatch
import GatewayTestSupport
import Logging
import Proxy
import Routing
import Synchronization
import Testing
import UnixSignals

@testable import Control

/// A gateway with its services in this process, from documents in a folder, on the listener "http".
struct ServedGateway: Sendable {
    let gateway: Gateway
    let status: ControlStatus
    let revocations: RevocationFeeds
    let port: UInt16

    /// - Parameters:
    ///   - backends: as `--backend` takes them.
    ///   - now: the clock of key sets and feeds; tokens are verified at `TokenFactory.now`.
    static func serving(
        _ folder: TemporaryFolder, backends: [String], watchSeconds: Int = 0, now: @escaping @Sendable () -> Int64,
        _ body: (ServedGateway) async throws -> Void
    ) async throws {
        let status = ControlStatus()
        let queue = VerificationQueue(consumers: 1) { TokenFactory.now }
        let addresses = backends.compactMap(BackendAddress.init)
        let client = KeySetClient(services: ServiceAddresses(addresses)) { _ in nil }
        let keySets = RemoteKeySets(fetch: { try await client.fetch($0) }, secondsSince1970: now)
        let feedClient = RevocationClient(services: ServiceAddresses(addresses)) { _ in nil }
        let revocations = RevocationFeeds(
            fetch: { try await feedClient.page(of: $0, after: $1) }, ended: { await feedClient.end($0) },
            secondsSince1970: now)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var keeper = ConfigurationKeeper(
            settings: GatewaySettings(
                configuration: [folder.path], backends: addresses,
                listen: ["http=127.0.0.1:0"].compactMap(ListenAddress.init)),
            queue: queue, status: status, logger: logger, keySets: keySets, revocations: revocations,
            secondsSince1970: now)
        let log = try AccessLog(path: "off")
        let gateway = try Gateway(snapshot: try await keeper.load(), workers: 1, accessLog: log)
        let service = GatewayService(
            gateway: gateway, hangups: await UnixSignalsSequence(trapping: [.sigusr2]), keeper: keeper, accessLog: log,
            drainSeconds: 5, watchSeconds: watchSeconds, status: status, keySets: keySets, revocations: revocations,
            logger: logger)
        let port = try #require(gateway.ports["http"])
        try await withThrowingTaskGroup { group in
            group.addTask { await queue.run() }
            group.addTask { await keySets.run() }
            group.addTask { await revocations.run() }
            group.addTask { try await service.run() }
            defer { group.cancelAll() }
            try await waitUntil { status.values.phase == .serving }
            try await body(
                ServedGateway(gateway: gateway, status: status, revocations: revocations, port: port))
        }
    }

    /// What a request with this token is answered with. On a thread of its own: who blocks must not hold one that the
    /// services need.
    func ask(_ token: String) async throws -> RawMessage {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(
                    with: Result {
                        let socket = try BlockingSocket(connectingTo: port)
                        defer { socket.close() }
                        try socket.send(
                            Array("GET / HTTP/1.1\r\nhost: a\r\nauthorization: Bearer \(token)\r\n\r\n".utf8))
                        return try MessageReader(socket).response()
                    })
            }
        }
    }

    func status(_ token: String) async throws -> Int { try await ask(token).status }
}

/// Waits for a condition, a minute at most.
func waitUntil(
    _ prepare: () -> Void = {}, sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < end {
        prepare()
        if try await condition() { return }
        // lint: allow(sleep): the pause between two looks; the condition ends the wait
        try await Task.sleep(for: .milliseconds(50))
    }
    Issue.record("it did not come to that in time", sourceLocation: sourceLocation)
}
