import Foundation
import GatewayTestSupport
import Policy
import Proxy
import Reactor
import Routing
import Synchronization
import Testing

/// A configuration in a few words: listeners "http" and "https" on ephemeral ports, and rules by path.
struct Site {
    struct Rule {
        var path: String
        /// Ports on the loopback interface.
        var endpoints: [UInt16] = []
        var wireProtocol = Backend.WireProtocol.http1
        var redirect: Redirect?
        var authentication: AuthenticationRule?
        var requestTimeout: Int?
        var backendRequestTimeout: Int?
        var retries: RetrySettings?
        var traffic = TrafficSettings()
        var tls: BackendTLS?
        var policies: RulePolicies?
        var filters: FilterChain?
        var backendFilters: FilterChain?
        var persistence: SessionPersistence?
        /// Of a backend that gets a copy of every request.
        var mirror: [UInt16] = []
        var unresolvedWeight = 0
    }

    var rules: [Rule]
    var rateLimits: [RateLimit] = []
    var apiKeySets: [APIKeySet] = []
    var tokenProviders: [TokenProvider] = []
    var limits = Limits()
    var verifier: any TokenVerifying = ScriptedVerifier()
    /// By token provider.
    var revocations: [RevocationSource?] = []
    var trustedProxies: AddressSet?
    /// Nil: a certificate for "localhost".
    var tls: TLSServerContext?
    /// Of every listener.
    var proxyProtocol: ProxyProtocolSettings?
    var descriptions = [
        ListenerDescription(name: "http", port: 80, transport: .http),
        ListenerDescription(name: "https", port: 443, transport: .https),
    ]

    func snapshot(keeping previous: Snapshot? = nil) throws -> Snapshot {
        let certificate = try Certificate.localhost.get()
        let tls =
            try self.tls
            ?? TLSServerContext(
                certificateChainPEM: certificate.certificatePEM, privateKeyPEM: certificate.privateKeyPEM)
        var backends: [Backend] = []
        var compiled: [RouteRule] = []
        var entries: [RouteEntry] = []
        for (index, rule) in rules.enumerated() {
            var weighted: [WeightedBackend] = []
            if rule.redirect == nil, rule.unresolvedWeight == 0 {
                let backend = Backend(
                    index: backends.count, name: "default/backend\(index):80", wireProtocol: rule.wireProtocol,
                    endpoints: rule.endpoints.map { Endpoint(address: "127.0.0.1", port: $0) },
                    traffic: rule.traffic, tls: rule.tls)
                backends.append(backend)
                weighted = [WeightedBackend(backend: backend, filters: rule.backendFilters)]
            }
            var filters = rule.filters
            if !rule.mirror.isEmpty {
                let mirror = Backend(
                    index: backends.count, name: "default/mirror\(index):80", wireProtocol: rule.wireProtocol,
                    endpoints: rule.mirror.map { Endpoint(address: "127.0.0.1", port: $0) })
                backends.append(mirror)
                filters = FilterChain(
                    requestHeaders: filters?.requestHeaders, rewrite: filters?.rewrite,
                    mirrors: [RequestMirror(backend: mirror)])
            }
            compiled.append(
                RouteRule(
                    index: index, routeName: "default/route\(index)", ruleName: "0", backends: weighted,
                    unresolvedWeight: rule.unresolvedWeight, redirect: rule.redirect, filters: filters,
                    persistence: rule.persistence, requestTimeoutMilliseconds: rule.requestTimeout,
                    backendRequestTimeoutMilliseconds: rule.backendRequestTimeout, retries: rule.retries,
                    authentication: rule.authentication, policies: rule.policies))
            for listener in descriptions.indices {
                entries.append(
                    RouteEntry(
                        listener: listener, hostname: descriptions[listener].hostname, path: .prefix(rule.path),
                        rule: index))
            }
        }
        let routes = RouteTable(
            listeners: descriptions, tokenProviders: tokenProviders, apiKeySets: apiKeySets, rateLimits: rateLimits,
            backends: backends, rules: compiled, entries: entries)
        let listeners = descriptions.enumerated().map { index, description in
            Listener(
                index: index, name: description.name, address: "127.0.0.1", port: 0,
                tls: description.transport == .https ? tls : nil, proxyProtocol: proxyProtocol)
        }
        return try Snapshot(
            routes: routes, listeners: listeners, limits: limits, verifier: verifier, revocations: revocations,
            trustedProxies: trustedProxies.map { TrustedProxies($0) }, keeping: previous)
    }
}

