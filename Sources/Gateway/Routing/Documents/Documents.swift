/// The documents of a configuration, read and checked one by one, not yet against each other.
public struct Documents: Sendable {
    public private(set) var gatewayClasses: [GatewayClassDocument] = []
    public private(set) var gateways: [GatewayDocument] = []
    public private(set) var routes: [RouteDocument] = []
    public private(set) var services: [ServiceDocument] = []
    public private(set) var secrets: [SecretDocument] = []
    public private(set) var configMaps: [ConfigMapDocument] = []
    public private(set) var authenticationPolicies: [AuthenticationPolicyDocument] = []
    public private(set) var rateLimitPolicies: [RateLimitPolicyDocument] = []
    public private(set) var accessPolicies: [AccessPolicyDocument] = []
    public private(set) var trafficPolicies: [TrafficPolicyDocument] = []
    public private(set) var backendTLSPolicies: [BackendTLSPolicyDocument] = []
    public private(set) var namespaces: [NamespaceDocument] = []
    public private(set) var referenceGrants: [ReferenceGrantDocument] = []
    /// What is wrong with single documents, in their order.
    public private(set) var diagnostics: [Diagnostic] = []
    /// Those of documents of which it is not known what they are or which object they are about: they may guard what the
    /// others open.
    public private(set) var undecidable: [Diagnostic] = []
    /// The errors among them, by the object they are about.
    private var errors: [ObjectKey: [Diagnostic]] = [:]
    /// Objects of which an earlier version is used, and what is wrong with the new one.
    private(set) var kept: [ObjectKey: [Diagnostic]] = [:]
    /// For whoever comes after these.
    private var documents = ReadDocuments()
    /// Those of a kind that is none, by what they were probably meant to be.
    private var misspelt: [(object: ObjectKey, errors: [Diagnostic])] = []
    /// The documents as they are used.
    public private(set) var sources: [SourceDocument] = []

    private static let gatewayGroup = "gateway.networking.k8s.io"
    private static let ownGroup = "gatehouse.dev"
    private static let ownKinds = ["AccessPolicy", "AuthenticationPolicy", "RateLimitPolicy", "TrafficPolicy"]
    private static let kinds =
        ["GatewayClass", "Gateway", "HTTPRoute", "GRPCRoute", "ReferenceGrant", "BackendTLSPolicy"] + ownKinds
    private static let unsupportedKinds = ["ListenerSet", "TCPRoute", "TLSRoute", "UDPRoute"]

    /// By group, kind and name.
    private typealias Seen = [String: (value: DocumentValue, place: Place)]

    /// Reads every document. What is wrong is found in `diagnostics`; a document with an error in it may be missing, and
    /// one that is there may hold only what could be read of it: see `errors(of:)`.
    ///
    /// Documents of groups that are not the gateway's (`apps`, `rbac.authorization.k8s.io`, …) are left out with a note.
    ///
    /// - Parameter previous: what these take the place of. An object that was good there and has an error here stays as it
    ///   was, as in a cluster whose API server refuses the new version (Gateway API calls it "Fall Back",
    ///   `RouteConditionPartiallyInvalid`); the error is told all the same. Where an old version cannot stay beside what is
    ///   new (`KeptVersions`), and where an object in use would be lost to a misspelt kind, the errors are `undecidable`.
    public init(reading sources: [SourceDocument], keeping previous: Documents? = nil) {
        read(sources, insteadOf: [:])
        guard let previous, undecidable.isEmpty else { return }
        for (object, errors) in misspelt
        where previous.documents.good[object] != nil && documents.good[object] == nil {
            undecidable += errors
        }
        let versions = KeptVersions(
            previous: previous.documents, next: documents, wrong: Set(errors.keys).subtracting(misspelt.map(\.object)),
            kinds: Set(Self.kinds))
        if versions.replacements.isEmpty || !undecidable.isEmpty { return }
        let refused = errors.filter { versions.replacements[$0.key] != nil }
        if versions.isMixed {
            undecidable = refused.values.flatMap(\.self).map {
                $0.adding("what else has changed does not come into force before this is mended")
            }
            return
        }
        self = Documents()
        read(sources, insteadOf: versions.replacements)
        kept = refused.mapValues { $0.map { $0.adding("the version that was in use stays") } }
        diagnostics += kept.values.flatMap(\.self)
    }

