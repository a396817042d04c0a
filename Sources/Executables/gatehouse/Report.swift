import Control
import Foundation
import Routing

/// What was found in a configuration, one line each and a summary.
enum Report {
    static func text(_ diagnostics: [Diagnostic]) -> String {
        let notes = diagnostics.filter { $0.severity == .note }
        // A folder of a whole system has many documents that are not the gateway's.
        let told = notes.count > 1 ? diagnostics.filter { $0.severity != .note } : diagnostics
        var lines = told.map(\.description)
        if notes.count > 1 { lines.append(summary(of: notes)) }
        lines.append(DiagnosticReport(diagnostics).summary)
        return lines.joined(separator: "\n") + "\n"
    }

    private static func summary(of notes: [Diagnostic]) -> String {
        let kinds = Set(notes.map { String($0.place.subject.prefix { $0 != " " }) }).sorted()
        return "note: \(notes.count) documents of other kinds are not read by the gateway: "
            + kinds.joined(separator: ", ") + " (--format json lists them)"
    }

    static func print(_ diagnostics: [Diagnostic]) {
        FileHandle.standardError.write(Data(text(diagnostics).utf8))
    }
}
