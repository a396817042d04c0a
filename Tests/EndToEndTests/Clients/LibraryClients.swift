import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL

/// AsyncHTTPClient, once for each version of HTTP, trusting our authority alone.
struct LibraryClients: Sendable {
    private let http2: HTTPClient
    private let http1: HTTPClient

    init(authority: String) {
        http2 = Self.make(authority, .automatic)
        http1 = Self.make(authority, .http1Only)
    }

    private static func make(_ authority: String, _ version: HTTPClient.Configuration.HTTPVersion) -> HTTPClient {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .file(authority)
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
        configuration.httpVersion = version
        configuration.redirectConfiguration = .disallow
        configuration.dnsOverride = ["localhost": "127.0.0.1"]
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// - Throws: When there is no whole answer within ``RunningSystem/patience``.
    func send(_ request: Request, over client: Client) async throws -> Answer {
        var sent = HTTPClientRequest(url: request.url)
        sent.method = HTTPMethod(rawValue: request.method)
        for (name, value) in request.headers { sent.headers.add(name: name, value: value) }
        sent.body = request.body.map { .bytes(ByteBuffer(bytes: $0)) }
        let library = client == .http2 ? http2 : http1
        let response = try await library.execute(sent, timeout: TimeAmount(RunningSystem.patience))
        let content = try await response.body.collect(upTo: 16 << 20)
        return Answer(
            status: Int(response.status.code), majorVersion: response.version.major,
            headers: response.headers.map { ($0.name.lowercased(), $0.value) },
            content: Array(content.readableBytesView))
    }

    func shutdown() async {
        // Connections that the gateway has closed are no reason to fail.
        try? await http2.shutdown()
        try? await http1.shutdown()
    }
}
