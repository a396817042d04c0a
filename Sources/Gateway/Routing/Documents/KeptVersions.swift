/// Which objects stay as they were when documents take the place of others: those that were good and have an error in their
/// own document now, as in a cluster whose API server refuses the new version.
///
/// Only where that opens nothing. What is in use is consistent in itself; a mix of old and new need not be: a policy that
/// was to guard a new route as well, a rule that was given up together with its policy. So beside a kept route nothing that
/// guards may differ, and beside anything else that is kept neither that nor a route may. Secrets, ConfigMaps, Services and
/// Namespaces may always change: certificates and keys are renewed whatever else is wrong.
struct KeptVersions {
    private static let routes: Set<String> = ["HTTPRoute", "GRPCRoute"]

    /// By the object whose new version is wrong.
    let replacements: [ObjectKey: SourceDocument]
    /// They cannot stay beside what else has changed.
    let isMixed: Bool

    /// - Parameters:
    ///   - previous: the documents without errors of the configuration in use.
    ///   - next: those of the new one.
    ///   - wrong: objects with an error in their new document, called by their right kind.
    ///   - kinds: of the objects whose versions may stay.
    init(
        previous: [ObjectKey: SourceDocument], next: [ObjectKey: SourceDocument], wrong: Set<ObjectKey>,
        kinds: Set<String>
    ) {
        var replacements: [ObjectKey: SourceDocument] = [:]
        for object in wrong where kinds.contains(object.kind) && next[object] == nil {
            replacements[object] = previous[object]
        }
        self.replacements = replacements
        if replacements.isEmpty {
            isMixed = false
            return
        }
        let keepsRoutesOnly = replacements.keys.allSatisfy { Self.routes.contains($0.kind) }
        let concerned = keepsRoutesOnly ? kinds.subtracting(Self.routes) : kinds
        isMixed = Set(previous.keys).union(next.keys).contains { object in
            guard concerned.contains(object.kind), replacements[object] == nil else { return false }
            guard let before = previous[object]?.value, let now = next[object]?.value else { return true }
            return !before.isSame(as: now)
        }
    }
}
