/// The text of one SQL statement, with `$1`, `$2`, … where values go.
///
/// A statement is a literal of the program and nothing else: string interpolation does not compile, so a value can
/// never become part of the text. Values travel beside it, as binds.
///
///     static let find: Statement = "SELECT id, name FROM items WHERE id = $1"
///
/// Each connection prepares a statement the first time it meets it (libpq ch. 34.3) and sends only its name, its
/// binds and nothing else from then on. At most ``Statement/preparedLimit`` statements are kept prepared per
/// connection; the ones beyond are parsed by the server at each use.
///
/// Two statements are equal when they are the same literal of the program.
public struct Statement: ExpressibleByStringLiteral, Hashable, Sendable, CustomStringConvertible {
    /// How many statements one connection keeps prepared.
    static let preparedLimit = 512

    private let literal: StaticString

    public init(stringLiteral value: StaticString) {
        precondition(value.hasPointerRepresentation, "a statement is longer than one character")
        literal = value
    }

    public static func == (left: Statement, right: Statement) -> Bool {
        left.literal.utf8Start == right.literal.utf8Start
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(literal.utf8Start)
    }

    /// The SQL text.
    public var description: String { literal.description }

    /// The text for C: a `StaticString` with a pointer ends in NUL and lives as long as the program.
    var cString: UnsafePointer<CChar> {
        UnsafeRawPointer(literal.utf8Start).assumingMemoryBound(to: CChar.self)
    }
}
