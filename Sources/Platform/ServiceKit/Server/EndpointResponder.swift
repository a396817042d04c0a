import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// Serves one endpoint: checks the token, reads parameters and body, runs the handler.
struct EndpointResponder: HTTPResponder {
    typealias Context = ServiceRequestContext

    let endpoint: Endpoint
    let exchange: Exchange
    let metrics: OperationMetrics
    let verifier: TokenVerifier?
    let readiness: Readiness
    let bodyLimitBytes: Int

    func respond(to request: Request, context: Context) async throws -> Response {
        try await exchange.respond(to: request, metrics: metrics) { requestID, logger in
            guard readiness.phase != .starting else { throw Problem.unavailable("The service is starting.") }
            let caller = try await authorize(request)
            let query = try query(of: request)
            let values = try values(context: context, query: query)
            let call = Call(
                requestID: requestID, logger: logger, callerIfAny: caller, path: request.uri.path,
                method: request.method, query: query, headers: request.headers,
                body: try await body(of: request),
                values: values)
            return try await endpoint.handle(call)
        }
    }

    // MARK: - Who asks

    /// RFC 6750 §3: 401 without a usable token, 403 without the scopes.
    private func authorize(_ request: Request) async throws -> Caller? {
        guard case .scopes(let needed) = endpoint.access else { return nil }
        guard let verifier else { preconditionFailure("\(endpoint.operation) needs a token, but there is no verifier") }
        guard let token = Caller.bearerToken(request.headers[.authorization]) else {
            throw Problem(
                .unauthenticated, "Send an access token: Authorization: Bearer ….",
                headers: [.wwwAuthenticate: "Bearer"])
        }
        let caller: Caller
        do {
            caller = try await verifier.verify(token)
        } catch .keysUnavailable {
            throw Problem.unavailable(TokenRefusal.keysUnavailable.rawValue)
        } catch {
            let challenge = "Bearer error=\"invalid_token\", error_description=\"\(error.rawValue)\""
            throw Problem(.unauthenticated, error.rawValue, headers: [.wwwAuthenticate: challenge])
        }
        guard caller.scopes.isSuperset(of: needed) else {
            let scopes = needed.joined(separator: " ")
            throw Problem(
                .forbidden, "The access token needs the scope \(scopes).",
                headers: [.wwwAuthenticate: "Bearer error=\"insufficient_scope\", scope=\"\(scopes)\""])
        }
        return caller
    }

    // MARK: - What is asked

    private func query(of request: Request) throws(Problem) -> QueryString {
        guard let query = QueryString(request.uri.query ?? "") else {
            throw Problem(.malformed, "The query could not be understood.")
        }
        return query
    }

    private func values(context: Context, query: QueryString) throws -> [String: any Sendable] {
        var values: [String: any Sendable] = [:]
        var errors: [FieldError] = []
        for item in query.items where !endpoint.parameters.contains(where: { $0.accepts(item) }) {
            let name = item.name.unicodeScalars.count <= 64 ? item.name : "query"
            errors.append(FieldError(field: name, message: "is not a parameter of this operation"))
        }
        for parameter in endpoint.parameters {
            switch parameter.location {
            case .path:
                do throws(FieldErrors) {
                    values[parameter.name] = try parameter.readAny([context.parameters.get(parameter.name) ?? ""])
                } catch {
                    throw Problem.notFound("There is no such resource: \(parameter.name) is not one.")
                }
            case .query:
                do throws(FieldErrors) {
                    let texts = query.items.lazy.filter { $0.name == parameter.name }.map(\.value)
                    values[parameter.name] = try parameter.readAny(Array(texts))
                } catch {
                    errors += error.prefixed(parameter.name)
                }
            }
        }
        guard errors.isEmpty else { throw FieldErrors(errors) }
        return values
    }

    private func body(of request: Request) async throws -> [UInt8] {
        guard let encoding = endpoint.body?.encoding else { return [] }
        guard Self.isContentType(request.headers[.contentType], encoding),
            request.headers[.contentEncoding].map({ $0.lowercased() == "identity" }) ?? true
        else {
            throw Problem(.unsupportedMediaType, "Send the body as \(encoding.rawValue) in UTF-8, not compressed.")
        }
        let tooLarge = Problem(.tooLarge, "The request body may have at most \(bodyLimitBytes) bytes.")
        if let length = request.headers[.contentLength].flatMap(Int.init), length > bodyLimitBytes { throw tooLarge }
        do {
            let buffer = try await request.body.collect(upTo: bodyLimitBytes)
            return Array(buffer.readableBytesView)
        } catch is NIOTooManyBytesError {
            throw tooLarge
        } catch {
            throw Exchange.BodyReadFailure(cause: error)
        }
    }

    /// The media type, with no parameter but `charset=utf-8` (RFC 8259 §8.1, §11).
    static func isContentType(_ contentType: String?, _ encoding: RequestBody.Encoding) -> Bool {
        let parts = (contentType ?? "").lowercased().split(separator: ";").map { part in
            part.filter { $0 != " " && $0 != "\t" && $0 != "\"" }
        }
        return parts.first == encoding.rawValue && parts.dropFirst().allSatisfy { $0 == "charset=utf-8" }
    }
}

extension AnyParameter {
    fileprivate func accepts(_ item: QueryString.Item) -> Bool { location == .query && name == item.name }
}

extension EntityTagList {
    /// - Throws: ``Problem`` (400) when the value is not a list of tags.
    init(required text: String, field: String) throws(Problem) {
        guard let list = EntityTagList(fieldValue: text) else {
            let error = FieldError(field: field, message: "must be * or a list of quoted entity tags")
            throw Problem(.malformed, "A header could not be understood.", errors: [error])
        }
        self = list
    }
}
