/// A `ReferenceGrant`: which kinds of other namespaces may name which kinds of its own.
public struct ReferenceGrantDocument: Sendable {
    struct From: Sendable {
        let group: String
        let kind: String
        let namespace: String
    }

    struct To: Sendable {
        let group: String
        let kind: String
        /// Nil: every object of the kind.
        let name: String?
    }

    public let metadata: Metadata
    let from: [From]
    let to: [To]

    init?(_ document: inout ObjectReader) {
        metadata = Metadata(&document)
        guard var spec = document.object("spec", required: true) else { return nil }
        from = (spec.objects("from", required: true) ?? []).compactMap { From($0) }
        to = (spec.objects("to", required: true) ?? []).compactMap { To($0) }
        spec.finish()
    }

    /// - Parameters:
    ///   - kind: of Gateway API.
    ///   - object: of the core group, in the grant's own namespace.
    func permits(_ kind: String, of namespace: String, to object: ObjectReference) -> Bool {
        from.contains {
            $0.group == "gateway.networking.k8s.io" && $0.kind == kind && $0.namespace == namespace
        }
            && to.contains {
                $0.group.isEmpty && $0.kind == object.kind && ($0.name ?? object.name) == object.name
            }
    }
}

extension ReferenceGrantDocument.From {
    init?(_ object: ObjectReader) {
        var object = object
        let group = object.string("group", required: true)
        let kind = object.string("kind", required: true)
        let namespace = object.objectName("namespace", required: true)
        object.finish()
        guard let group, let kind, let namespace else { return nil }
        (self.group, self.kind, self.namespace) = (group.value, kind.value, namespace.value)
    }
}

extension ReferenceGrantDocument.To {
    init?(_ object: ObjectReader) {
        var object = object
        let group = object.string("group", required: true)
        let kind = object.string("kind", required: true)
        name = object.objectName("name")?.value
        object.finish()
        guard let group, let kind else { return nil }
        (self.group, self.kind) = (group.value, kind.value)
    }
}