/// What the access log says of one request.
struct LogLine: Decodable, Sendable {
    var requestID: String
    var method: String
    var host: String
    var path: String
    var status: Int
    var outcome: String
    var attempts: Int?
    var requestBytes: Int
    var responseBytes: Int
    var route: String?
    var backend: String?
    var endpoint: String?
    var subject: String?
    var consumer: String?
    var requestHeaders: [String: String]?
    var http: String
    var client: String?
    var tls: String?
    var listener: String?
    var retries: Int?
    var traceID: String?
    var userAgent: String?
    var upstreamHTTP: String?
    var duration: UInt64?
    var prepare: UInt64?
    var queue: UInt64?
    var connect: UInt64?
    var upstream: UInt64?

    private enum CodingKeys: String, CodingKey {
        case requestID = "request_id"
        case requestHeaders = "request_headers"
        case traceID = "trace_id"
        case userAgent = "user_agent"
        case upstreamHTTP = "upstream_http"
        case duration = "duration_us"
        case prepare = "prepare_us"
        case queue = "queue_us"
        case connect = "connect_us"
        case upstream = "upstream_us"
        case requestBytes = "request_bytes"
        case responseBytes = "response_bytes"
        case method, host, path, status, outcome, attempts, route, backend, endpoint, subject, consumer, http, client
        case tls
        case listener, retries
    }
}

/// What the access log says of a connection that was given up.
struct ConnectionLine: Decodable, Sendable {
    var event: String
    var outcome: String
    var listener: String
    var client: String
    var reason: String?
}

/// A whole gateway in this process.
final class GatewayUnderTest: Sendable {
    let gateway: Gateway
    /// The one it began with.
    let snapshot: Snapshot
    private let log: AccessLog
    private let logPath: String
    private let connections = Mutex<[ConnectionLine]>([])
    /// Of the access log, once `withGateway` has returned.
    var connectionLines: [ConnectionLine] { connections.withLock { $0 } }

    init(_ site: Site, workers: Int) throws {
        logPath = FileManager.default.temporaryDirectory.appending(path: "gatehouse-access-\(UUID()).log").path
        log = try AccessLog(path: logPath)
        snapshot = try site.snapshot()
        gateway = try Gateway(snapshot: snapshot, workers: workers, accessLog: log)
        try gateway.start()
    }

