/// A regular expression that is matched against whole texts, in time linear in the text and without backtracking.
///
/// The syntax is a subset of RE2's: literals, `.`, classes (`[a-z]`, `[^/]`, `\d \w \s` and their complements), groups
/// (`(…)`, `(?:…)`, `(?i)`, `(?i:…)`), `|`, `*`, `+`, `?`, `{m,n}`, `^` and `$`. What the subset does not have (look-around,
/// back-references, `\b`, Unicode classes, flags other than `i`) is an error that says so. A text is bytes: `.` is one
/// byte, and a character outside ASCII in the expression is its UTF-8. The whole text must match, as Envoy and its kin
/// read Gateway API's `RegularExpression`, so `^` and `$` at the ends change nothing.
///
/// The expression becomes a deterministic automaton ahead of time, a table lookup a byte. One that would need more than
/// `Automaton.stateLimit` states is run as the nondeterministic one: slower by the number of its parts, still linear.
public final class RegularExpression: Sendable, Hashable, CustomStringConvertible {
    /// The longest text of an expression, in bytes.
    public static let textLimit = 1_024

    public let text: String
    private let program: ExpressionProgram
    private let automaton: Automaton?

    /// - Throws: `SyntaxError`: what is wrong or not supported, and at which character.
    init(_ text: String) throws(SyntaxError) {
        guard text.utf8.count <= Self.textLimit else {
            throw SyntaxError("is longer than \(Self.textLimit) bytes")
        }
        self.text = text
        var parser = ExpressionParser(text)
        program = try ExpressionProgram(parser.parse())
        automaton = Automaton(program)
    }

    /// Whether the whole of `bytes` matches.
    public func matches(_ bytes: Span<UInt8>) -> Bool {
        if let automaton { return automaton.accepts(bytes) }
        return program.accepts(bytes)
    }

    /// A short text that matches, of visible ASCII if possible; nil when none was found.
    var example: String? { automaton?.example.map { String(decoding: $0, as: UTF8.self) } }

    public var description: String { text }

    public static func == (left: RegularExpression, right: RegularExpression) -> Bool { left.text == right.text }

    public func hash(into hasher: inout Hasher) { hasher.combine(text) }
}
