public import Routing

/// A configuration that is not used, with everything that is wrong with it.
public struct ConfigurationError: Error, CustomStringConvertible {
    public let diagnostics: [Diagnostic]

    init(diagnostics: [Diagnostic]) {
        self.diagnostics = diagnostics.inReadingOrder()
    }

    /// One line for each error.
    public var description: String {
        diagnostics.filter { $0.severity == .error }.map(\.description).joined(separator: "\n")
    }
}
