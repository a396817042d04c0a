import Reactor
import Routing

extension SecretDocument {
    /// The certificate and key of a Secret of type `kubernetes.io/tls`, ready to serve connections.
    func serverContext() throws(Diagnostic) -> TLSServerContext {
        let certificate = try bytes("tls.crt")
        let key = try bytes("tls.key")
        do {
            return try TLSServerContext(certificateChainPEM: certificate, privateKeyPEM: key)
        } catch {
            throw Diagnostic(.error, at: metadata.place, "\(error)")
        }
    }
}
