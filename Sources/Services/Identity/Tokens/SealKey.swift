import Crypto
import Foundation

/// The key under which private signing keys lie in the database, so that a copy of the database signs nothing: AES-256 in
/// GCM (NIST SP 800-38D).
struct SealKey: Sendable {
    private let key: SymmetricKey

    /// - Parameter base64: 32 bytes; white space around them is skipped.
    init(base64 text: String) throws(SigningKeyError) {
        guard let data = Data(base64Encoded: text.trimmingCharacters(in: .whitespacesAndNewlines)), data.count == 32
        else { throw .notASealKey }
        key = SymmetricKey(data: data)
    }

    /// Reads the key from a file that holds it in base64.
    init(file path: String) throws(SigningKeyError) {
        let text = try SecretFile.text(path)
        try self.init(base64: text)
    }

    /// Nonce, ciphertext and tag. The nonce is random: 2³² seals under one key are far more than a rotation a day makes.
    ///
    /// - Parameter context: What must be the same when it is opened; not kept in the result.
    func seal(_ secret: some DataProtocol, context: String) -> [UInt8]? {
        // Fails for texts of 64 GB, which a key is not.
        try? AES.GCM.seal(secret, using: key, authenticating: Array(context.utf8)).combined.map(Array.init)
    }

    /// nil when it was sealed with another key or context, or was changed: GCM does not tell which.
    func open(_ sealed: [UInt8], context: String) -> Data? {
        guard let box = try? AES.GCM.SealedBox(combined: sealed) else { return nil }
        return try? AES.GCM.open(box, using: key, authenticating: Array(context.utf8))
    }
}

/// Descriptions are for logs: none of them shows the key.
extension SealKey: CustomStringConvertible, CustomReflectable {
    var description: String { "seal key" }
    var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}
