/// Finds for each backend whether it is reached by TLS, and whom its certificate must name.
struct BackendTLSResolver {
    private let documents: Documents
    private let settings: TranslationSettings
    private let sink: DiagnosticSink
    private var policies = PolicyTargets<(document: BackendTLSPolicyDocument, authorities: [UInt8]?)>()
    /// Policies that cannot be obeyed, and why.
    private var refused: [String: String] = [:]
    /// Namespaces with a policy of which not even the target is known.
    private var unreadable: Set<String> = []
    /// Services of which a policy names a port that is not there.
    private var misnamed: Set<String> = []
    /// By the Gateway's key.
    private var clients: [String: (certificate: [UInt8], key: [UInt8])] = [:]

    init(documents: Documents, settings: TranslationSettings, sink: DiagnosticSink) {
        self.documents = documents
        self.settings = settings
        self.sink = sink
        for policy in documents.backendTLSPolicies { attach(policy) }
        let readable = Set(documents.backendTLSPolicies.filter { !$0.hasLostTargets }.map(\.metadata.key))
        for object in documents.refused("BackendTLSPolicy") where !readable.contains(object.key) {
            unreadable.insert(String(object.key.prefix { $0 != "/" }))
        }
        for gateway in documents.gateways { readClientCertificate(of: gateway) }
    }

    /// - Parameter isAsked: the Service's port says by its `appProtocol` that it takes TLS. Without a policy its
    ///   certificate must then be valid for its name in the cluster, and be signed by an authority that the system trusts.
    func settings(for service: ServicePort, isAsked: Bool, at gateway: GatewayDocument) -> BackendTLS? {
        let key = "\(service.namespace)/\(service.name)"
        var found: BackendTLS
        if let policy = policies["Service", key, String(service.port)] ?? policies["Service", key] {
            found = BackendTLS(hostname: policy.document.hostname)
            found.subjectAltNames = policy.document.subjectAltNames
            found.authorities = policy.authorities
        } else if isAsked {
            found = BackendTLS(hostname: "\(service.name).\(service.namespace).svc")
        } else {
            return nil
        }
        found.clientCertificate = clients[gateway.metadata.key]?.certificate
        found.clientKey = clients[gateway.metadata.key]?.key
        return found
    }

    /// Why a port's policy cannot be obeyed; its requests must then not go out without TLS (Gateway API,
    /// `BackendTLSPolicy`).
    func problem(with service: ServicePort) -> String? {
        let key = "\(service.namespace)/\(service.name)"
        if misnamed.contains(key) { return "a BackendTLSPolicy names a port of it that is not there" }
        guard let policy = policies["Service", key, String(service.port)] ?? policies["Service", key] else {
            return unreadable.contains(service.namespace) ? "a BackendTLSPolicy of its namespace cannot be read" : nil
        }
        return refused[policy.document.metadata.key].map {
            "BackendTLSPolicy \(policy.document.metadata.key) is not valid: \($0)"
        }
    }

    /// Whether the backends of a Gateway are shown another certificate than those of other Gateways.
    func isSpecial(_ gateway: GatewayDocument) -> Bool {
        documents.gateways.count > 1 && clients[gateway.metadata.key] != nil
    }

    private mutating func attach(_ policy: BackendTLSPolicyDocument) {
        let object = ObjectKey(kind: "BackendTLSPolicy", key: policy.metadata.key)
        refused[policy.metadata.key] = documents.errors(of: object).first?.message ?? settings.unusable[object]
        var authorities: [UInt8]?
        if case .objects(let references) = policy.authorities {
            authorities = []
            for reference in references {
                guard let found = self.authorities(reference) else {
                    let isMissed = settings.missingReference == .error
                    if isMissed { refused[policy.metadata.key] = "\(reference.kind) \(reference.key) cannot be used" }
                    continue
                }
                authorities? += found
            }
        }
        for target in policy.targets {
            let found = documents.servicePort(of: target.service, section: target.sectionName, settings, sink)
            guard found.exists else {
                if target.sectionName != nil { misnamed.insert(target.service.key) }
                continue
            }
            policies.attach(
                (policy, authorities), named: policy.metadata.key, kind: "BackendTLSPolicy",
                to: PolicyTarget(kind: "Service", key: target.service.key, section: found.section), at: target.place,
                sink)
        }
    }

    /// The PEM text of one object; nil, and reported, when there is none.
    private func authorities(_ reference: ObjectReference) -> [UInt8]? {
        let key = BackendTLSPolicyDocument.authorityKey
        do throws(Diagnostic) {
            if reference.kind == "Secret" {
                guard let secret = documents.secrets.first(where: { $0.metadata.key == reference.key }) else {
                    reportMissing(reference)
                    return nil
                }
                return try secret.bytes(key) + [UInt8(ascii: "\n")]
            }
            guard let map = documents.configMaps.first(where: { $0.metadata.key == reference.key }) else {
                reportMissing(reference)
                return []
            }
            guard let text = map.data[key] else {
                throw Diagnostic(.error, at: reference.place, "ConfigMap \(reference.key) has no \(key)")
            }
            return Array(text.value.utf8) + [UInt8(ascii: "\n")]
        } catch {
            sink.report(error.severity, at: error.place, reason: .invalidCACertificateRef, error.message)
            return nil
        }
    }

    private mutating func readClientCertificate(of gateway: GatewayDocument) {
        guard let reference = gateway.clientCertificate else { return }
        guard let secret = documents.secrets.first(where: { $0.metadata.key == reference.key }) else {
            return reportMissing(reference)
        }
        guard secret.type == SecretDocument.tlsType else {
            sink.error(
                at: reference.place,
                "Secret \(reference.key) must be of type \(SecretDocument.tlsType), not \(secret.type)")
            return
        }
        do throws(Diagnostic) {
            clients[gateway.metadata.key] = (try secret.bytes("tls.crt"), try secret.bytes("tls.key"))
        } catch {
            sink.report(error.severity, at: error.place, error.message)
        }
    }

    private func reportMissing(_ reference: ObjectReference) {
        sink.report(
            settings.missingReference, at: reference.place, reason: .invalidCACertificateRef,
            "there is no \(reference.kind) \(reference.key)")
    }
}
