import Crypto
import ServiceKit

/// One parameter of a public JSON Web Key (RFC 7517 §4); all that we use are texts without characters to be escaped.
struct PublicKeyMember: Sendable {
    let name: String
    let value: String

    init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    static func json(_ members: [PublicKeyMember]) -> String {
        JSONValue.object(members.map { .init($0.name, .string($0.value)) }).text
    }

    /// The key's thumbprint (RFC 7638 §3) with SHA-256, in base64url.
    ///
    /// - Parameter members: The required parameters of the key's type and no others.
    static func thumbprint(_ members: [PublicKeyMember]) -> String {
        let canonical = json(members.sorted { $0.name < $1.name })
        return Base64URL.encode(Array(SHA256.hash(data: Array(canonical.utf8))))
    }
}
