import Foundation
import ServiceKit

/// An e-mail address as an account has it: of one spelling, with a key that is the same whatever the case.
///
/// The local part is a dot-atom of RFC 5321 §4.1.2, with letters and digits of any script besides (RFC 6531); the domain is
/// in ASCII (an internationalised one in its `xn--` form). Refused are controls, spaces, invisible characters, combining
/// marks that no letter absorbs, and characters that only look like others (those that NFKC would replace): what cannot be
/// told apart by eye must not be two accounts.
struct EmailAddress: Sendable, Hashable {
    /// RFC 5321 §4.5.3.1, in bytes.
    static let maximumBytes = 254
    static let maximumLocalBytes = 64

    /// In NFC, otherwise as it was written.
    let text: String
    /// Folded for case. Upper and then lower case is full case folding (Unicode §3.13) but for the dotless ı, which is
    /// taken for i: here that only makes two addresses one.
    let key: String

    /// - Throws: `FieldErrors` that say what is wrong with the text.
    init(_ text: String) throws(FieldErrors) {
        guard text.utf8.count <= 4 * Self.maximumBytes else {
            throw FieldErrors("must have at most \(Self.maximumBytes) bytes")
        }
        let text = text.precomposedStringWithCanonicalMapping
        guard text.utf8.count <= Self.maximumBytes else {
            throw FieldErrors("must have at most \(Self.maximumBytes) bytes")
        }
        let scalars = text.unicodeScalars
        guard let at = scalars.lastIndex(of: "@") else { throw FieldErrors("must be an e-mail address: name@domain") }
        try Self.checkLocal(String(scalars[..<at]))
        try Self.checkDomain(String(scalars[scalars.index(after: at)...]))
        self.text = text
        key = text.uppercased().lowercased().precomposedStringWithCanonicalMapping
    }

    private static func checkLocal(_ local: String) throws(FieldErrors) {
        guard 1...maximumLocalBytes ~= local.utf8.count else {
            throw FieldErrors("must have 1 to \(maximumLocalBytes) bytes before the @")
        }
        guard local.unicodeScalars.allSatisfy(isAllowed) else {
            throw FieldErrors(
                "must not contain spaces, controls, combining or invisible characters, quotes or a second @")
        }
        // Compared as bytes: Swift takes canonically equivalent texts for equal.
        guard local.utf8.elementsEqual(local.precomposedStringWithCompatibilityMapping.utf8) else {
            throw FieldErrors("must not contain characters that stand for others")
        }
        guard local.utf8.first != UInt8(ascii: "."), local.utf8.last != UInt8(ascii: "."), !local.contains("..") else {
            throw FieldErrors("must not begin or end with a dot or have two in a row before the @")
        }
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII {
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9": return true
            default: return ".!#$%&'*+-/=?^_`{|}~".unicodeScalars.contains(scalar)
            }
        }
        return switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber:
            !scalar.properties.isDefaultIgnorableCodePoint
        default: false
        }
    }

    /// RFC 1123 §2.1, with at least two labels.
    private static func checkDomain(_ domain: String) throws(FieldErrors) {
        let labels = domain.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let hyphen = UInt8(ascii: "-")
        let isName = labels.allSatisfy { label in
            1...63 ~= label.count && label.first != hyphen && label.last != hyphen
                && label.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"), hyphen:
                        true
                    default: false
                    }
                }
        }
        guard labels.count >= 2, isName else {
            throw FieldErrors("must have a domain name after the @, such as example.org, in ASCII")
        }
    }
}
