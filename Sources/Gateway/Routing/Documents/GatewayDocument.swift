/// A `GatewayClass`: the name by which a `Gateway` asks for this implementation.
public struct GatewayClassDocument: Sendable {
    /// What `spec.controllerName` must be.
    public static let controllerName = "gatehouse.dev/gateway"

    public let metadata: Metadata

    init?(_ document: inout ObjectReader) {
        let metadata = Metadata(&document)
        self.metadata = metadata
        guard var spec = document.object("spec", required: true) else { return nil }
        if let name = spec.string("controllerName", required: true), name.value != Self.controllerName {
            spec.sink.error(at: name.place, "must be \"\(Self.controllerName)\", not \"\(name.value)\"")
        }
        spec.ignore("description")
        spec.unsupported("parametersRef")
        spec.finish()
    }
}

/// A `Gateway`: the listeners of this process.
public struct GatewayDocument: Sendable {
    public struct Listener: Sendable {
        public let name: String
        public let port: UInt16
        public let transport: ListenerDescription.TransportProtocol
        public let hostname: Hostname
        /// At least one for HTTPS.
        public let certificates: [ObjectReference]
        /// Whose routes may attach.
        public let allowedNamespaces: NamespaceSelection
        /// The kinds of routes that may attach.
        public let allowedKinds: [RouteKind]
        public let place: Place
    }

    public let metadata: Metadata
    public let className: Located<String>
    public let listeners: [Listener]
    /// The Secret that backends with TLS are shown: `spec.tls.backend.clientCertificateRef`, or in documents of Gateway
    /// API v1.3 and older `spec.backendTLS.clientCertificateRef`.
    public let clientCertificate: ObjectReference?

    /// `gatehouse.dev/proxy-protocol`: "true", or the names of listeners separated by commas. Every connection to them
    /// begins with a PROXY protocol header, version 1 or 2; one that does not is closed.
    static let proxyProtocolAnnotation = "gatehouse.dev/proxy-protocol"
    /// Networks separated by commas, such as "10.0.0.0/8, fd00::/8": connections to listeners with the PROXY protocol
    /// that come from elsewhere are closed. Without it every source is believed.
    static let proxySourcesAnnotation = "gatehouse.dev/proxy-protocol-sources"

    /// The name of a Secret whose `key` makes the cookies of session persistence: the same for all replicas.
    static let sessionKeyAnnotation = "gatehouse.dev/session-key"

    /// The entries of `proxySourcesAnnotation`.
    var proxySources: [String] {
        metadata.annotations[Self.proxySourcesAnnotation].map { Self.names($0.value) } ?? []
    }

    init?(_ document: inout ObjectReader) {
        let metadata = Metadata(&document)
        self.metadata = metadata
        guard var spec = document.object("spec", required: true) else { return nil }
        let className = spec.objectName("gatewayClassName", required: true)
        let listeners = spec.objects("listeners", required: true) ?? []
        self.listeners = listeners.compactMap { Listener($0, namespace: metadata.namespace) }
        clientCertificate = Self.clientCertificate(&spec, namespace: metadata.namespace)
        spec.unsupported("addresses", "allowedListeners", "infrastructure")
        spec.finish()
        guard let className else { return nil }
        self.className = className
        checkProxyProtocol(spec.sink)
    }

    /// Whether a listener's connections begin with a PROXY protocol header.
    func usesProxyProtocol(_ listener: Listener) -> Bool {
        guard let annotation = metadata.annotations[Self.proxyProtocolAnnotation] else { return false }
        return annotation.value == "true" || Self.names(annotation.value).contains(listener.name)
    }

    private func checkProxyProtocol(_ sink: DiagnosticSink) {
        if let sources = metadata.annotations[Self.proxySourcesAnnotation] {
            // None of them may be left out: without any, all networks are believed.
            for text in proxySources where AddressSet.block(text) == nil {
                sink.error(at: sources.place, "\"\(text)\" is not a network such as 10.0.0.0/8")
            }
        }
        guard let annotation = metadata.annotations[Self.proxyProtocolAnnotation],
            !["true", "false"].contains(annotation.value)
        else { return }
        for name in Self.names(annotation.value) where !listeners.contains(where: { $0.name == name }) {
            sink.error(at: annotation.place, "must be true, false or names of listeners; there is no \"\(name)\"")
        }
    }

