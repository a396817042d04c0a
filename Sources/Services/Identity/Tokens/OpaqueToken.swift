import Crypto

/// A secret that means something only to this service: a refresh token, the token of a message, an API key, a client's
/// secret. It is shown once; stored is its digest.
///
/// 256 random bits cannot be guessed or tried out, so a plain SHA-256 is enough, without salt or stretching, and a stored
/// digest can be looked up by an index: the time of the look-up tells at most about the digest, never about the secret.
struct OpaqueToken: Sendable {
    static let randomBytes = 32
    /// Longer texts are no token of ours; `prefix` included.
    static let maximumBytes = 128

    /// The prefix, then 43 characters of base64url.
    let text: String

    var digest: [UInt8] { Self.digest(of: text) }

    /// - Parameter prefix: Tells people, and programs that search for leaked secrets, what it is; for example `gh_rt_`.
    static func generate(prefix: String) -> OpaqueToken {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<randomBytes).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        return OpaqueToken(text: prefix + Base64URL.encode(bytes))
    }

    /// SHA-256: 32 bytes.
    static func digest(of text: String) -> [UInt8] { Array(SHA256.hash(data: Array(text.utf8))) }
}

/// Descriptions are for logs: none of them shows the token.
extension OpaqueToken: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    var description: String { "opaque token" }
    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}
