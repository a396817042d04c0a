import CoreMetrics
import HTTPTypes
public import Hummingbird
public import Logging
public import Telemetry

/// Turns endpoints into a Hummingbird responder.
///
/// GET is also served for HEAD. A path that exists answers 405 with `Allow` to other methods and 204 with `Allow` to
/// OPTIONS; every other path answers 404.
public struct EndpointRouter {
    private let endpoints: [Endpoint]
    private let exchange: Exchange
    private let metrics: MetricsRegistry
    private let verifier: TokenVerifier?
    private let readiness: Readiness
    private let bodyLimitBytes: Int

    /// - Parameters:
    ///   - verifier: May be nil when every endpoint is for ``Access/anyone``.
    ///   - bodyLimitBytes: The longest request body; beyond it 413.
    public init(
        endpoints: [Endpoint], verifier: TokenVerifier?, readiness: Readiness, metrics: MetricsRegistry,
        logger: Logger, bodyLimitBytes: Int = 1_048_576
    ) {
        self.endpoints = endpoints
        self.verifier = verifier
        self.readiness = readiness
        self.metrics = metrics
        self.bodyLimitBytes = bodyLimitBytes
        exchange = Exchange(logger: logger)
    }

    public func responder() -> RouterResponder<ServiceRequestContext> {
        let router = Router(context: ServiceRequestContext.self, options: .autoGenerateHeadEndpoints)
        for endpoint in endpoints {
            router.on(
                RouterPath(endpoint.path), method: endpoint.method,
                responder: EndpointResponder(
                    endpoint: endpoint, exchange: exchange,
                    metrics: OperationMetrics(operation: endpoint.operation, factory: metrics),
                    verifier: verifier, readiness: readiness, bodyLimitBytes: bodyLimitBytes))
        }
        // Added after the endpoints, so that only what matches none of them passes it.
        router.add(
            middleware: UnmatchedRequests(
                paths: PathTable(endpoints), exchange: exchange,
                metrics: OperationMetrics(operation: "unmatched", factory: metrics)))
        return router.buildResponder()
    }
}

/// Answers requests that no endpoint serves.
private struct UnmatchedRequests: RouterMiddleware {
    typealias Context = ServiceRequestContext

    let paths: PathTable
    let exchange: Exchange
    let metrics: OperationMetrics

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        try await exchange.respond(to: request, metrics: metrics) { _, _ in
            guard let allowed = paths.methods(at: request.uri.path) else {
                throw Problem.notFound("There is nothing at this path.")
            }
            let headers: HTTPFields = [.allow: allowed.joined(separator: ", ")]
            if request.method == .options { return Reply(.noContent, headers: headers) }
            throw Problem(
                .methodNotAllowed, "This resource supports \(allowed.joined(separator: ", ")).", headers: headers)
        }
    }
}

/// Which methods a path supports.
struct PathTable: Sendable {
    private struct Entry: Sendable {
        /// nil is a parameter.
        let segments: [String?]
        var methods: [String]
    }

    private var entries: [Entry] = []

    init(_ endpoints: [Endpoint]) {
        for endpoint in endpoints {
            let segments = endpoint.path.split(separator: "/").map { $0.hasPrefix("{") ? nil : String($0) }
            let methods = endpoint.method == .get ? ["GET", "HEAD"] : [endpoint.method.rawValue]
            if let index = entries.firstIndex(where: { $0.segments == segments }) {
                entries[index].methods += methods
            } else {
                entries.append(Entry(segments: segments, methods: methods))
            }
        }
    }

    /// - Returns: The methods, OPTIONS included, or nil when there is no such path.
    func methods(at path: String) -> [String]? {
        let segments = path.split(separator: "/")
        let entry = entries.first { entry in
            entry.segments.count == segments.count
                && zip(entry.segments, segments).allSatisfy { template, segment in
                    template.map { $0 == segment } ?? true
                }
        }
        return entry.map { $0.methods.sorted() + ["OPTIONS"] }
    }
}
