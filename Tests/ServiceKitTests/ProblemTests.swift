import Foundation
import Hummingbird
import Logging
import Postgres
import Testing

@testable import ServiceKit

@Suite struct ProblemTests {
    @Test(arguments: [
        (PostgresError.Code.connectionFailure, 503, Logger.Level?.some(.warning)), (.poolTimeout, 503, .warning),
        (.poolClosed, 503, .warning), (.queryTimeout, 503, .warning), (.cancelled, 503, .warning),
        (.resourceExhausted, 503, .warning), (.serializationFailure, 503, .warning), (.uniqueViolation, 409, nil),
        (.foreignKeyViolation, 409, nil), (.checkViolation, 500, .error), (.invalidStatement, 500, .error),
        (.decodingFailure, 500, .error), (.bindFailure, 500, .error),
    ])
    func `maps errors of the database in one place`(code: PostgresError.Code, status: Int, level: Logger.Level?) {
        let (problem, logLevel) = Problem.describing(PostgresError(code, "relation \"secret\""))
        #expect(problem.kind.status == status && logLevel == level)
        #expect((problem.headers[.retryAfter] != nil) == (status == 503))
        #expect(!problem.detail.contains("secret"))
    }

    @Test func `maps everything else that can be thrown`() {
        struct Anything: Error {}
        #expect(Problem.describing(Anything()).problem == .internalError)
        #expect(Problem.describing(CancellationError()).problem.kind == .unavailable)
        #expect(Problem.describing(HTTPError(.notFound)).problem.kind == .notFound)
        #expect(Problem.describing(HTTPError(.contentTooLarge)).problem.kind == .tooLarge)
        #expect(Problem.describing(HTTPError(.badRequest)).problem.kind == .malformed)
        #expect(Problem.describing(HTTPError(.badGateway)).problem.kind == .internalError)
        let errors = FieldErrors([FieldError(field: "a", message: "b")])
        #expect(Problem.describing(errors).problem == .invalid(errors))
    }

    @Test func `writes the document of RFC 9457`() throws {
        let problem = Problem(.invalid, "a \"b\"", errors: [FieldError(field: "x", message: "y")])
        let text = String(decoding: problem.document(instance: "/a", requestID: "r"), as: UTF8.self)
        #expect(
            text
                == #"{"type":"https://gatehouse.dev/problems/invalid","title":"The request is not valid","status":422,"#
                + #""detail":"a \"b\"","instance":"/a","request_id":"r","errors":[{"field":"x","message":"y"}]}"#)
        let plain = try JSONParser.parse(Problem.notFound("a").document(instance: "/a", requestID: "r"))
        #expect(plain["errors"] == nil)
    }
}
