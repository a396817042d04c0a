/// Why a key cannot be used, in words for whoever operates the service; no part of a key is in them.
enum SigningKeyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file is missing, is not readable, or is far too long to be a key. With the reason.
    case unreadable(file: String, reason: String)
    /// The text holds no PEM block of a private key.
    case notAPrivateKey
    /// The private key is encrypted with a passphrase.
    case encrypted
    /// A private key, but another than the algorithm needs.
    case wrongKind(found: String, algorithm: SigningAlgorithm)
    /// A PEM block of a private key whose content is none.
    case malformed
    /// The seal key is not 32 bytes in base64.
    case notASealKey
    /// The stored key was sealed with another seal key, or for another row, or was changed.
    case sealBroken(kid: String)

    var description: String {
        switch self {
        case .unreadable(let file, let reason): "\(file): \(reason)"
        case .notAPrivateKey: "the file holds no private key in PEM (BEGIN PRIVATE KEY)"
        case .encrypted: "the private key is encrypted with a passphrase; store it without one"
        case .wrongKind(let found, let algorithm):
            "the private key is \(found), but \(algorithm.rawValue) needs \(algorithm.keyDescription)"
        case .malformed: "the private key in the file is damaged, or of a kind that is not known here"
        case .notASealKey: "the seal key must be 32 bytes in base64, as `openssl rand -base64 32` prints them"
        case .sealBroken(let kid):
            "the signing key \(kid) cannot be opened: it was sealed with another seal key, or was changed"
        }
    }
}
