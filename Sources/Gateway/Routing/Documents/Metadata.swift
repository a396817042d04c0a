/// What every document says about itself.
public struct Metadata: Sendable {
    public let namespace: String
    public let name: String
    /// In seconds since 1970, when the document has a `creationTimestamp`.
    public let createdSeconds: Int64?
    public let annotations: [String: Located<String>]
    public let place: Place

    /// "namespace/name".
    public var key: String { "\(namespace)/\(name)" }

    /// A document without a usable name is read on, so that all of its errors are found; it has the empty name.
    init(_ document: inout ObjectReader) {
        place = document.place
        guard var metadata = document.object("metadata", required: true) else {
            (namespace, name, createdSeconds, annotations) = ("default", "", nil, [:])
            return
        }
        name = metadata.objectName("name", required: true)?.value ?? ""
        namespace = metadata.objectName("namespace")?.value ?? "default"
        createdSeconds = metadata.string("creationTimestamp").flatMap { Syntax.secondsSince1970($0.value) }
        annotations = metadata.texts("annotations")
        metadata.ignore(
            "deletionTimestamp", "finalizers", "generateName", "generation", "labels", "managedFields",
            "ownerReferences", "resourceVersion", "selfLink", "uid")
        metadata.finish()
    }
}

/// Which object a document is about.
public struct ObjectKey: Sendable, Hashable {
    public let kind: String
    /// "namespace/name".
    public let key: String

    public init(kind: String, key: String) {
        self.kind = kind
        self.key = key
    }
}

/// A reference to another object, with the defaults filled in.
public struct ObjectReference: Sendable {
    public let kind: String
    public let namespace: String
    public let name: String
    public let place: Place

    /// "namespace/name".
    public var key: String { "\(namespace)/\(name)" }
}

extension ObjectReader {
    mutating func objectName(_ name: String, required: Bool = false) -> Located<String>? {
        guard let found = string(name, required: required) else { return nil }
        if let problem = Syntax.objectName(found.value) {
            sink.error(at: found.place, problem)
            return nil
        }
        return found
    }

    /// Reads `group`, `kind`, `namespace` and `name`, and does not finish the reader.
    ///
    /// - Parameter kind: the only kind that is meant here.
    mutating func reference(group: String, kind: String, namespace: String) -> ObjectReference? {
        _ = choice("kind", of: [kind])
        return reference(group: group, namespace: namespace, of: kind)
    }

    /// As above, for a reader whose `kind` was read.
    mutating func reference(group: String, namespace: String, of kind: String) -> ObjectReference? {
        if let found = string("group"), found.value != group {
            sink.error(at: found.place, "must be \"\(group)\", not \"\(found.value)\"")
        }
        let own = objectName("namespace")?.value ?? namespace
        guard let name = objectName("name", required: true) else { return nil }
        return ObjectReference(kind: kind, namespace: own, name: name.value, place: name.place)
    }

    mutating func hostname(_ name: String) -> Located<Hostname>? {
        string(name).flatMap { hostname($0) }
    }

    func hostname(_ text: Located<String>) -> Located<Hostname>? {
        switch Syntax.hostname(text.value) {
        case .success(let hostname):
            return Located(hostname, at: text.place)
        case .failure(let problem):
            sink.error(at: text.place, problem.message)
            return nil
        }
    }
}
