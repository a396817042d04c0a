/// Something that a configuration gets wrong, and where.
public struct Diagnostic: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Severity: String, Sendable {
        /// What it is about is not used; the rest of the configuration is.
        case error
        /// The configuration is used, but probably does not mean this.
        case warning
        /// Something was left out that is not the gateway's business.
        case note
    }

    public var severity: Severity
    public var place: Place
    public var message: String
    /// The name of the lint check that found it; nil: the documents are wrong in themselves.
    public var check: String?
    /// A request that shows it.
    public var witness: String?
    /// What a status says of it; nil: what fits its place.
    public var reason: ConditionReason?

    public init(
        _ severity: Severity, at place: Place, _ message: String, check: String? = nil, witness: String? = nil,
        reason: ConditionReason? = nil
    ) {
        self.severity = severity
        self.place = place
        self.message = message
        self.check = check
        self.witness = witness
        self.reason = reason
    }

    func adding(_ remark: String) -> Diagnostic {
        var told = self
        told.message += "; \(remark)"
        return told
    }

    /// For a status, which is the document's own: "field: message".
    var brief: String { place.field.isEmpty ? message : "\(place.field): \(message)" }

    /// `file:line: severity: subject: field: message`, without the parts that are unknown.
    public var description: String {
        var parts = [place.line > 0 ? "\(place.file):\(place.line)" : place.file, severity.rawValue]
        if !place.subject.isEmpty { parts.append(place.subject) }
        if !place.field.isEmpty { parts.append(place.field) }
        let shown = witness.map { "\(message) (for example \($0))" } ?? message
        return parts.filter { !$0.isEmpty }.joined(separator: ": ") + ": " + shown
    }
}

extension [Diagnostic] {
    /// As a reader goes through the files: files in the order in which they appear here, each from its first line.
    public func inReadingOrder() -> [Diagnostic] {
        var files: [String: Int] = [:]
        for diagnostic in self where files[diagnostic.place.file] == nil { files[diagnostic.place.file] = files.count }
        func rank(_ diagnostic: Diagnostic) -> (Int, Int) {
            (files[diagnostic.place.file] ?? 0, diagnostic.place.line)
        }
        return enumerated()
            .sorted {
                (rank($0.element).0, rank($0.element).1, $0.offset) < (
                    rank($1.element).0, rank($1.element).1, $1.offset
                )
            }
            .map(\.element)
    }
}

/// Where something stands in the configuration.
public struct Place: Sendable, Hashable {
    public var file: String
    /// Counted from 1; 0 when unknown.
    public var line: Int
    /// The document: its kind and name, or its place in the file.
    public var subject: String
    /// The path of the field: `spec.rules[0].backendRefs[1].port`.
    public var field: String

    public init(file: String, line: Int = 0, subject: String = "", field: String = "") {
        self.file = file
        self.line = line
        self.subject = subject
        self.field = field
    }

    /// Whether this is the field `path` of its document, or a field within that.
    func isWithin(_ path: String) -> Bool {
        guard field.hasPrefix(path) else { return false }
        let next = field.utf8.dropFirst(path.utf8.count).first
        return next == nil || next == UInt8(ascii: ".") || next == UInt8(ascii: "[")
    }

    func field(_ name: String, line: Int? = nil) -> Place {
        Place(file: file, line: line ?? self.line, subject: subject, field: field.isEmpty ? name : "\(field).\(name)")
    }

    func element(_ index: Int, line: Int) -> Place {
        Place(file: file, line: line, subject: subject, field: "\(field)[\(index)]")
    }
}

/// A value together with where it was written.
public struct Located<Value> {
    public var value: Value
    public var place: Place

    public init(_ value: Value, at place: Place) {
        self.value = value
        self.place = place
    }
}

extension Located: Sendable where Value: Sendable {}

/// Collects what is wrong, so that all of it is reported at once.
final class DiagnosticSink {
    private(set) var diagnostics: [Diagnostic] = []

    func error(at place: Place, reason: ConditionReason? = nil, _ message: String) {
        report(.error, at: place, reason: reason, message)
    }

    func report(
        _ severity: Diagnostic.Severity, at place: Place, reason: ConditionReason? = nil, _ message: String
    ) {
        diagnostics.append(Diagnostic(severity, at: place, message, reason: reason))
    }

    func add(_ more: [Diagnostic]) { diagnostics += more }
}
