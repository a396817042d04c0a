public import Routing

/// The status of documents for people: what `gatehouse check --status` prints.
public enum StatusText {
    public static func lines(_ objects: [ObjectStatus]) -> String {
        objects.map { object in
            var lines = ["\(object.kind) \(object.name)" + text(object.conditions ?? [], after: ": ")]
            for listener in object.listeners ?? [] {
                let count = "\(listener.attachedRoutes) \(listener.attachedRoutes == 1 ? "route" : "routes")"
                lines.append("  listener \(listener.name), \(count)" + text(listener.conditions, after: ": "))
            }
            for relation in (object.parents ?? []) + (object.ancestors ?? []) {
                let section = relation.to.sectionName.map { " \($0)" } ?? ""
                lines.append(
                    "  at \(relation.to.kind) \(relation.to.name)\(section)" + text(relation.conditions, after: ": "))
            }
            return lines.joined(separator: "\n")
        }
        .joined(separator: "\n")
    }

    /// As "Accepted=False (BackendNotFound): why"; a reason that only repeats the type is left out.
    private static func text(_ conditions: [Condition], after separator: String) -> String {
        if conditions.isEmpty { return "" }
        let texts = conditions.map { condition in
            let reason = condition.reason == condition.type ? "" : " (\(condition.reason))"
            let message = condition.message.isEmpty ? "" : ": \(condition.message)"
            return "\(condition.type)=\(condition.status.rawValue)\(reason)\(message)"
        }
        return separator + texts.joined(separator: ", ")
    }
}
