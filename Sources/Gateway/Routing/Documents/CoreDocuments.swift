/// A core `Service`: the ports that routes can name.
public struct ServiceDocument: Sendable {
    public struct Port: Sendable {
        public let name: String?
        public let port: UInt16
        /// The port of the Pods when it is given as a number; otherwise the same as `port`.
        public let targetPort: UInt16
        public let appProtocol: Located<String>?
        public let place: Place
    }

    public let metadata: Metadata
    public let ports: [Port]
    /// Without an address of its own (`clusterIP: None`): its name stands for the addresses of its Pods.
    public let isHeadless: Bool

    init?(_ document: inout ObjectReader) {
        metadata = Metadata(&document)
        guard var spec = document.object("spec", required: true) else { return nil }
        ports = (spec.objects("ports", required: true) ?? []).compactMap { Port($0) }
        isHeadless = spec.string("clusterIP")?.value == "None"
        _ = spec.choice("type", of: ["ClusterIP", "NodePort", "LoadBalancer"], unsupported: ["ExternalName"])
        spec.ignore(
            "allocateLoadBalancerNodePorts", "clusterIPs", "externalTrafficPolicy", "healthCheckNodePort",
            "internalTrafficPolicy", "ipFamilies", "ipFamilyPolicy", "loadBalancerClass", "loadBalancerSourceRanges",
            "publishNotReadyAddresses", "selector", "sessionAffinity", "trafficDistribution")
        spec.unsupported("externalIPs", "externalName", "loadBalancerIP", "sessionAffinityConfig")
        spec.finish()
    }
}

extension ServiceDocument.Port {
    init?(_ object: ObjectReader) {
        var object = object
        let port = object.port("port", required: true)
        var target: UInt16?
        // A named target port is the Pods' business: only a headless Service would need its number.
        if let found = object.value("targetPort"), case .integer = found.value.content {
            target = object.port("targetPort")?.value
        }
        _ = object.choice("protocol", of: ["TCP"], unsupported: ["UDP", "SCTP"])
        appProtocol = object.string("appProtocol")
        name = object.string("name")?.value
        object.ignore("nodePort")
        object.finish()
        place = object.place
        guard let port else { return nil }
        self.port = port.value
        targetPort = target ?? port.value
    }
}

extension ServiceDocument.Port {
    /// Whether a policy's `sectionName` means this port: its name, or its number as text.
    func isNamed(_ section: String) -> Bool { name == section || String(port) == section }
}

/// A core `Secret`. Only those of type `kubernetes.io/tls` are used, and `ca.crt` of any; the others are kept unread.
public struct SecretDocument: Sendable {
    public static let tlsType = "kubernetes.io/tls"

    public let metadata: Metadata
    public let type: String
    /// Base64 (RFC 4648 §4).
    public let data: [String: Located<String>]
    /// Plain text; wins over `data` for the same key.
    public let stringData: [String: Located<String>]

    init(_ document: inout ObjectReader) {
        metadata = Metadata(&document)
        type = document.string("type")?.value ?? "Opaque"
        data = document.texts("data")
        stringData = document.texts("stringData")
        document.ignore("immutable")
    }

    /// The bytes of a key: `stringData` as it is, `data` decoded from base64.
    ///
    /// - Throws: a diagnostic when the key is missing, or its text is not base64.
    public func bytes(_ key: String) throws(Diagnostic) -> [UInt8] {
        if let text = stringData[key] { return Array(text.value.utf8) }
        guard let text = data[key] else { throw Diagnostic(.error, at: metadata.place, "has no \(key)") }
        guard let decoded = Base64.decode(text.value) else {
            throw Diagnostic(.error, at: text.place, "is not base64 (RFC 4648 §4)")
        }
        return decoded
    }
}

/// A core `ConfigMap`.
public struct ConfigMapDocument: Sendable {
    public let metadata: Metadata
    public let data: [String: Located<String>]

    init(_ document: inout ObjectReader) {
        metadata = Metadata(&document)
        data = document.texts("data")
        document.ignore("binaryData", "immutable")
    }
}

/// A core `Namespace`: the labels by which listeners choose whose routes they take.
public struct NamespaceDocument: Sendable {
    public let name: String
    /// With the one that Kubernetes gives every namespace: `kubernetes.io/metadata.name`.
    public let labels: [String: String]

    init(_ document: inout ObjectReader) {
        guard var metadata = document.object("metadata", required: true) else {
            (name, labels) = ("", [:])
            return
        }
        let name = metadata.objectName("name", required: true)?.value ?? ""
        var labels = metadata.texts("labels").mapValues(\.value)
        labels[Self.nameLabel] = name
        self.name = name
        self.labels = labels
        document.ignore("spec")
    }

    static let nameLabel = "kubernetes.io/metadata.name"
}
