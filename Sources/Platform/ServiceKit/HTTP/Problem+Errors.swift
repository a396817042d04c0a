public import HTTPTypes
import Hummingbird
public import Logging
import NIOCore
import Postgres

/// An error of a domain that knows how it looks from outside. Conform it where the routes are, not in the domain.
public protocol ProblemConvertible: Error {
    var problem: Problem { get }
}

extension Problem {
    /// The one place where errors become problems.
    ///
    /// - Returns: What the caller is told, and how loudly operators are told: nothing for the caller's own mistakes,
    ///   `warning` for what passes by itself, `error` for what somebody must look at.
    public static func describing(_ error: any Error) -> (problem: Problem, logLevel: Logger.Level?) {
        switch error {
        case let problem as Problem: (problem, problem.kind.status >= 500 ? .warning : nil)
        case let refusal as any ProblemConvertible: describing(refusal.problem)
        case let errors as FieldErrors: (.invalid(errors), nil)
        case let error as JSONSyntaxError: (Problem(.malformed, "The body is not JSON: \(error)."), nil)
        case let error as PostgresError: describing(error)
        case let error as any HTTPResponseError: describing(error)
        case is CancellationError: (.unavailable("The service is shutting down."), .warning)
        default: (.internalError, .error)
        }
    }

    /// Statements that were not done, or not certainly done, are 503: the caller may try again, with an
    /// `Idempotency-Key` safely. Everything else that reaches this place is a mistake of ours.
    private static func describing(_ error: PostgresError) -> (problem: Problem, logLevel: Logger.Level?) {
        // undefined_table: the database came back empty, and is migrated again (`StartUp`).
        if error.sqlState == "42P01" { return (.unavailable("The database is being prepared."), .error) }
        return switch error.code {
        case .connectionFailure, .poolTimeout, .poolClosed, .resourceExhausted, .queryTimeout, .cancelled:
            (.unavailable("The database did not answer in time."), .warning)
        case .serializationFailure:
            (.unavailable("The change collided with another one."), .warning)
        case .uniqueViolation, .exclusionViolation:
            (.conflict("The change collides with an existing resource."), nil)
        case .foreignKeyViolation:
            (.conflict("The change refers to a resource that does not exist, or one that is in use."), nil)
        default:
            (.internalError, .error)
        }
    }

    /// What Hummingbird itself refuses.
    private static func describing(_ error: any HTTPResponseError) -> (problem: Problem, logLevel: Logger.Level?) {
        switch error.status.code {
        case 404: (.notFound("There is nothing at this path."), nil)
        case 413: (Problem(.tooLarge, "The request body is larger than this service takes."), nil)
        case 400..<500: (Problem(.malformed, "The request could not be understood."), nil)
        default: (.internalError, .error)
        }
    }
}

/// Field names that swift-http-types does not know.
extension HTTPField.Name {
    /// Takes a name that is known to be a token.
    private static func known(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is not a field name") }
        return name
    }

    /// The id of a request, kept from hop to hop.
    public static let requestID = known("x-request-id")
    /// draft-ietf-httpapi-idempotency-key-header.
    public static let idempotencyKey = known("idempotency-key")
    /// `true` on an answer that was stored earlier under the same `Idempotency-Key`.
    public static let idempotencyReplayed = known("idempotency-replayed")
    /// RFC 8288.
    public static let link = known("link")
    /// W3C Trace Context.
    public static let traceparent = known("traceparent")
    /// W3C Trace Context.
    public static let tracestate = known("tracestate")
}
