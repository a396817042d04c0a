import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// Fetches a key set over HTTP.
final class KeySetClient: Sendable {
    struct Answer: Sendable {
        var body: [UInt8]
        /// `Cache-Control: max-age` (RFC 9111 §5.2.2.1) in seconds.
        var maxAge: Double?
    }

    enum Failure: Error, CustomStringConvertible {
        case status(UInt)
        case timedOut

        var description: String {
            switch self {
            case .status(let code): "the issuer answered \(code)"
            case .timedOut: "no whole answer within \(KeySetClient.timeout)"
            }
        }
    }

    /// A thousand keys fit.
    static let answerLimitBytes = 512 * 1024
    /// For the whole exchange; a request whose key is unknown may wait for it.
    static let timeout = Duration.seconds(2)

    private let uri: String
    private let client: HTTPClient

    init(uri: String) {
        self.uri = uri
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        // A refused connection is an answer; the schedule decides when to try again.
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    deinit {
        // Ends idle connections on the event loops. There is nobody left who could be told of a failure.
        client.shutdown { _ in }
    }

    /// - Throws: ``Failure``, `CancellationError`, or what the connection failed with.
    func fetch() async throws -> Answer {
        try await withThrowingTaskGroup { group in
            group.addTask { try await self.exchange() }
            group.addTask {
                try await Task.sleep(for: Self.timeout)
                throw Failure.timedOut
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() else { throw CancellationError() }
            return answer
        }
    }

    /// One request and its answer, without the deadline of ``fetch()``.
    func exchange() async throws -> Answer {
        var request = HTTPClientRequest(url: uri)
        request.headers.add(name: "accept", value: "application/jwk-set+json, application/json")
        do {
            // Its own limit is only a backstop: at the deadline the task is cancelled, which also ends an endless body.
            let response = try await client.execute(request, timeout: .seconds(60))
            guard response.status == .ok else { throw Failure.status(response.status.code) }
            let body = try await response.body.collect(upTo: Self.answerLimitBytes)
            return Answer(
                body: Array(body.readableBytesView),
                maxAge: Self.maxAge(response.headers[canonicalForm: "cache-control"].map(String.init)))
        } catch let error as HTTPClientError where error == .cancelled {
            throw CancellationError()
        }
    }

    /// The first `max-age` of the directives; nil without a usable one.
    static func maxAge(_ directives: [String]) -> Double? {
        for directive in directives {
            let parts = directive.lowercased().split(separator: "=", maxSplits: 1).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            guard parts.count == 2, parts[0] == "max-age", let seconds = UInt32(parts[1]) else { continue }
            return Double(seconds)
        }
        return nil
    }
}
