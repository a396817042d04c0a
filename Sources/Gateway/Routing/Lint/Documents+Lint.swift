extension Documents {
    /// What the lint found in a table of these documents, each where its rule is written.
    public func diagnostics(of lint: [RouteLint], in table: RouteTable) -> [Diagnostic] {
        lint.map { finding in
            Diagnostic(
                .warning, at: place(of: table.rules[finding.rule]), finding.message, check: finding.check.rawValue,
                witness: finding.witness.description)
        }
    }

    /// Where a rule is written; without file and line when it is not one of these documents'.
    public func place(of rule: RouteRule) -> Place {
        let route = routes.first { $0.metadata.key == rule.routeName }
        let found = route?.rules.enumerated().first { number, written in
            written.name == rule.ruleName || (written.name == nil && String(number) == rule.ruleName)
        }
        return found?.element.place ?? route?.metadata.place ?? Place(file: "")
    }
}
