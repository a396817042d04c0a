/// The rows that a statement gave, all of them in memory: let a statement that could give many have a `LIMIT`.
public struct PostgresRows: RandomAccessCollection, Sendable {
    private let result: PostgresResult

    init(_ result: PostgresResult) {
        self.result = result
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { result.rowCount }

    public subscript(position: Int) -> PostgresRow {
        precondition(position >= 0 && position < result.rowCount, "row \(position) of \(result.rowCount)")
        return PostgresRow(result: result, index: position)
    }

    /// The names of the columns, in order.
    public var columnNames: [String] { result.columns.names }
}

/// One row. It keeps the whole result in memory while it lives.
public struct PostgresRow: Sendable {
    let result: PostgresResult
    let index: Int

    /// Decodes the column of a name; the first one, if there are several.
    ///
    /// - Throws: `decodingFailure`, with the column's name, the wanted and the actual type.
    public func decode<Value: PostgresDecodable>(
        _ column: String, as type: Value.Type = Value.self
    ) throws(PostgresError) -> Value {
        guard let position = result.columns.names.firstIndex(of: column) else {
            var error = PostgresError(.decodingFailure, "there is no such column")
            error.column = column
            throw error
        }
        return try result.decode(row: index, column: position, as: type)
    }

    /// Decodes the column at a position, from 0.
    ///
    /// - Throws: `decodingFailure`, with the column's name, the wanted and the actual type.
    public func decode<Value: PostgresDecodable>(
        _ position: Int, as type: Value.Type = Value.self
    ) throws(PostgresError) -> Value {
        guard position >= 0, position < result.columns.names.count else {
            throw PostgresError(.decodingFailure, "there is no column at position \(position)")
        }
        return try result.decode(row: index, column: position, as: type)
    }

    /// Decodes all columns, in the order in which the statement names them.
    ///
    ///     let (id, name, price) = try row.decode(Int64.self, String.self, Int64?.self)
    ///
    /// - Throws: `decodingFailure`, also when the row has more or fewer columns.
    public func decode<each Value: PostgresDecodable>(
        _ types: repeat (each Value).Type
    ) throws(PostgresError) -> (repeat each Value) {
        var count = 0
        for _ in repeat each types { count += 1 }
        guard count == result.columns.names.count else {
            throw PostgresError(
                .decodingFailure, "the row has \(result.columns.names.count) columns, \(count) are wanted")
        }
        var position = -1
        func next<Next: PostgresDecodable>(_ type: Next.Type) throws(PostgresError) -> Next {
            position += 1
            return try result.decode(row: index, column: position, as: type)
        }
        return (repeat try next(each types))
    }
}
