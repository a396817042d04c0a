/// Why something asked of Postgres did not happen.
///
/// It never holds a value of a bind or a row: it may be logged as it is. The server's own `DETAIL` is left out for
/// that reason, and so is its message where it quotes input (SQLSTATE class 22).
public struct PostgresError: Error, Sendable {
    /// The kind of failure. More kinds may come: switch with a `default`.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private let name: String
        public var description: String { name }

        /// The server could not be reached, or the connection was lost.
        public static let connectionFailure = Code(name: "connectionFailure")
        /// No connection became free within `acquireTimeout`, or too many were waiting already.
        public static let poolTimeout = Code(name: "poolTimeout")
        /// The pool is closing or closed.
        public static let poolClosed = Code(name: "poolClosed")
        /// The statement or the transaction took longer than it may.
        public static let queryTimeout = Code(name: "queryTimeout")
        /// The Swift task was cancelled, or somebody cancelled the statement at the server.
        public static let cancelled = Code(name: "cancelled")
        /// 40001, 40P01: another transaction was in the way, or a deadlock; the same transaction may succeed now.
        public static let serializationFailure = Code(name: "serializationFailure")
        /// 23505
        public static let uniqueViolation = Code(name: "uniqueViolation")
        /// 23514
        public static let checkViolation = Code(name: "checkViolation")
        /// 23503, 23001
        public static let foreignKeyViolation = Code(name: "foreignKeyViolation")
        /// 23502
        public static let notNullViolation = Code(name: "notNullViolation")
        /// 23P01
        public static let exclusionViolation = Code(name: "exclusionViolation")
        /// Class 22: a value that the type or the operation does not take (out of range, division by zero, …).
        public static let invalidData = Code(name: "invalidData")
        /// Class 42 but for 42501: the statement itself is wrong (syntax, unknown table, wrong types).
        public static let invalidStatement = Code(name: "invalidStatement")
        /// 42501
        public static let insufficientPrivilege = Code(name: "insufficientPrivilege")
        /// Class 53: the server is out of connections, memory or disk.
        public static let resourceExhausted = Code(name: "resourceExhausted")
        /// 25P02, or a COMMIT that the server turned into a ROLLBACK: an earlier statement of the transaction failed.
        public static let transactionAborted = Code(name: "transactionAborted")
        /// A transaction was used after its end.
        public static let transactionEnded = Code(name: "transactionEnded")
        /// A value cannot be sent: NUL in a text, an infinite date, a decimal that is not a number.
        public static let bindFailure = Code(name: "bindFailure")
        /// A column is missing, is NULL, or does not hold what was asked of it.
        public static let decodingFailure = Code(name: "decodingFailure")
        /// The server answered something that the protocol does not allow here, or that this client does not speak.
        public static let protocolViolation = Code(name: "protocolViolation")
        /// Any other SQLSTATE: see ``PostgresError/sqlState``.
        public static let other = Code(name: "other")
    }

    public var code: Code
    /// One sentence for the log, without values.
    public var message: String
    /// Five characters, if the server said it (PostgreSQL Appendix A).
    public var sqlState: String?
    public var schema: String?
    public var table: String?
    /// The column: of the violated rule, or of the row being decoded.
    public var column: String?
    /// The name of the violated constraint.
    public var constraint: String?
    /// Where in the statement the server found the error: in characters, from 1.
    public var position: Int?
    /// Whether a statement that commits by itself, or a COMMIT, had been sent when the answer became impossible: what
    /// it writes may or may not have been written.
    public var isOutcomeUnknown = false
    /// Whether a prepared statement no longer fits the schema (or the server's memory of it): prepared anew, it works.
    var isStalePlan = false
    /// Whether the server ended the session with it (severity FATAL or PANIC): what was sent behind is never begun.
    var endsSession = false

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Whether nothing was done and the same may succeed when tried again.
    public var isRetryable: Bool {
        switch code {
        case .serializationFailure, .connectionFailure, .poolTimeout, .resourceExhausted: !isOutcomeUnknown
        default: false
        }
    }

    func withUnknownOutcome(_ isUnknown: Bool) -> PostgresError {
        var error = self
        error.isOutcomeUnknown = isUnknown
        return error
    }
}

extension PostgresError: CustomStringConvertible {
    public var description: String {
        var text = code.description
        if let sqlState { text += " \(sqlState)" }
        text += ": \(message)"
        let named = [("constraint", constraint), ("table", table), ("column", column)]
        for case (let name, let value?) in named { text += ", \(name) \(value)" }
        if let position { text += ", at character \(position)" }
        if isOutcomeUnknown { text += ", outcome unknown" }
        return text
    }
}
