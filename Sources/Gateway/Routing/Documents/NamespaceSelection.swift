/// Whose routes a listener takes (`allowedRoutes.namespaces`).
public enum NamespaceSelection: Sendable, Hashable {
    case same
    case all
    case none
    /// Namespaces whose labels meet every requirement.
    case matching([Requirement])

    /// One requirement of a label selector (Kubernetes `LabelSelector`).
    public struct Requirement: Sendable, Hashable {
        public enum Operator: String, Sendable, CaseIterable {
            case `in` = "In"
            case notIn = "NotIn"
            case exists = "Exists"
            case doesNotExist = "DoesNotExist"
        }

        public var label: String
        public var `operator`: Operator
        public var values: [String]

        func holds(for labels: [String: String]) -> Bool {
            let value = labels[label]
            switch `operator` {
            case .in: return value.map(values.contains) ?? false
            case .notIn: return !(value.map(values.contains) ?? false)
            case .exists: return value != nil
            case .doesNotExist: return value == nil
            }
        }

        /// All requirements of a `selector`.
        static func read(_ selector: ObjectReader) -> [Requirement] {
            var selector = selector
            defer { selector.finish() }
            var found = selector.texts("matchLabels").sorted { $0.key < $1.key }.map {
                Requirement(label: $0.key, operator: .in, values: [$0.value.value])
            }
            for var expression in selector.objects("matchExpressions") ?? [] {
                let label = expression.string("key", required: true)
                let name = expression.choice("operator", of: Operator.allCases.map(\.rawValue), required: true)
                let values = expression.strings("values")?.map(\.value) ?? []
                expression.finish()
                guard let label, let known = name.flatMap({ Operator(rawValue: $0.value) }) else { continue }
                found.append(Requirement(label: label.value, operator: known, values: values))
            }
            return found
        }
    }

    /// - Parameter labels: what is known of the route's namespace; every namespace has its name as a label.
    func allows(_ namespace: String, labels: [String: String], gateway: String) -> Bool {
        switch self {
        case .same: namespace == gateway
        case .all: true
        case .none: false
        case .matching(let requirements): requirements.allSatisfy { $0.holds(for: labels) }
        }
    }
}
