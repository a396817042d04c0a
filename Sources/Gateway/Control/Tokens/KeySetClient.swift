import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL
import Routing

/// Fetches key sets over HTTP: https with a certificate that is checked, no redirects, one answer of bounded size in
/// bounded time.
struct KeySetClient: Sendable {
    /// The largest answer that is read.
    static let sizeLimitBytes = 256 << 10

    /// PEM text of a key of a ConfigMap; nil when there is none.
    let authorities: @Sendable (TokenProvider.ConfigMapKey) -> String?

    func fetch(_ settings: TokenProvider.RemoteKeySet) async throws -> RemoteKeySet.Answer {
        // A client for each fetch: it happens every few minutes, and keeps nothing open in between.
        let client = HTTPClient(
            eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: try configuration(settings))
        do {
            let answer = try await withDeadline(milliseconds: settings.timeoutMilliseconds) {
                try await fetch(settings, by: client)
            }
            try await client.shutdown()
            return answer
        } catch {
            try? await client.shutdown()  // the first error is the one to tell
            throw error
        }
    }

    /// The client's own timeout ends with the head of the response; a body that does not come, or comes by drops, must
    /// not last for ever either.
    private func withDeadline(
        milliseconds: Int, _ body: @escaping @Sendable () async throws -> RemoteKeySet.Answer
    ) async throws -> RemoteKeySet.Answer {
        try await withThrowingTaskGroup(of: RemoteKeySet.Answer.self) { group in
            group.addTask(operation: body)
            group.addTask {
                try await Task.sleep(for: .milliseconds(milliseconds))
                throw KeySetError("did not answer within \(milliseconds) ms")
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() else { throw CancellationError() }
            return answer
        }
    }

    private func fetch(
        _ settings: TokenProvider.RemoteKeySet, by client: HTTPClient
    ) async throws -> RemoteKeySet.Answer {
        var request = HTTPClientRequest(url: settings.uri)
        request.headers.add(name: "accept", value: "application/jwk-set+json, application/json")
        request.headers.add(name: "user-agent", value: "gatehouse/\(GatewayProcess.version)")
        let response = try await client.execute(
            request, timeout: .milliseconds(Int64(settings.timeoutMilliseconds)))
        guard response.status == .ok else { throw KeySetError("was answered with status \(response.status.code)") }
        do {
            let body = try await response.body.collect(upTo: Self.sizeLimitBytes)
            return RemoteKeySet.Answer(
                body: Array(body.readableBytesView),
                maxAge: Self.maxAge(response.headers[canonicalForm: "cache-control"]))
        } catch is NIOTooManyBytesError {
            throw KeySetError("is larger than \(Self.sizeLimitBytes >> 10) KiB")
        }
    }

    private func configuration(_ settings: TokenProvider.RemoteKeySet) throws -> HTTPClient.Configuration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let reference = settings.authorities {
            guard let text = authorities(reference) else {
                throw KeySetError("cannot be fetched: ConfigMap \(reference.name) has no key \"\(reference.key)\"")
            }
            tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(text.utf8)))
        }
        return HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow,
            timeout: .init(connect: .milliseconds(Int64(settings.timeoutMilliseconds))))
    }

    /// `max-age` of `Cache-Control` (RFC 9111 §5.2.2.1); 0 for `no-store` and `no-cache`.
    static func maxAge(_ directives: [Substring]) -> Int64? {
        for directive in directives.map({ $0.lowercased() }) {
            if directive == "no-store" || directive == "no-cache" { return 0 }
            if directive.hasPrefix("max-age=") { return Int64(directive.dropFirst(8)) }
        }
        return nil
    }
}
