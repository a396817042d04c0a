extension Translator {
    mutating func translateGateways() {
        if documents.gateways.isEmpty {
            sink.report(settings.missingReference, at: Place(file: ""), "there is no Gateway among the documents")
        }
        for gateway in documents.gateways {
            let name = gateway.className
            if !documents.gatewayClasses.contains(where: { $0.metadata.name == name.value }) {
                sink.report(
                    settings.missingReference, at: name.place, "there is no GatewayClass \"\(name.value)\"")
            }
            for listener in gateway.listeners { translate(listener, of: gateway) }
        }
    }

    private mutating func translate(_ listener: GatewayDocument.Listener, of gateway: GatewayDocument) {
        for other in attachments {
            if other.listener.name == listener.name {
                sink.error(at: listener.place.field("name"), "another listener has the name \"\(listener.name)\"")
            }
            if other.listener.port == listener.port { checkSharing(listener, of: gateway, with: other) }
        }
        for certificate in listener.certificates { check(certificate) }
        attachments.append(Attachment(gateway: gateway, listener: listener, index: listeners.count))
        listeners.append(
            ListenerDescription(
                gateway: gateway.metadata.key, name: listener.name, port: listener.port, transport: listener.transport,
                hostname: listener.hostname, certificates: listener.certificates.map(\.key),
                proxyProtocol: gateway.usesProxyProtocol(listener), proxySources: gateway.proxySources))
    }

    /// Listeners of one port share its socket: what comes in must be told apart by its host alone.
    private func checkSharing(
        _ listener: GatewayDocument.Listener, of gateway: GatewayDocument, with other: Attachment
    ) {
        let port = listener.place.field("port")
        let sharer = "listener \"\(other.listener.name)\""
        if other.listener.transport != listener.transport {
            sink.error(
                at: port, "\(sharer) has port \(listener.port) with protocol \(other.listener.transport.rawValue)")
        } else if other.listener.hostname == listener.hostname {
            sink.error(at: port, "\(sharer) has port \(listener.port) with the same hostname")
        } else if other.gateway.usesProxyProtocol(other.listener) != gateway.usesProxyProtocol(listener) {
            sink.error(
                at: port, "\(sharer) has port \(listener.port); both or none must use the PROXY protocol")
        }
    }

    private func check(_ certificate: ObjectReference) {
        guard let secret = documents.secrets.first(where: { $0.metadata.key == certificate.key }) else {
            sink.report(settings.missingReference, at: certificate.place, "there is no Secret \(certificate.key)")
            return
        }
        if secret.type != SecretDocument.tlsType {
            sink.error(
                at: certificate.place,
                "Secret \(certificate.key) must be of type \(SecretDocument.tlsType), not \(secret.type)")
        }
        for key in ["tls.crt", "tls.key"] where secret.data[key] == nil && secret.stringData[key] == nil {
            sink.error(at: certificate.place, "Secret \(certificate.key) has no \(key)")
        }
    }
}