    func port(_ listener: String) throws -> UInt16 { try #require(gateway.ports[listener]) }

    /// - Parameter host: the client's address, 127.0.0.x.
    func connect(from host: UInt8 = 1, receiveBuffer: Int32? = nil, deadlineSeconds: Int = 60) throws -> Client {
        let socket = try BlockingSocket(
            connectingTo: port("http"), from: host, receiveBuffer: receiveBuffer, deadlineSeconds: deadlineSeconds)
        return Client(socket: socket, stream: socket)
    }

    func connectTLS(receiveBuffer: Int32? = nil, listener: String = "https") throws -> Client {
        let socket = try BlockingSocket(connectingTo: port(listener), receiveBuffer: receiveBuffer)
        return Client(socket: socket, stream: try BlockingTLS(over: socket, protocols: ["http/1.1"]))
    }

    /// HTTP/2 with prior knowledge on the cleartext listener.
    func connectH2C() throws -> HTTP2Client {
        let socket = try BlockingSocket(connectingTo: port("http"))
        return try HTTP2Client(socket, socket: socket)
    }

    func connectHTTP2(receiveBuffer: Int32? = nil, deadlineSeconds: Int = 60) throws -> HTTP2Client {
        let socket = try BlockingSocket(
            connectingTo: port("https"), receiveBuffer: receiveBuffer, deadlineSeconds: deadlineSeconds)
        return try HTTP2Client(BlockingTLS(over: socket, protocols: ["h2"]), socket: socket)
    }

    /// One request on a connection of its own.
    func get(_ path: String, fields: [String] = []) throws -> RawMessage {
        let client = try connect()
        try client.get(path, fields: fields)
        return try client.response()
    }

    /// Waits until a drain that was begun is under way: the listeners are closed. It yields, because the drain may need
    /// this very thread to begin.
    func isDraining() async -> Bool {
        for _ in 0..<100_000 {
            guard (try? connect()) != nil else { return true }
            await Task.yield()
        }
        return false
    }

    func count(_ outcome: Outcome) -> UInt64 { gateway.statistics.requests[outcome] ?? 0 }

    /// Drains, and gives the access log.
    func stop(deadlineSeconds: Int) async throws -> [LogLine] {
        await gateway.drain(deadlineSeconds: deadlineSeconds)
        log.close()
        let text = try String(contentsOfFile: logPath, encoding: .utf8)
        try FileManager.default.removeItem(atPath: logPath)
        var requests: [LogLine] = []
        for line in text.split(separator: "\n").map({ Data($0.utf8) }) {
            if let connection = try? JSONDecoder().decode(ConnectionLine.self, from: line) {
                connections.withLock { $0.append(connection) }
            } else {
                requests.append(try JSONDecoder().decode(LogLine.self, from: line))
            }
        }
        return requests
    }
}

/// Runs `body` against a gateway. Afterwards no request, no connection and no descriptor may be left.
///
/// - Returns: the access log.
@discardableResult
func withGateway(
    _ site: Site, workers: Int = 1, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (GatewayUnderTest) async throws -> Void
) async throws -> [LogLine] {
    // The clients here block.
    try await withTaskExecutorPreference(BlockingThreads.shared) {
        try await runGateway(site, workers: workers, sourceLocation: sourceLocation, body)
    }
}

private func runGateway(
    _ site: Site, workers: Int, sourceLocation: SourceLocation, _ body: (GatewayUnderTest) async throws -> Void
) async throws -> [LogLine] {
    let gateway = try GatewayUnderTest(site, workers: workers)
    do {
        try await body(gateway)
    } catch {
        _ = try await gateway.stop(deadlineSeconds: 1)
        throw error
    }
    #expect(
        eventually { gateway.gateway.statistics.requestsOpen == 0 }, "requests are left open",
        sourceLocation: sourceLocation)
    // A port that cannot be reserved has no listener any more, and no connection of ours to be found.
    let reservations = gateway.gateway.ports.values.compactMap { try? PortReservation($0) }
    defer { withExtendedLifetime(reservations) {} }
    let log = try await gateway.stop(deadlineSeconds: 5)
    let statistics = gateway.gateway.statistics
    #expect(statistics.connectionsOpen == 0, sourceLocation: sourceLocation)
    #expect(statistics.loops.heldBytes == 0, "memory is still accounted for", sourceLocation: sourceLocation)
    let finished = statistics.requests.values.reduce(0, +)
    #expect(finished == UInt64(log.count), "every request has one line", sourceLocation: sourceLocation)
    #expect(statistics.responses.reduce(0, +) == finished, sourceLocation: sourceLocation)
    // A leak stays. A minute and a half outlasts the deadline of a test's own blocking socket.
    for port in gateway.gateway.ports.values {
        #expect(
            try await settles(within: 90) { SocketTable.connections(touching: port) == 0 },
            "client connections leak: \(SocketTable.describe(touching: port))", sourceLocation: sourceLocation)
    }
    for port in site.rules.flatMap({ $0.endpoints + $0.mirror }) {
        #expect(
            try await settles(within: 90) { SocketTable.connections(touching: port) == 0 },
            "upstream connections leak: \(SocketTable.describe(touching: port))", sourceLocation: sourceLocation)
    }
    return log
}
