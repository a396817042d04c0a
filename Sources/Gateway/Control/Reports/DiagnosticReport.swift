public import Routing

/// What `gatehouse check --format json` prints. Fields are only ever added.
public struct DiagnosticReport: Codable, Sendable, Equatable {
    public struct Finding: Codable, Sendable, Equatable {
        /// "error", "warning" or "note".
        public var severity: String
        public var file: String
        /// From 1; absent when unknown.
        public var line: Int?
        /// "HTTPRoute default/warehouse".
        public var document: String?
        /// "spec.rules[0].backendRefs[1].port".
        public var field: String?
        /// What is wrong and what to write instead.
        public var message: String
        /// The lint check that found it; absent when a document is wrong in itself.
        public var check: String?
        /// A request that shows it, as `gatehouse explain` takes it.
        public var witness: String?
    }

    public var errors: Int
    public var warnings: Int
    public var findings: [Finding]
    /// With `--status`: what became of each document, in Gateway API's own words.
    public var status: [ObjectStatus]?

    public init(_ diagnostics: [Diagnostic], status: [ObjectStatus]? = nil) {
        self.status = status
        errors = diagnostics.count { $0.severity == .error }
        warnings = diagnostics.count { $0.severity == .warning }
        findings = diagnostics.map { Finding($0) }
    }

    /// "1 error, no warnings".
    public var summary: String { "\(Self.count(errors, "error")), \(Self.count(warnings, "warning"))" }

    private static func count(_ number: Int, _ noun: String) -> String {
        number == 1 ? "1 \(noun)" : "\(number == 0 ? "no" : String(number)) \(noun)s"
    }
}

extension DiagnosticReport.Finding {
    init(_ diagnostic: Diagnostic) {
        severity = diagnostic.severity.rawValue
        file = diagnostic.place.file
        line = diagnostic.place.line > 0 ? diagnostic.place.line : nil
        document = diagnostic.place.subject.isEmpty ? nil : diagnostic.place.subject
        field = diagnostic.place.field.isEmpty ? nil : diagnostic.place.field
        message = diagnostic.message
        check = diagnostic.check
        witness = diagnostic.witness
    }
}
