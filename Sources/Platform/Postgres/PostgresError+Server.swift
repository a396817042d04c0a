import CPostgres

extension PostgresError {
    /// What the server said in an error result.
    ///
    /// - Parameter result: a result of status `PGRES_FATAL_ERROR`; it is read, not kept.
    init(result: OpaquePointer) {
        func field(_ code: Character) -> String? {
            guard let ascii = code.asciiValue, let text = PQresultErrorField(result, Int32(ascii)) else { return nil }
            return String(cString: text)
        }
        let state = field("C")
        let code = state.map(Code.init(sqlState:)) ?? .connectionFailure
        self.init(code, Self.publicMessage(state: state, primary: field("M")))
        sqlState = state
        schema = field("s")
        table = field("t")
        column = field("c")
        constraint = field("n")
        position = field("P").flatMap { Int($0) }
        isStalePlan = state == "26000" || (state == "0A000" && field("R") == "RevalidateCachedQuery")
        endsSession = ["FATAL", "PANIC"].contains(field("V"))
    }

    /// What libpq says about a connection that failed.
    ///
    /// - Parameter connection: is read, not kept.
    init(connection: OpaquePointer) {
        let text = PQerrorMessage(connection).map { String(cString: $0) } ?? ""
        let line = text.split(separator: "\n").joined(separator: "; ")
        self.init(.connectionFailure, line.isEmpty ? "the connection to the server was lost" : line)
    }

    /// Class 22 and raised exceptions quote values in their message; the others name things of the schema.
    private static func publicMessage(state: String?, primary: String?) -> String {
        guard let state else { return primary?.split(separator: "\n").joined(separator: "; ") ?? "connection lost" }
        if state.hasPrefix("22") { return "the server refused a value" }
        if state.hasPrefix("P0") { return "the database raised an exception" }
        return primary ?? "the server refused the statement"
    }
}

extension PostgresError.Code {
    /// PostgreSQL Appendix A, as far as callers need to tell things apart.
    init(sqlState: String) {
        self =
            switch sqlState {
            case "40001", "40P01": .serializationFailure
            case "23505": .uniqueViolation
            case "23514": .checkViolation
            case "23503", "23001": .foreignKeyViolation
            case "23502": .notNullViolation
            case "23P01": .exclusionViolation
            case "25P02": .transactionAborted
            // Protocol violation: the number of binds is not what the statement has.
            case "08P01": .invalidStatement
            case "42501": .insufficientPrivilege
            case "57014": .cancelled
            case "55P03": .queryTimeout
            case "57P01", "57P02", "57P03", "57P04", "57P05", "25P03": .connectionFailure
            default: Self(sqlStateClass: sqlState.prefix(2))
            }
    }

    private init(sqlStateClass: Substring) {
        self =
            switch sqlStateClass {
            case "08": .connectionFailure
            case "22": .invalidData
            case "42", "26", "0A": .invalidStatement
            case "53": .resourceExhausted
            default: .other
            }
    }
}
