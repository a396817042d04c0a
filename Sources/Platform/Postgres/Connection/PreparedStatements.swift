/// A statement that a connection has prepared, or is about to. Confined to the connection's lock.
final class Prepared {
    /// The name at the server, with its NUL.
    let name: ContiguousArray<CChar>
    let types: [UInt32]
    /// Whether the server has confirmed it.
    var isReady = false
    /// Known from the first result on.
    var columns: ResultColumns?

    init(name: String, types: [UInt32]) {
        self.name = name.utf8CString
        self.types = types
    }
}

/// What a connection has prepared, by statement and the types of its binds.
struct PreparedStatements {
    enum Plan {
        case use(Prepared)
        case prepare(Prepared)
        /// Parsed anew by the server: the same statement is just being prepared (and may fail), or the limit is reached.
        case unnamed
    }

    private var entries: [Statement: [Prepared]] = [:]
    private var count = 0
    private var lastNumber = 0

    /// What to do for a statement; a `.prepare` is remembered as under way.
    mutating func plan(for statement: Statement, types: [UInt32]) -> Plan {
        if let known = entries[statement]?.first(where: { $0.types == types }) {
            return known.isReady ? .use(known) : .unnamed
        }
        guard count < Statement.preparedLimit else { return .unnamed }
        count += 1
        lastNumber += 1
        let prepared = Prepared(name: "s\(lastNumber)", types: types)
        entries[statement, default: []].append(prepared)
        return .prepare(prepared)
    }

    /// Forgets one: the server refused it, or it does not fit the schema any more. Its name is never used again.
    mutating func forget(_ prepared: Prepared, of statement: Statement) {
        guard let index = entries[statement]?.firstIndex(where: { $0 === prepared }) else { return }
        entries[statement]?.remove(at: index)
        count -= 1
    }
}