    private init() {}

    private mutating func read(_ sources: [SourceDocument], insteadOf replacements: [ObjectKey: SourceDocument]) {
        let sink = DiagnosticSink()
        var seen: Seen = [:]
        for source in sources { read(source, insteadOf: replacements, &seen, sink) }
        diagnostics = sink.diagnostics
    }

    /// What is wrong with a document in itself; empty when it can be used as it is.
    public func errors(of object: ObjectKey) -> [Diagnostic] { errors[object] ?? [] }

    /// Objects of a kind with an error in their documents.
    func refused(_ kind: String) -> [ObjectKey] { errors.keys.filter { $0.kind == kind } }

    /// Whether a reference from one namespace to an object of another is allowed by a ReferenceGrant there.
    func permits(_ kind: String, of namespace: String, to object: ObjectReference) -> Bool {
        if object.namespace == namespace { return true }
        return referenceGrants.contains { grant in
            grant.metadata.namespace == object.namespace && grant.permits(kind, of: namespace, to: object)
                // Half of a grant may grant more than the whole.
                && errors(of: ObjectKey(kind: "ReferenceGrant", key: grant.metadata.key)).isEmpty
        }
    }

    private mutating func read(
        _ source: SourceDocument, insteadOf replacements: [ObjectKey: SourceDocument], _ seen: inout Seen,
        _ sink: DiagnosticSink
    ) {
        let kind = source.value.field("kind")?.text ?? ""
        if kind == "List", source.value.field("apiVersion")?.text == "v1" {
            guard case .sequence(let items)? = source.value.field("items")?.content else {
                let place = Place(file: source.file, line: source.value.line, subject: "document \(source.number)")
                refuse(Diagnostic(.error, at: place.field("items"), "must be a list"), sink)
                return
            }
            for item in items {
                let source = SourceDocument(file: source.file, number: source.number, value: item)
                read(source, insteadOf: replacements, &seen, sink)
            }
            return
        }
        if let object = Self.object(of: source), let replacement = replacements[object] {
            return read(replacement, insteadOf: [:], &seen, sink)
        }
        self.sources.append(source)
        let metadata = source.value.field("metadata")
        let name = metadata?.field("name")?.text
        let namespace = metadata?.field("namespace")?.text ?? "default"
        let subject = name.map { "\(kind) \(namespace)/\($0)" } ?? "document \(source.number)"
        let place = Place(file: source.file, line: source.value.line, subject: subject)
        guard case .mapping = source.value.content else {
            refuse(Diagnostic(.error, at: place, "must be a mapping, not \(source.value.content.kind)"), sink)
            return
        }
        let own = DiagnosticSink()
        defer { sink.add(own.diagnostics) }
        var reader = ObjectReader(source.value, at: place, sink: own)
        guard let version = reader.string("apiVersion", required: true),
            let kind = reader.string("kind", required: true)
        else {
            undecidable += own.diagnostics
            return
        }
        if name != nil {
            let identity = "\(version.value.prefix { $0 != "/" }) \(subject)"
            if let first = seen[identity] {
                if first.value.isSame(as: source.value) {
                    own.report(.warning, at: place, "the same document was read before")
                    return
                }
                own.error(
                    at: place,
                    "another document of this kind and name was read before, at \(first.place.file):\(first.place.line)"
                )
                undecidable += own.diagnostics
                return
            }
            seen[identity] = (source.value, place)
        }
        let isOurs = read(&reader, version: version, kind: kind)
        if isOurs {
            reader.ignore("status")
            reader.finish()
            undecidable += own.diagnostics.filter { error in
                ["metadata", "metadata.name", "metadata.namespace"].contains(error.place.field)
            }
        }
        let found = own.diagnostics.filter { $0.severity == .error }
        let key = "\(namespace)/\(name ?? "")"
        if found.isEmpty && !isOurs {
            // Somebody else's, unless one of ours of that name would be gone.
            guard Self.ownKinds.contains(kind.value) else { return }
            let lost = Diagnostic(
                .error, at: version.place, "must be \(Self.ownGroup)/v1alpha1, as it was, or have another name")
            misspelt.append((ObjectKey(kind: kind.value, key: key), [lost]))
            return
        }
        let object = ObjectKey(kind: Self.meantKind(version.value, kind.value), key: key)
        if found.isEmpty {
            documents.good[object] = source
        } else {
            errors[object, default: []] += found
            documents.bad[object] = source
            if let meant = Self.misspelling(version.value, kind.value) {
                misspelt.append((ObjectKey(kind: meant, key: key), found))
            }
        }
    }

