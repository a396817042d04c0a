import ServiceKit

/// A password on its way to the hasher. It shows itself to nobody: not to a log, not to a reflection.
struct Password: Sendable {
    /// In bytes of UTF-8. The least is NIST SP 800-63B §5.1.1.2's in characters; the most bounds what is hashed.
    static let newBytes = 8...1_024
    static let presentedBytes = 1...1_024

    let text: String

    /// A password that is to be set.
    ///
    /// - Throws: `FieldErrors` when it is too short or too long, or holds controls (RFC 8265 §4.2.2).
    init(new text: String) throws(FieldErrors) {
        guard Self.newBytes ~= text.utf8.count, text.unicodeScalars.count >= Self.newBytes.lowerBound else {
            throw FieldErrors(
                "must have at least \(Self.newBytes.lowerBound) characters and at most \(Self.newBytes.upperBound) bytes in UTF-8"
            )
        }
        guard text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
            throw FieldErrors("must not contain control characters")
        }
        self.text = text
    }

    /// A password that is to be compared with the one that was set.
    init(presented text: String) throws(FieldErrors) {
        guard Self.presentedBytes ~= text.utf8.count else {
            throw FieldErrors("must have 1 to \(Self.presentedBytes.upperBound) bytes in UTF-8")
        }
        self.text = text
    }
}

extension Password: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    var description: String { "password" }
    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}

/// A password's hash, from the database to the hasher and back; it shows itself to nobody either.
struct PasswordHash: Sendable, Hashable {
    let encoded: String
}

extension PasswordHash: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    var description: String { "password hash" }
    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}