    private static func names(_ list: String) -> [String] {
        list.split(separator: ",", omittingEmptySubsequences: false).map {
            String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
    }

    private static func clientCertificate(_ spec: inout ObjectReader, namespace: String) -> ObjectReference? {
        var holders: [ObjectReader] = []
        if let older = spec.object("backendTLS") { holders.append(older) }
        if var tls = spec.object("tls") {
            if let backend = tls.object("backend") { holders.append(backend) }
            tls.unsupported("frontend")
            tls.finish()
        }
        var found: ObjectReference?
        for var holder in holders {
            if found != nil { holder.sink.error(at: holder.place, "the Gateway has a client certificate already") }
            if var reference = holder.object("clientCertificateRef") {
                found = reference.reference(group: "", kind: "Secret", namespace: namespace)
                reference.finish()
            }
            holder.finish()
            if let found, found.namespace != namespace {
                holder.sink.error(
                    at: found.place, "must be in the Gateway's own namespace")
            }
        }
        return found
    }
}

extension GatewayDocument.Listener {
    init?(_ object: ObjectReader, namespace: String) {
        var object = object
        let name = object.objectName("name", required: true)
        let port = object.port("port", required: true)
        let transport = object.choice(
            "protocol", of: ["HTTP", "HTTPS"], unsupported: ["TLS", "TCP", "UDP"], required: true)
        hostname = object.hostname("hostname")?.value ?? .any
        certificates = Self.certificates(
            &object, isHTTPS: transport.map { $0.value == "HTTPS" }, namespace: namespace)
        (allowedNamespaces, allowedKinds) = Self.allowedRoutes(&object)
        object.finish()
        place = object.place
        guard let name, let port, let transport,
            let known = ListenerDescription.TransportProtocol(rawValue: transport.value)
        else { return nil }
        self.name = name.value
        self.port = port.value
        self.transport = known
    }

    private static func certificates(
        _ listener: inout ObjectReader, isHTTPS: Bool?, namespace: String
    ) -> [ObjectReference] {
        guard var tls = listener.object("tls", required: isHTTPS ?? false) else { return [] }
        if isHTTPS == false { tls.sink.error(at: tls.place, "only a listener of protocol HTTPS has tls") }
        _ = tls.choice("mode", of: ["Terminate"], unsupported: ["Passthrough"])
        var references: [ObjectReference] = []
        for var reference in tls.objects("certificateRefs", required: true) ?? [] {
            if let found = reference.reference(group: "", kind: "Secret", namespace: namespace) {
                references.append(found)
            }
            reference.finish()
        }
        tls.unsupported("frontendValidation", "options")
        tls.finish()
        return references
    }

    private static func allowedRoutes(_ listener: inout ObjectReader) -> (NamespaceSelection, [RouteKind]) {
        guard var allowed = listener.object("allowedRoutes") else { return (.same, RouteKind.allCases) }
        defer { allowed.finish() }
        var kinds = RouteKind.allCases
        if let named = allowed.objects("kinds"), !named.isEmpty {
            kinds = named.compactMap { kind in
                var kind = kind
                defer { kind.finish() }
                _ = kind.choice("group", of: ["gateway.networking.k8s.io"])
                let supported = RouteKind.allCases.map(\.rawValue)
                let found = kind.choice(
                    "kind", of: supported, unsupported: ["TLSRoute", "TCPRoute", "UDPRoute"], required: true,
                    reason: .invalidRouteKinds)
                return found.flatMap { RouteKind(rawValue: $0.value) }
            }
        }
        guard var namespaces = allowed.object("namespaces") else { return (.same, kinds) }
        defer { namespaces.finish() }
        let from = namespaces.choice("from", of: ["Same", "All", "Selector", "None"])?.value ?? "Same"
        let selector = namespaces.object("selector").map { NamespaceSelection.Requirement.read($0) }
        switch from {
        case "All": return (.all, kinds)
        case "None": return (.none, kinds)
        case "Selector":
            if selector == nil { namespaces.sink.error(at: namespaces.place.field("selector"), "is required") }
            return (selector.map { .matching($0) } ?? .none, kinds)
        default: return (.same, kinds)
        }
    }
}
