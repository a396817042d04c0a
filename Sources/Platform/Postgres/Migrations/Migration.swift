/// One step forward of a database's schema.
public struct Migration: Sendable, Hashable {
    /// The file's name without its ending: `v0001_create_items`. Migrations are applied in the order of their names.
    public let name: String
    /// Any number of statements. They run in one transaction, so they must not end it, and must be allowed in one.
    public let sql: String

    public init(name: String, sql: String) {
        self.name = name
        self.sql = sql
    }

    /// A migration from a file that the build embedded in the program (`.embedInCode`).
    ///
    /// - Throws: `invalid` if the file is not UTF-8.
    public static func fromEmbedded(_ name: String, _ bytes: [UInt8]) throws(MigrationError) -> Migration {
        guard let sql = String(validating: bytes, as: UTF8.self) else {
            throw .invalid(name, reason: "the file is not UTF-8")
        }
        return Migration(name: name, sql: sql)
    }

    /// `v`, four digits, `_`, and lower-case letters, digits and `_`.
    static func isValid(name: String) -> Bool {
        let bytes = Array(name.utf8)
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        let underscore = UInt8(ascii: "_")
        guard bytes.count > 6, bytes.count <= 100, bytes[0] == UInt8(ascii: "v"), bytes[5] == underscore else {
            return false
        }
        return bytes[1...4].allSatisfy(digits.contains)
            && bytes[6...].allSatisfy { digits.contains($0) || letters.contains($0) || $0 == underscore }
    }
}

/// A migration that a database has had.
public struct AppliedMigration: Sendable, Hashable {
    public let name: String
    /// SHA-256 of its text, in hexadecimal.
    public let checksum: String
}

/// What a database has had, and what it has not.
public struct MigrationStatus: Sendable, Hashable {
    public let applied: [AppliedMigration]
    /// The names of those to come, in order.
    public let pending: [String]

    public var isCurrent: Bool { pending.isEmpty }
}

/// Why a database was not migrated.
public enum MigrationError: Error, Sendable {
    /// A migration of the program is not fit to run.
    case invalid(String, reason: String)
    /// The names of the program's migrations are not strictly increasing.
    case unordered(String, after: String)
    /// The text of an applied migration has changed since.
    case changed(String)
    /// The database has had a migration that the program does not know, among those that it does: the file was removed or
    /// renamed.
    case unknown(String)
    /// A migration that was not applied comes before one that was.
    case late(String, before: String)
    /// The migration ended its transaction by itself, so a part of it may have been applied.
    case endedTransaction(String)
    /// A statement of a migration failed; nothing of that migration was applied.
    case failed(String, line: Int?, PostgresError)
    /// The database could not be asked. `queryTimeout` here means that somebody else is migrating it.
    case database(PostgresError)
}

extension MigrationError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .invalid(let name, let reason): "migration \(name) is invalid: \(reason)"
        case .unordered(let name, let previous): "migration \(name) must not come after \(previous)"
        case .changed(let name): "migration \(name) was changed after it had been applied; add a new one instead"
        case .unknown(let name):
            "the database has had migration \(name), which this program does not know: the file is missing or renamed"
        case .late(let name, let applied):
            "migration \(name) is new but comes before \(applied), which is applied; give it a higher number"
        case .endedTransaction(let name): "migration \(name) ends its transaction by itself; leave COMMIT out"
        case .failed(let name, let line, let error):
            "migration \(name) failed\(line.map { " at line \($0)" } ?? ""): \(error)"
        case .database(let error): "the database cannot be migrated: \(error)"
        }
    }
}