    /// The kind that one which is none was probably meant to be; of those that guard, when it is like none.
    private static func misspelling(_ version: String, _ kind: String) -> String? {
        let known = kinds + ["ConfigMap", "Namespace", "Secret", "Service"]
        if known.contains(kind) || unsupportedKinds.contains(kind) { return nil }
        let guarding = version.hasPrefix("\(gatewayGroup)/") ? "BackendTLSPolicy" : "AuthenticationPolicy"
        return Spelling.nearest(to: kind, among: known) ?? guarding
    }

    /// As it is known in `errors` and `good`; nil: it does not say.
    private static func object(of source: SourceDocument) -> ObjectKey? {
        guard let version = source.value.field("apiVersion")?.text, let kind = source.value.field("kind")?.text,
            let metadata = source.value.field("metadata"), let name = metadata.field("name")?.text
        else { return nil }
        let namespace = metadata.field("namespace")?.text ?? "default"
        return ObjectKey(kind: meantKind(version, kind), key: "\(namespace)/\(name)")
    }

    private mutating func refuse(_ diagnostic: Diagnostic, _ sink: DiagnosticSink) {
        sink.add([diagnostic])
        undecidable.append(diagnostic)
    }

    /// A policy of ours of an unknown kind may have been meant to guard something, so it counts as one that does.
    private static func meantKind(_ version: String, _ kind: String) -> String {
        let group = String(version.prefix { $0 != "/" })
        if group == gatewayGroup, Spelling.nearest(to: kind, among: ["BackendTLSPolicy"]) != nil {
            return "BackendTLSPolicy"
        }
        let isOurs = group == ownGroup || Spelling.nearest(to: group, among: [ownGroup]) != nil
        guard isOurs, !ownKinds.contains(kind) else { return kind }
        return Spelling.nearest(to: kind, among: ownKinds) ?? "AuthenticationPolicy"
    }

