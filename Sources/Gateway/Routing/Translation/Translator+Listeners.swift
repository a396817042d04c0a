extension Translator {
    /// A listener of the documents, and what became of it.
    struct Attachment {
        let gateway: GatewayDocument
        let listener: GatewayDocument.Listener
        /// Its place in the table; nil: it does not serve.
        var index: Int?
        /// Nil: it is accepted.
        var refusal: (reason: ConditionReason, message: String)?
        var conflict: (reason: ConditionReason, message: String)?
        var unresolved: (reason: ConditionReason, message: String)?
        var attachedRoutes = 0
        /// Which hosts routes of each kind have taken; empty while there is one kind only.
        var hostnames: [RouteKind: Set<Hostname>] = [:]
    }

    mutating func translateGateways() {
        for gatewayClass in documents.gatewayClasses { report(gatewayClass) }
        if documents.gateways.isEmpty {
            sink.report(settings.missingReference, at: Place(file: ""), "there is no Gateway among the documents")
        }
        for gateway in documents.gateways {
            let isAccepted = refusal(of: gateway) == nil
            let first = attachments.count
            for listener in gateway.listeners { translate(listener, of: gateway) }
            refuseConflicts(from: first)
            guard isAccepted else { continue }
            for place in first..<attachments.count { serve(place) }
        }
    }

    /// Why nothing of a Gateway can be used; nil when that is not so.
    func refusal(of gateway: GatewayDocument) -> (reason: ConditionReason, message: String)? {
        let errors = documents.errors(of: ObjectKey(kind: "Gateway", key: gateway.metadata.key))
        if let error = errors.first(where: { !$0.place.isWithin("spec.listeners") }) {
            return (.invalid, error.brief)
        }
        let name = gateway.className
        guard let known = documents.gatewayClasses.first(where: { $0.metadata.name == name.value }) else {
            let message = "there is no GatewayClass \"\(name.value)\""
            return settings.missingReference == .error ? (.noGatewayClass, message) : nil
        }
        let isRefused = !documents.errors(of: ObjectKey(kind: "GatewayClass", key: known.metadata.key)).isEmpty
        return isRefused ? (.noGatewayClass, "GatewayClass \"\(name.value)\" is not accepted") : nil
    }

    private mutating func translate(_ listener: GatewayDocument.Listener, of gateway: GatewayDocument) {
        var attachment = Attachment(gateway: gateway, listener: listener)
        let errors = documents.errors(of: ObjectKey(kind: "Gateway", key: gateway.metadata.key))
            .filter { $0.place.isWithin(listener.place.field) }
        if let error = errors.first(where: { $0.reason != .invalidRouteKinds }) {
            attachment.refusal = (.unsupportedValue, error.brief)
        } else if let error = errors.first {
            // The kinds that are supported may attach all the same.
            attachment.unresolved = (.invalidRouteKinds, error.brief)
        }
        attachments.append(attachment)
    }

    /// Among the listeners of one Gateway none of those in a conflict serves (Gateway API, `Listener`); of another
    /// Gateway's the one that was first keeps serving.
    private mutating func refuseConflicts(from first: Int) {
        for place in first..<attachments.count {
            for other in attachments.indices where other != place && attachments[place].conflict == nil {
                let isOwn = other >= first
                guard isOwn || attachments[other].index != nil else { continue }
                guard let conflict = conflict(of: attachments[place], with: attachments[other]) else { continue }
                attachments[place].conflict = (conflict.reason, conflict.message)
                // Of a pair the second is told, as a reader meets it.
                if !isOwn || other < place {
                    sink.error(
                        at: attachments[place].listener.place.field(conflict.field), reason: conflict.reason,
                        conflict.message)
                }
            }
        }
    }

    /// Listeners of one port share its socket: what comes in must be told apart by its host alone.
    private func conflict(
        of one: Attachment, with other: Attachment
    ) -> (reason: ConditionReason, field: String, message: String)? {
        let (listener, sharer) = (one.listener, "listener \"\(other.listener.name)\"")
        if other.listener.name == listener.name {
            return (.invalid, "name", "another listener has the name \"\(listener.name)\"")
        }
        guard other.listener.port == listener.port else { return nil }
        if other.listener.transport != listener.transport {
            let name = other.listener.transport.rawValue
            return (.protocolConflict, "port", "\(sharer) has port \(listener.port) with protocol \(name)")
        }
        if other.listener.hostname == listener.hostname {
            return (.hostnameConflict, "port", "\(sharer) has port \(listener.port) with the same hostname")
        }
        if other.gateway.usesProxyProtocol(other.listener) != one.gateway.usesProxyProtocol(listener) {
            let message = "\(sharer) has port \(listener.port); both or none must use the PROXY protocol"
            return (.protocolConflict, "port", message)
        }
        return nil
    }

    private mutating func serve(_ place: Int) {
        let attachment = attachments[place]
        let (gateway, listener) = (attachment.gateway, attachment.listener)
        var certificates: [String] = []
        for reference in listener.certificates {
            if let problem = problem(with: reference, of: gateway) {
                attachments[place].unresolved = attachments[place].unresolved ?? problem
            } else {
                certificates.append(reference.key)
            }
        }
        guard attachment.refusal == nil, attachment.conflict == nil else { return }
        if listener.transport == .https, certificates.isEmpty { return }
        attachments[place].index = listeners.count
        listeners.append(
            ListenerDescription(
                gateway: gateway.metadata.key, name: listener.name, port: listener.port, transport: listener.transport,
                hostname: listener.hostname, certificates: certificates,
                proxyProtocol: gateway.usesProxyProtocol(listener), proxySources: gateway.proxySources))
    }

    /// Why a certificate cannot be shown; reports it.
    private func problem(
        with certificate: ObjectReference, of gateway: GatewayDocument
    ) -> (reason: ConditionReason, message: String)? {
        func fail(
            _ reason: ConditionReason, _ message: String, _ severity: Diagnostic.Severity = .error
        ) -> (reason: ConditionReason, message: String)? {
            sink.report(severity, at: certificate.place, reason: reason, message)
            return severity == .error ? (reason, message) : nil
        }
        if !documents.permits("Gateway", of: gateway.metadata.namespace, to: certificate) {
            let message = "Secret \(certificate.key) is in another namespace, and no ReferenceGrant there allows it"
            return fail(.refNotPermitted, message)
        }
        guard let secret = secrets[certificate.key] else {
            return fail(.invalidCertificateRef, "there is no Secret \(certificate.key)", settings.missingReference)
        }
        if secret.type != SecretDocument.tlsType {
            let message = "Secret \(certificate.key) must be of type \(SecretDocument.tlsType), not \(secret.type)"
            return fail(.invalidCertificateRef, message)
        }
        for key in ["tls.crt", "tls.key"] where secret.data[key] == nil && secret.stringData[key] == nil {
            return fail(.invalidCertificateRef, "Secret \(certificate.key) has no \(key)")
        }
        // What reads certificates has reported it.
        let unusable = settings.unusable[ObjectKey(kind: "Secret", key: certificate.key)]
        return unusable.map { (.invalidCertificateRef, $0) }
    }
}
