import Control
import Foundation
import Routing

/// What was found in a configuration, one line each and a summary.
enum Report {
    static func text(_ diagnostics: [Diagnostic]) -> String {
        let lines = diagnostics.map(\.description) + [DiagnosticReport(diagnostics).summary]
        return lines.joined(separator: "\n") + "\n"
    }

    static func print(_ diagnostics: [Diagnostic]) {
        FileHandle.standardError.write(Data(text(diagnostics).utf8))
    }
}