    /// - Returns: whether the document is one of ours, so that its fields are to be accounted for.
    private mutating func read(_ reader: inout ObjectReader, version: Located<String>, kind: Located<String>) -> Bool {
        switch (version.value, kind.value) {
        case ("\(Self.gatewayGroup)/v1", "GatewayClass"), ("\(Self.gatewayGroup)/v1beta1", "GatewayClass"):
            gatewayClasses += [GatewayClassDocument(&reader)].compactMap(\.self)
        case ("\(Self.gatewayGroup)/v1", "Gateway"), ("\(Self.gatewayGroup)/v1beta1", "Gateway"):
            gateways += [GatewayDocument(&reader)].compactMap(\.self)
        case ("\(Self.gatewayGroup)/v1", "HTTPRoute"), ("\(Self.gatewayGroup)/v1beta1", "HTTPRoute"):
            routes += [RouteDocument(&reader, .http)].compactMap(\.self)
        case ("\(Self.gatewayGroup)/v1", "GRPCRoute"), ("\(Self.gatewayGroup)/v1alpha2", "GRPCRoute"):
            routes += [RouteDocument(&reader, .grpc)].compactMap(\.self)
        case ("\(Self.gatewayGroup)/v1", "ReferenceGrant"), ("\(Self.gatewayGroup)/v1beta1", "ReferenceGrant"):
            referenceGrants += [ReferenceGrantDocument(&reader)].compactMap(\.self)
        case ("v1", "Namespace"):
            namespaces.append(NamespaceDocument(&reader))
        case ("v1", "Service"):
            services += [ServiceDocument(&reader)].compactMap(\.self)
        case ("v1", "Secret"):
            secrets.append(SecretDocument(&reader))
        case ("v1", "ConfigMap"):
            configMaps.append(ConfigMapDocument(&reader))
        case ("\(Self.ownGroup)/v1alpha1", "AuthenticationPolicy"):
            authenticationPolicies += [AuthenticationPolicyDocument(&reader)].compactMap(\.self)
        case ("\(Self.ownGroup)/v1alpha1", "RateLimitPolicy"):
            rateLimitPolicies += [RateLimitPolicyDocument(&reader)].compactMap(\.self)
        case ("\(Self.ownGroup)/v1alpha1", "AccessPolicy"):
            accessPolicies += [AccessPolicyDocument(&reader)].compactMap(\.self)
        case ("\(Self.ownGroup)/v1alpha1", "TrafficPolicy"):
            trafficPolicies += [TrafficPolicyDocument(&reader)].compactMap(\.self)
        case ("\(Self.gatewayGroup)/v1", "BackendTLSPolicy"), ("\(Self.gatewayGroup)/v1alpha3", "BackendTLSPolicy"):
            backendTLSPolicies += [BackendTLSPolicyDocument(&reader)].compactMap(\.self)
        default:
            leaveOut(version: version, kind: kind, reader.sink)
            return false
        }
        return true
    }

    private func leaveOut(version: Located<String>, kind: Located<String>, _ sink: DiagnosticSink) {
        let group = String(version.value.prefix { $0 != "/" })
        let groups = [Self.gatewayGroup, Self.ownGroup]
        guard groups.contains(group) else {
            // A foreign document is not ours to judge, but a misspelt one of ours must not vanish.
            if let near = Spelling.nearest(to: group, among: groups) {
                sink.error(at: version.place, "unknown group \"\(group)\"; did you mean \"\(near)\"?")
            } else if group == "v1",
                let near = Spelling.nearest(to: kind.value, among: ["ConfigMap", "Namespace", "Secret", "Service"])
            {
                sink.error(at: kind.place, "unknown kind \(kind.value); did you mean \(near)?")
            } else if Self.ownKinds.contains(kind.value) {
                sink.report(
                    .warning, at: version.place,
                    "\(version.value) \(kind.value) is somebody else's; this gateway's is \(Self.ownGroup)/v1alpha1")
            } else {
                sink.report(.note, at: kind.place, "\(version.value) \(kind.value) is not read by the gateway")
            }
            return
        }
        if Self.unsupportedKinds.contains(kind.value) {
            sink.error(at: kind.place, "\(kind.value) is not supported by this version")
        } else if Self.kinds.contains(kind.value) {
            let known = Self.ownKinds.contains(kind.value) ? "\(Self.ownGroup)/v1alpha1" : "\(Self.gatewayGroup)/v1"
            sink.error(at: version.place, "must be \(known) for this kind, not \(version.value)")
        } else {
            let hint = Spelling.nearest(to: kind.value, among: Self.kinds).map { "; did you mean \($0)?" } ?? ""
            sink.error(at: kind.place, "unknown kind \(kind.value) in \(version.value)\(hint)")
        }
    }
}
