import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import Routing

/// Reads documents of issuers over HTTP, that decide who is let in: https with a certificate that is checked, no redirects,
/// one answer of bounded size in bounded time.
struct DocumentClient: Sendable {
    struct Location: Sendable {
        var uri: String
        /// Nil: the system's.
        var authorities: TokenProvider.ConfigMapKey?
        var timeoutMilliseconds: Int
    }

    struct Answer: Sendable {
        var body: [UInt8]
        /// The directives of `Cache-Control`.
        var cacheControl: [Substring]
    }

    let services: ServiceAddresses
    /// PEM text of a key of a ConfigMap; nil when there is none.
    let authorities: @Sendable (TokenProvider.ConfigMapKey) -> String?

    /// Where a document is, and connections to there. To be closed, whatever happens.
    struct Session: Sendable {
        let location: Location
        /// What the server's certificate was to be checked with when the session began.
        let authorityText: String?
        fileprivate let client: HTTPClient
        /// With the port that is connected to.
        fileprivate let url: String
        /// Of the URI.
        fileprivate let host: String
    }

    /// Connects to nobody yet.
    func open(_ location: Location) throws(FetchError) -> Session {
        guard var url = URLComponents(string: location.uri), let host = url.host, !host.isEmpty else {
            throw FetchError("cannot be fetched: the URI cannot be read")
        }
        let field = url.port.map { "\(host):\($0)" } ?? host
        var configuration = try configuration(location)
        let port = url.port ?? (url.scheme == "https" ? 443 : 80)
        // Any of them: when it does not answer the next session may meet another.
        if let address = services.addresses(of: host, port: UInt16(clamping: port)).randomElement() {
            configuration.dnsOverride = [host: address.host]
            url.port = Int(address.port)
        }
        return Session(
            location: location, authorityText: location.authorities.flatMap(authorities),
            client: HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: configuration),
            url: url.string ?? location.uri, host: field)
    }

    private func configuration(_ location: Location) throws(FetchError) -> HTTPClient.Configuration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let reference = location.authorities {
            guard let text = authorities(reference) else {
                throw FetchError("cannot be fetched: ConfigMap \(reference.name) has no key \"\(reference.key)\"")
            }
            do {
                tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(text.utf8)))
            } catch {
                throw FetchError("cannot be fetched: the certificates of ConfigMap \(reference.name) cannot be read")
            }
        }
        return HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow,
            timeout: .init(connect: .milliseconds(Int64(location.timeoutMilliseconds))))
    }
}

extension DocumentClient.Session {
    /// - Parameters:
    ///   - query: without "?"; empty: none.
    ///   - sizeLimitBytes: larger answers are not read.
    /// - Throws: `FetchError`; what the connection failed with; `CancellationError`.
    func get(query: String = "", accept: String, sizeLimitBytes: Int) async throws -> DocumentClient.Answer {
        var request = HTTPClientRequest(url: query.isEmpty ? url : "\(url)?\(query)")
        request.headers.add(name: "host", value: host)
        request.headers.add(name: "accept", value: accept)
        request.headers.add(name: "user-agent", value: "gatehouse/\(GatewayProcess.version)")
        let question = request
        return try await withDeadline { try await read(question, sizeLimitBytes) }
    }

    func close() async {
        // What could not be closed in order is closed all the same.
        try? await client.shutdown()
    }

    /// In place of the client's own timeout, which ends with the head of the response: a body that does not come, or comes
    /// by drops, must not last for ever either.
    private func withDeadline(
        _ body: @escaping @Sendable () async throws -> DocumentClient.Answer
    ) async throws -> DocumentClient.Answer {
        let milliseconds = location.timeoutMilliseconds
        return try await withThrowingTaskGroup(of: DocumentClient.Answer.self) { group in
            group.addTask(operation: body)
            group.addTask {
                try await Task.sleep(for: .milliseconds(milliseconds))
                throw FetchError("did not answer within \(milliseconds) ms")
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() else { throw CancellationError() }
            return answer
        }
    }

    private func read(_ request: HTTPClientRequest, _ sizeLimitBytes: Int) async throws -> DocumentClient.Answer {
        // `withDeadline` ends it, the body included.
        let response: HTTPClientResponse
        do {
            response = try await client.execute(request, deadline: .distantFuture)
        } catch let error as HTTPClientError where error == .cancelled {
            throw CancellationError()
        }
        guard response.status == .ok else { throw FetchError("was answered with status \(response.status.code)") }
        do {
            let body = try await response.body.collect(upTo: sizeLimitBytes)
            return DocumentClient.Answer(
                body: Array(body.readableBytesView), cacheControl: response.headers[canonicalForm: "cache-control"])
        } catch is NIOTooManyBytesError {
            throw FetchError("is larger than \(sizeLimitBytes >> 10) KiB")
        }
    }
}

/// Why a document of an issuer cannot be had.
struct FetchError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
