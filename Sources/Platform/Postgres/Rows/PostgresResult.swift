import CPostgres
import Glibc

/// What one statement gave: the owner of libpq's result, freed with the last row that points into it.
///
/// `@unchecked Sendable`: the result is never written after its construction, and libpq lets any thread read a
/// finished `PGresult` (ch. 34.20).
final class PostgresResult: @unchecked Sendable {
    private let handle: OpaquePointer
    let columns: ResultColumns
    let rowCount: Int

    /// Takes over the result.
    init(owning handle: OpaquePointer, columns: ResultColumns) {
        self.handle = handle
        self.columns = columns
        rowCount = Int(PQntuples(handle))
    }

    deinit { PQclear(handle) }

    /// The number at the end of the command tag: rows inserted, updated, deleted, selected; 0 where there is none.
    var affectedRows: Int {
        guard let text = PQcmdTuples(handle) else { return 0 }
        return Int(atoll(text))
    }

    /// The command tag, such as `COMMIT` or `INSERT 0 1`.
    var tag: String {
        PQcmdStatus(handle).map { String(cString: $0) } ?? ""
    }

    /// Decodes one cell.
    ///
    /// - Precondition: row and column are within bounds.
    func decode<Value: PostgresDecodable>(
        row: Int, column: Int, as type: Value.Type
    ) throws(PostgresError) -> Value {
        let (row32, column32) = (Int32(truncatingIfNeeded: row), Int32(truncatingIfNeeded: column))
        do {
            let length = Int(PQgetlength(handle, row32, column32))
            if length == 0, PQgetisnull(handle, row32, column32) != 0 { return try Value.decodeNull() }
            let cell = UnsafeRawBufferPointer(start: PQgetvalue(handle, row32, column32), count: length)
            return try Value.decode(cell.bytes, type: columns.types[column])
        } catch {
            var named = error
            named.column = columns.names[column]
            throw named
        }
    }
}

/// The names and types of a result's columns; one value for all results of a prepared statement.
final class ResultColumns: Sendable {
    let names: [String]
    let types: [PostgresType]

    static let none = ResultColumns(names: [], types: [])

    private init(names: [String], types: [PostgresType]) {
        self.names = names
        self.types = types
    }

    /// - Parameter result: is read, not kept.
    convenience init(of result: OpaquePointer) {
        let count = PQnfields(result)
        self.init(
            names: (0..<count).map { PQfname(result, $0).map { String(cString: $0) } ?? "" },
            types: (0..<count).map { PostgresType(oid: PQftype(result, $0)) })
    }
}
