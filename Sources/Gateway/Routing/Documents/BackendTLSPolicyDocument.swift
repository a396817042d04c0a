/// A `BackendTLSPolicy` (Gateway API v1 and v1alpha3): that a Service is reached by TLS, and whom its certificate must name.
public struct BackendTLSPolicyDocument: Sendable {
    public struct Target: Sendable {
        public let service: ObjectReference
        /// The name of a port, or its number. Nil: every port.
        public let sectionName: Located<String>?
        public let place: Place
    }

    /// Whose signature is trusted.
    public enum Authorities: Sendable {
        case system
        /// ConfigMaps or Secrets, each with a key `ca.crt`.
        case objects([ObjectReference])
    }

    /// The key of the objects that `caCertificateRefs` names.
    public static let authorityKey = "ca.crt"

    public let metadata: Metadata
    public let targets: [Target]
    /// Whether it has targets of which nobody knows which they are.
    let hasLostTargets: Bool
    public let hostname: String
    public let subjectAltNames: [String]
    public let authorities: Authorities

    init?(_ document: inout ObjectReader) {
        let metadata = Metadata(&document)
        self.metadata = metadata
        guard var spec = document.object("spec", required: true) else { return nil }
        let objects = spec.objects("targetRefs", required: true) ?? []
        let targets = objects.compactMap { Target($0, namespace: metadata.namespace) }
        self.targets = targets
        hasLostTargets = targets.isEmpty || targets.count < objects.count
        spec.unsupported("options")
        defer { spec.finish() }
        guard var validation = spec.object("validation", required: true) else { return nil }
        let hostname = validation.hostname("hostname")
        if hostname == nil, !validation.hasField(where: { $0 == "hostname" }) {
            validation.sink.error(at: validation.place.field("hostname"), "is required")
        }
        if let hostname, case .wildcard = hostname.value {
            validation.sink.error(at: hostname.place, "must be one host, without \"*\"")
        }
        subjectAltNames = (validation.objects("subjectAltNames") ?? []).compactMap { Self.alternativeName($0) }
        let authorities = Self.authorities(&validation, namespace: metadata.namespace)
        validation.finish()
        guard let hostname, let authorities else { return nil }
        self.hostname = hostname.value.description
        self.authorities = authorities
    }

    private static func alternativeName(_ object: ObjectReader) -> String? {
        var object = object
        defer { object.finish() }
        _ = object.choice("type", of: ["Hostname"], unsupported: ["URI"], required: true)
        object.unsupported("uri")
        guard let name = object.hostname("hostname") else {
            if !object.hasField(where: { $0 == "hostname" || $0 == "uri" }) {
                object.sink.error(at: object.place.field("hostname"), "is required")
            }
            return nil
        }
        return name.value.description
    }

    private static func authorities(_ validation: inout ObjectReader, namespace: String) -> Authorities? {
        let wellKnown = validation.choice("wellKnownCACertificates", of: ["System"])
        var references: [ObjectReference] = []
        for var reference in validation.objects("caCertificateRefs") ?? [] {
            let kind = reference.choice("kind", of: ["ConfigMap", "Secret"], required: true)
            if kind == nil { reference.ignore("group", "name", "namespace") }
            if let kind, let found = reference.reference(group: "", namespace: namespace, of: kind.value) {
                if found.namespace != namespace {
                    reference.sink.error(at: found.place, "must be in the policy's own namespace")
                }
                references.append(found)
            }
            reference.finish()
        }
        let hasReferences = validation.hasField { $0 == "caCertificateRefs" }
        if hasReferences == (wellKnown != nil) {
            validation.sink.error(
                at: validation.place, "needs exactly one of caCertificateRefs and wellKnownCACertificates")
            return nil
        }
        return hasReferences ? .objects(references) : .system
    }
}

extension BackendTLSPolicyDocument.Target {
    init?(_ object: ObjectReader, namespace: String) {
        var object = object
        let kind = object.choice("kind", of: ["Service"], required: true)
        let service = object.reference(group: "", namespace: namespace, of: "Service")
        sectionName = object.string("sectionName")
        object.finish()
        place = object.place
        guard kind != nil, let service else { return nil }
        if service.namespace != namespace {
            object.sink.error(at: service.place, "must be in the policy's own namespace")
        }
        self.service = service
    }
}
