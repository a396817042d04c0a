import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import ServiceKit
import Telemetry

/// Asks the warehouse over HTTP, on behalf of the caller: with the caller's token, request id and trace.
final class WarehouseClient: Sendable {
    /// How many items one request asks for, at most; the warehouse's own limit.
    static let maximumItems = 200

    /// 200 items with the longest texts, every character escaped, stay below it.
    private static let answerLimitBytes = 4 * 1024 * 1024

    private let url: String
    private let client: HTTPClient

    /// - Parameter url: Scheme, host and port of the warehouse, without a path.
    init(url: String) {
        self.url = url
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        // A refused connection is an answer: the caller hears 503 at once instead of at the deadline.
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    deinit {
        // Ends idle connections on the event loops. There is nobody left who could be told of a failure.
        client.shutdown { _ in }
    }

    /// The items with these ids; ids that the warehouse does not have are missing from the result.
    ///
    /// One request, and one more when a kept connection turns out to be closed.
    ///
    /// - Parameters:
    ///   - ids: At most ``maximumItems``.
    ///   - token: The caller's.
    ///   - deadline: When to give up, whatever state the exchange is in.
    /// - Throws: ``WarehouseFailure``, or `CancellationError`.
    func items(
        _ ids: [Int64], token: String, deadline: ContinuousClock.Instant
    ) async throws -> [Int64: WarehouseItem] {
        precondition(ids.count <= Self.maximumItems, "the warehouse answers for \(Self.maximumItems) items at most")
        guard !ids.isEmpty else { return [:] }
        let request = request(for: ids, token: token)
        return try await withThrowingTaskGroup { group in
            group.addTask { try await self.answer(to: request) }
            group.addTask {
                try await Task.sleep(until: deadline, clock: .continuous)
                throw WarehouseFailure.timedOut
            }
            defer { group.cancelAll() }
            guard let items = try await group.next() else { throw CancellationError() }
            return items
        }
    }

    private func request(for ids: [Int64], token: String) -> HTTPClientRequest {
        let query = ids.map { "id=\($0)" }.joined(separator: "&")
        var request = HTTPClientRequest(url: "\(url)/warehouse/items?\(query)")
        request.headers.add(name: "accept", value: "application/json")
        request.headers.add(name: "authorization", value: "Bearer \(token)")
        if let scope = RequestScope.current {
            let trace = scope.trace.child()
            request.headers.add(name: "x-request-id", value: scope.requestID)
            request.headers.add(name: "traceparent", value: trace.traceparent)
            if let state = trace.tracestate {
                request.headers.add(name: "tracestate", value: state)
            }
        }
        return request
    }

    private func answer(to request: HTTPClientRequest) async throws -> [Int64: WarehouseItem] {
        do {
            return try await attempt(request)
        } catch WarehouseFailure.connectionClosed {
            return try await attempt(request)
        }
    }

    private func attempt(_ request: HTTPClientRequest) async throws -> [Int64: WarehouseItem] {
        do {
            // Its own limit is only a backstop: at the deadline the task is cancelled, which also ends an endless body.
            let response = try await client.execute(request, timeout: .seconds(60))
            switch response.status.code {
            case 200:
                let body = try await response.body.collect(upTo: Self.answerLimitBytes)
                return try Self.items(in: Array(body.readableBytesView))
            case 401, 403: throw WarehouseFailure.refusedToken(status: Int(response.status.code))
            default: throw WarehouseFailure.unexpectedStatus(Int(response.status.code))
            }
        } catch let error as WarehouseFailure {
            throw error
        } catch let error as HTTPClientError where error == .cancelled {
            throw CancellationError()
        } catch let error as HTTPClientError where error == .remoteConnectionClosed {
            throw WarehouseFailure.connectionClosed
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw WarehouseFailure.unreachable(reason: "\(error)")
        }
    }

    /// Reads `{"items": […]}`. More fields than we know are welcome: the warehouse may grow.
    private static func items(in body: [UInt8]) throws(WarehouseFailure) -> [Int64: WarehouseItem] {
        guard let json = try? JSONParser.parse(body), let elements = json["items"]?.elements else {
            // The parser's reason is of no use to anybody: the answer is not what the warehouse's contract says.
            throw .notUnderstood
        }
        var items: [Int64: WarehouseItem] = [:]
        for element in elements {
            guard let id = element["id"]?.integer, let name = element["name"]?.string,
                let description = element["description"]?.string, let price = element["price"]?.digits,
                let country = element["country_of_origin"]?.string
            else { throw .notUnderstood }
            items[id] = WarehouseItem(
                name: name, description: description, countryOfOrigin: country, price: ExactAmount(digits: price))
        }
        return items
    }
}

/// Why the warehouse's data of items is not there.
enum WarehouseFailure: Error, Sendable, Hashable {
    /// The warehouse answered 401 or 403 to the caller's token.
    case refusedToken(status: Int)
    /// The warehouse answered something else than 200, 401 or 403.
    case unexpectedStatus(Int)
    /// The answer is not what the warehouse's contract says.
    case notUnderstood
    /// The connection was closed before an answer came: often one that was kept for reuse, of a warehouse that stopped.
    case connectionClosed
    /// No connection, or one that broke.
    case unreachable(reason: String)
    /// No whole answer before the deadline.
    case timedOut
}
