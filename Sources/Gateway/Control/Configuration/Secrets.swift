import Foundation
import Reactor
import Routing

extension SecretDocument {
    /// The bytes of a key: `stringData` as it is, `data` decoded from base64.
    func bytes(_ key: String) throws(Diagnostic) -> [UInt8] {
        if let text = stringData[key] { return Array(text.value.utf8) }
        guard let text = data[key] else {
            throw Diagnostic(.error, at: metadata.place, "has no \(key)")
        }
        // YAML may have folded the text into lines.
        let joined = text.value.filter { !$0.isWhitespace }
        guard let decoded = Data(base64Encoded: joined) else {
            throw Diagnostic(.error, at: text.place, "is not base64 (RFC 4648 §4)")
        }
        return Array(decoded)
    }

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
