import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Telemetry

/// What happens around every request, matched or not: request id and trace, errors as problems, conditional answers,
/// metrics and the log line.
struct Exchange: Sendable {
    let logger: Logger

    /// The client is gone while its body was being read; there is nobody to answer.
    struct BodyReadFailure: Error { let cause: any Error }

    /// - Parameter work: Gets the request id and a logger that carries it.
    /// - Throws: Only what ended the connection.
    func respond(
        to request: Request, metrics: OperationMetrics,
        _ work: (_ requestID: String, _ logger: Logger) async throws -> Reply
    ) async throws -> Response {
        let start = ContinuousClock.now
        var random = SystemRandomNumberGenerator()
        let requestID = RequestID.keep(request.headers[.requestID], orMakeWith: &random)
        let trace = TraceContext.continuing(
            traceparent: request.headers[values: .traceparent], tracestate: request.headers[values: .tracestate])
        let scope = RequestScope(requestID: requestID, trace: trace)
        return try await RequestScope.$current.withValue(scope) {
            var response: Response
            do {
                response = try self.response(try await work(requestID, logger), to: request)
            } catch let failure as BodyReadFailure {
                throw failure.cause
            } catch {
                response = self.response(to: error, request: request, requestID: requestID)
            }
            response.headers[.requestID] = requestID
            let elapsed = ContinuousClock.now - start
            metrics.record(status: response.status.code, duration: elapsed)
            log(request, response, elapsed)
            return response
        }
    }

    private func log(_ request: Request, _ response: Response, _ elapsed: Duration) {
        logger.debug(
            "request",
            metadata: [
                "method": "\(request.method)", "path": "\(request.uri.path)", "status": "\(response.status.code)",
                "duration_ms": "\(elapsed / .milliseconds(1))",
            ])
    }

    /// A reply as it is sent: tagged, or 304 when the client already has it (RFC 9110 §13.2.2).
    private func response(_ reply: Reply, to request: Request) throws(Problem) -> Response {
        var headers = reply.headers
        if let tag = reply.entityTag {
            headers[.eTag] = tag.fieldValue
            headers[.cacheControl] = "private, no-cache"
            let isRead = request.method == .get || request.method == .head
            if isRead, reply.status == .ok, let known = try entityTags(request), known.matchesWeakly(tag) {
                return Response(status: .notModified, headers: headers)
            }
        }
        guard !reply.content.isEmpty else { return Response(status: reply.status, headers: headers) }
        headers[.contentType] = reply.contentType
        return Response(
            status: reply.status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: reply.content)))
    }

    private func entityTags(_ request: Request) throws(Problem) -> EntityTagList? {
        guard let text = request.headers[.ifNoneMatch] else { return nil }
        return try EntityTagList(required: text, field: "If-None-Match")
    }

    private func response(to error: any Error, request: Request, requestID: String) -> Response {
        let (problem, level) = Problem.describing(error)
        if let level {
            logger.log(
                level: level, "request failed",
                metadata: [
                    "method": "\(request.method)", "path": "\(request.uri.path)", "status": "\(problem.kind.status)",
                    "reason": "\(error)",
                ])
        }
        var headers = problem.headers
        headers[.contentType] = "application/problem+json"
        let content = problem.document(instance: request.uri.path, requestID: requestID)
        return Response(
            status: .init(code: problem.kind.status), headers: headers,
            body: .init(byteBuffer: ByteBuffer(bytes: content)))
    }
}
