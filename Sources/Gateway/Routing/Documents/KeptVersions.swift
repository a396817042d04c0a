/// Which objects stay as they were when documents take the place of others: those that were good and have an error in their
/// own document now, as in a cluster whose API server refuses the new version.
///
/// Only where that opens nothing. What is in use is consistent in itself; a mix of old and new need not be: a policy that
/// was to guard a new route as well, a rule that was given up together with its policy, a path that a broader route takes
/// when its own is gone. So beside kept routes other routes may come, and nothing else may differ; beside anything else that
/// is kept nothing may. Secrets and ConfigMaps may always change: certificates and keys are renewed whatever else is wrong.
struct KeptVersions {
    private static let routes: Set<String> = ["HTTPRoute", "GRPCRoute"]

    /// By the object whose new version is wrong.
    let replacements: [ObjectKey: SourceDocument]
    /// They cannot stay beside what else has changed.
    let isMixed: Bool

    /// - Parameters:
    ///   - previous: the documents of the configuration in use.
    ///   - next: those of the new one.
    ///   - wrong: objects with an error in their new document, called by their right kind.
    ///   - kinds: of the objects whose versions may stay.
    init(previous: ReadDocuments, next: ReadDocuments, wrong: Set<ObjectKey>, kinds: Set<String>) {
        var replacements: [ObjectKey: SourceDocument] = [:]
        for object in wrong where kinds.contains(object.kind) && next.good[object] == nil {
            replacements[object] = previous.good[object]
        }
        self.replacements = replacements
        if replacements.isEmpty {
            isMixed = false
            return
        }
        let keepsRoutesOnly = replacements.keys.allSatisfy { Self.routes.contains($0.kind) }
        let concerned = kinds.union(keepsRoutesOnly ? ["Namespace"] : ["Namespace", "Service"])
        isMixed = previous.objects.union(next.objects).contains { object in
            guard concerned.contains(object.kind), replacements[object] == nil else { return false }
            guard let before = previous.value(of: object) else {
                return !(keepsRoutesOnly && Self.routes.contains(object.kind))
            }
            return next.value(of: object)?.isSame(as: before) != true
        }
    }
}

/// Documents as they were read, by their objects.
struct ReadDocuments {
    /// Without errors.
    var good: [ObjectKey: SourceDocument] = [:]
    /// With an error in their own document; of those that share an object the last.
    var bad: [ObjectKey: SourceDocument] = [:]

    var objects: Set<ObjectKey> { Set(good.keys).union(bad.keys) }

    func value(of object: ObjectKey) -> DocumentValue? { (good[object] ?? bad[object])?.value }
}
