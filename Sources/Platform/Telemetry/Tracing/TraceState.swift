/// The grammar and the bounds of `tracestate` (W3C Trace Context §3.3.1).
///
/// We add no entry of our own; the list is validated and handed on.
enum TraceState {
    static let maximumMembers = 32
    /// What §3.3.1.5 asks to be able to hand on; a longer list is shortened by whole entries.
    static let maximumLength = 512
    private static let longEntry = 128

    /// The one header value to send for the values received, or `nil` when there is nothing valid to hand on.
    ///
    /// Any malformed entry, a key that appears twice, or more than 32 entries make the whole list invalid. A valid list
    /// over 512 characters loses entries over 128 characters first, then its last ones (§3.3.1.5).
    static func normalized(_ values: [String]) -> String? {
        var members: [Substring] = []
        var keys: Set<Substring> = []
        for value in values {
            for part in value.split(separator: ",") {
                let member = trimmed(part)
                if member.isEmpty { continue }
                guard members.count < maximumMembers, let key = validKey(of: member), keys.insert(key).inserted else {
                    return nil
                }
                members.append(member)
            }
        }
        shorten(&members)
        return members.isEmpty ? nil : members.joined(separator: ",")
    }

    private static func shorten(_ members: inout [Substring]) {
        func length() -> Int { members.reduce(members.count - 1) { $0 + $1.utf8.count } }
        while length() > maximumLength {
            if let long = members.lastIndex(where: { $0.utf8.count > longEntry }) {
                members.remove(at: long)
            } else {
                members.removeLast()
            }
        }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        let isSpace = { (character: Character) in character == " " || character == "\t" }
        var text = text.drop(while: isSpace)
        while let last = text.last, isSpace(last) {
            text.removeLast()
        }
        return text
    }

    private static func validKey(of member: Substring) -> Substring? {
        guard let equals = member.utf8.firstIndex(of: UInt8(ascii: "=")) else { return nil }
        let key = member[..<equals]
        let value = member[member.utf8.index(after: equals)...]
        return isKey(key) && isValue(value) ? key : nil
    }

    private static func isKey(_ key: Substring) -> Bool {
        guard let at = key.utf8.firstIndex(of: UInt8(ascii: "@")) else {
            return isIdentifier(key.utf8, mayBeginWithDigit: false, atMost: 256)
        }
        return isIdentifier(key[..<at].utf8, mayBeginWithDigit: true, atMost: 241)
            && isIdentifier(key[key.utf8.index(after: at)...].utf8, mayBeginWithDigit: false, atMost: 14)
    }

    private static func isIdentifier(_ bytes: Substring.UTF8View, mayBeginWithDigit: Bool, atMost limit: Int) -> Bool {
        guard let first = bytes.first, bytes.count <= limit,
            isLowerCaseLetter(first) || (mayBeginWithDigit && isDigit(first))
        else { return false }
        return bytes.allSatisfy { byte in
            isLowerCaseLetter(byte) || isDigit(byte) || "_-*/".utf8.contains(byte)
        }
    }

    private static func isValue(_ value: Substring) -> Bool {
        guard let last = value.utf8.last, last != UInt8(ascii: " "), value.utf8.count <= 256 else { return false }
        return value.utf8.allSatisfy { byte in
            (0x20...0x7e).contains(byte) && byte != UInt8(ascii: ",") && byte != UInt8(ascii: "=")
        }
    }

    private static func isLowerCaseLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
