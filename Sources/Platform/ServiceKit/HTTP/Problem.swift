public import HTTPTypes

/// Why a request failed, as the caller may know it: a problem document (RFC 9457).
///
/// Everything in it is public. What only operators may know goes to the log beside the request id.
public struct Problem: Error, Sendable, Hashable {
    /// What went wrong in general; decides type, title and status.
    public let kind: Kind
    /// What went wrong this time, in words for the caller.
    public let detail: String
    /// Every refused field, for ``Kind/invalid`` and ``Kind/malformed``.
    public let errors: [FieldError]
    /// More header fields for the answer: `Allow`, `Retry-After`, `WWW-Authenticate`.
    public let headers: HTTPFields

    public init(_ kind: Kind, _ detail: String, errors: [FieldError] = [], headers: HTTPFields = [:]) {
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.headers = headers
    }
}

extension Problem: CustomStringConvertible {
    /// For the log: kind and detail.
    public var description: String { "\(kind.name): \(detail)" }
}

extension Problem {
    /// The kinds of problem that a service answers with. `type` is `https://gatehouse.dev/problems/<name>`.
    public struct Kind: Sendable, Hashable {
        /// The last part of the type's URI; stable, for programs to compare.
        public let name: String
        public let status: Int
        public let title: String

        private init(_ status: Int, _ name: String, _ title: String) {
            self.name = name
            self.status = status
            self.title = title
        }

        public static let malformed = Kind(400, "malformed-request", "The request could not be understood")
        public static let unauthenticated = Kind(401, "unauthenticated", "A valid access token is needed")
        public static let badCredentials = Kind(401, "bad-credentials", "The credentials are not accepted")
        public static let forbidden = Kind(403, "forbidden", "The access token does not allow this")
        public static let notFound = Kind(404, "not-found", "There is no such resource")
        public static let methodNotAllowed = Kind(
            405, "method-not-allowed", "The resource does not support this method")
        public static let conflict = Kind(409, "conflict", "The state of the resource does not allow this")
        public static let preconditionFailed = Kind(
            412, "precondition-failed", "The resource has changed since it was read")
        public static let tooLarge = Kind(413, "content-too-large", "The request body is too large")
        public static let unsupportedMediaType = Kind(
            415, "unsupported-media-type", "The request body has another type")
        public static let invalid = Kind(422, "invalid", "The request is not valid")
        public static let idempotencyKeyReused = Kind(
            422, "idempotency-key-reused", "The Idempotency-Key was used for another request")
        public static let tooManyRequests = Kind(429, "too-many-requests", "There were too many requests")
        public static let internalError = Kind(500, "internal-error", "The service failed")
        public static let unavailable = Kind(503, "unavailable", "The service is temporarily unavailable")
    }
}

extension Problem {
    /// 422 with every refused field.
    public static func invalid(_ errors: FieldErrors) -> Problem {
        Problem(.invalid, "Some of the values are not valid; see errors.", errors: errors.errors)
    }

    /// 409: the state of things, or a uniqueness rule, does not allow it.
    public static func conflict(_ detail: String) -> Problem { Problem(.conflict, detail) }

    /// 404.
    public static func notFound(_ detail: String) -> Problem { Problem(.notFound, detail) }

    /// 412: `If-Match` names another version than the current one.
    public static var preconditionFailed: Problem {
        Problem(.preconditionFailed, "Read the resource again and repeat the change with its current ETag.")
    }

    /// 503 with `Retry-After`.
    public static func unavailable(_ detail: String, retryAfterSeconds: Int = 1) -> Problem {
        Problem(.unavailable, detail, headers: [.retryAfter: String(retryAfterSeconds)])
    }

    /// 429 with `Retry-After` (RFC 6585 §4).
    public static func tooManyRequests(_ detail: String, retryAfterSeconds: Int) -> Problem {
        Problem(.tooManyRequests, detail, headers: [.retryAfter: String(max(1, retryAfterSeconds))])
    }

    /// 500: nothing about the cause is told.
    public static var internalError: Problem {
        Problem(.internalError, "The request failed inside of the service. Quote the request id when you report it.")
    }
}

extension Problem {
    /// The document's text.
    ///
    /// - Parameters:
    ///   - instance: The path of the request.
    ///   - requestID: The request's id, as in `x-request-id`.
    func document(instance: String, requestID: String) -> [UInt8] {
        var writer = JSONWriter(capacity: 512)
        writer.object { writer in
            writer.name("type")
            writer.string("https://gatehouse.dev/problems/" + kind.name)
            writer.name("title")
            writer.string(kind.title)
            writer.name("status")
            writer.integer(Int64(kind.status))
            writer.name("detail")
            writer.string(detail)
            writer.name("instance")
            writer.string(instance)
            writer.name("request_id")
            writer.string(requestID)
            guard !errors.isEmpty else { return }
            writer.name("errors")
            writer.array { writer in
                for error in errors {
                    writer.object { writer in
                        writer.name("field")
                        writer.string(error.field)
                        writer.name("message")
                        writer.string(error.message)
                    }
                }
            }
        }
        return writer.bytes
    }

    /// The schema of the document.
    static let schema: Schema = {
        let text: JSONValue = ["type": "string"]
        let error = Schema.object(
            named: "FieldError", summary: "One refused value.",
            properties: [("field", Schema(text), true), ("message", Schema(text), true)], allowsOthers: true)
        return .object(
            named: "Problem", summary: "Why a request failed (RFC 9457).",
            properties: [
                ("type", Schema(["type": "string", "format": "uri"]), true),
                ("title", Schema(text), true),
                ("status", Schema(["type": "integer"]), true),
                ("detail", Schema(text), true),
                ("instance", Schema(["type": "string", "format": "uri-reference"]), true),
                ("request_id", Schema(text), true),
                ("errors", .array(of: error, count: nil), false),
            ], allowsOthers: true)
    }()
}
