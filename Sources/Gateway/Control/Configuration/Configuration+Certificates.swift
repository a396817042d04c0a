import Proxy
import Reactor
import Routing

/// When a certificate that the gateway shows ends.
struct CertificateExpiry: Sendable, Hashable {
    /// "namespace/name".
    var secret: String
    /// Since 1970.
    var seconds: Int64
}

extension Configuration {
    /// The TLS of the listeners of one port: all of their certificates, told apart by the name that the client asks for.
    /// Those of a listener for every host come first, because the first of all is for clients that ask for none.
    ///
    /// - Returns: nil for listeners without certificates.
    func serverContext(for sharing: [ListenerDescription]) throws(Diagnostic) -> TLSServerContext? {
        var certificates: [ServerCertificate] = []
        var secrets: [SecretDocument] = []
        for listener in sharing.filter({ $0.hostname == .any }) + sharing.filter({ $0.hostname != .any }) {
            for name in listener.certificates {
                guard let secret = documents.secrets.first(where: { $0.metadata.key == name }) else {
                    throw Diagnostic(.error, at: Place(file: ""), "there is no Secret \(name)")
                }
                // Of several certificates of one listener each is for the names that are written in it.
                let isOnlyOne = listener.certificates.count == 1 && listener.hostname != .any
                certificates.append(
                    ServerCertificate(
                        chainPEM: try secret.bytes("tls.crt"), privateKeyPEM: try secret.bytes("tls.key"),
                        serverNames: isOnlyOne ? [listener.hostname.description] : []))
                secrets.append(secret)
            }
        }
        if certificates.isEmpty { return nil }
        do throws(TLSError) {
            return try TLSServerContext(certificates: certificates)
        } catch {
            // Which one was it?
            for secret in secrets { _ = try secret.serverContext() }
            throw Diagnostic(.error, at: secrets[0].metadata.place, "\(error)")
        }
    }

    /// How long before its end a certificate is complained about.
    private static let noticeDays: Int64 = 14

    /// Of every certificate that a listener names, once each; those that cannot be read are left out.
    var certificateExpiries: [CertificateExpiry] {
        let wanted = Set(documents.gateways.flatMap(\.listeners).flatMap(\.certificates).map(\.key))
        return documents.secrets.filter { wanted.contains($0.metadata.key) }.compactMap { secret in
            // What cannot be read is reported where it is put to use.
            guard let pem = try? secret.bytes("tls.crt"), let end = CertificateFacts.notAfterSeconds(pem) else {
                return nil
            }
            return CertificateExpiry(secret: secret.metadata.key, seconds: end)
        }
    }

    /// Certificates that have ended or soon will: warnings, because clients decide what they make of it.
    func expiryDiagnostics(nowSeconds: Int64) -> [Diagnostic] {
        certificateExpiries.compactMap { expiry in
            let left = expiry.seconds - nowSeconds
            guard left < Self.noticeDays * 86_400 else { return nil }
            let place = documents.secrets.first { $0.metadata.key == expiry.secret }?.metadata.place
            let when = left < 0 ? "has expired" : "expires in less than \(left / 86_400 + 1) days"
            return Diagnostic(.warning, at: place ?? Place(file: ""), "the certificate \(when)")
        }
    }

    /// What is wrong with the authorities and client certificates of backends, each where its policy stands.
    func backendTLSDiagnostics(_ table: RouteTable) -> [Diagnostic] {
        table.backends.compactMap { backend in
            do throws(UpstreamTLSError) {
                try Snapshot.checkTLS(of: backend)
                return nil
            } catch {
                return Diagnostic(.error, at: place(ofTLSTo: backend), "\(error)")
            }
        }
    }

    private func place(ofTLSTo backend: Backend) -> Place {
        let service = backend.name.prefix { $0 != ":" && $0 != "@" }
        let policy = documents.backendTLSPolicies.first { policy in
            policy.targets.contains { $0.service.key == service }
        }
        return policy?.metadata.place ?? documents.gateways.first?.metadata.place ?? Place(file: "")
    }
}
