import ServiceKit

/// What an account, a client or a key may do: scopes, as RFC 6749 §3.3 has them, and roles.
enum Grants {
    /// May change what belongs to others, and has every scope of ``administratorScopes``.
    static let administrator = "admin"

    static let administratorScopes = [
        "warehouse:read", "warehouse:write", "accounting:read", "accounting:write", "sales:read", "sales:write",
        "identity:read", "identity:write",
    ]

    static let maximumCount = 50
    static let scopeCharacters = 1...100
    static let roleCharacters = 1...50

    /// `scope-token` of RFC 6749 §3.3: visible ASCII without `"` and `\`.
    static func isScope(_ text: String) -> Bool {
        scopeCharacters ~= text.utf8.count
            && text.utf8.allSatisfy { 0x21...0x7E ~= $0 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
    }

    /// Lower-case letters, digits, `-` and `_`, beginning with a letter.
    static func isRole(_ text: String) -> Bool {
        guard roleCharacters ~= text.utf8.count, let first = text.utf8.first,
            UInt8(ascii: "a")...UInt8(ascii: "z") ~= first
        else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                UInt8(ascii: "_"):
                true
            default: false
            }
        }
    }

    /// The words of a `scope` parameter, each once and in order.
    ///
    /// - Returns: nil when a word is no scope, or there are too many.
    static func words(_ text: String) -> [String]? {
        let words = unique(text.split(separator: " ").map(String.init))
        guard words.count <= maximumCount, words.allSatisfy(isScope) else { return nil }
        return words
    }

    /// What is granted when `requested` is asked for (nil: everything that may be had).
    ///
    /// - Returns: nil when something is asked for that may not be had.
    static func narrowed(_ allowed: [String], to requested: [String]?) -> [String]? {
        guard let requested else { return allowed }
        return requested.allSatisfy(allowed.contains) ? requested : nil
    }

    /// Each text once, in the order of the first appearances.
    static func unique(_ texts: [String]) -> [String] {
        var seen: Set<String> = []
        return texts.filter { seen.insert($0).inserted }
    }
}
