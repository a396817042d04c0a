import Foundation

/// A password in the one form in which it is hashed and compared: the OpaqueString profile of RFC 8265 §4.2.
///
/// The same characters typed on another keyboard may arrive as other code points: a letter and a combining mark, or a wide
/// space. So spaces become U+0020 (§4.2.2, rule 2) and the text is normalised to NFC (rule 4); case and width stay. Which
/// characters a new password may have is the domain's rule.
struct PreparedPassword: Sendable {
    /// The longest password that is read, in bytes of UTF-8 as sent: nobody makes the service normalise a megabyte.
    static let maximumBytes = 1_024

    let bytes: [UInt8]

    /// - Returns: nil for a password that is too long to be anybody's.
    init?(_ password: String) {
        guard password.utf8.count <= Self.maximumBytes else { return nil }
        var spaced = String.UnicodeScalarView()
        for scalar in password.unicodeScalars {
            spaced.append(scalar.properties.generalCategory == .spaceSeparator ? " " : scalar)
        }
        bytes = Array(String(spaced).precomposedStringWithCanonicalMapping.utf8)
    }
}
