/// The small grammars that fields of the documents follow. Each check returns what is wrong, or nil.
enum Syntax {
    /// A name of an object (RFC 1123 subdomain, at most 253 characters).
    static func objectName(_ text: String) -> String? {
        let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard text.utf8.count <= 253, labels.allSatisfy(isLabel) else {
            return "must be lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit"
        }
        return nil
    }

    /// A hostname of a listener or a route, or what is wrong with it.
    static func hostname(_ text: String) -> Result<Hostname, SyntaxError> {
        let isWildcard = text.hasPrefix("*.")
        let name = isWildcard ? text.dropFirst(2) : text[...]
        let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard text.utf8.count <= 253, labels.allSatisfy({ isLabel($0) && $0.count <= 63 }) else {
            return .failure(
                SyntaxError("must be a lower-case DNS name without port, optionally beginning with \"*.\""))
        }
        if !isWildcard, labels.count == 4, labels.allSatisfy({ $0.allSatisfy { isDigit($0) } }) {
            return .failure(SyntaxError("must be a name, not an IP address"))
        }
        return .success(isWildcard ? .wildcard(suffix: ".\(name)") : .exact(text))
    }

    /// A duration of GEP-2257 (`1h30m`, `500ms`) in milliseconds.
    static func milliseconds(_ text: String) -> Int? {
        var rest = Array(text.utf8)[...]
        var total = 0
        var parts = 0
        while !rest.isEmpty {
            let digits = rest.prefix { isDigit($0) }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { !isDigit($0) }
            rest = rest.dropFirst(unit.count)
            parts += 1
            guard (1...5).contains(digits.count), parts <= 4 else { return nil }
            let number = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
            switch String(decoding: unit, as: UTF8.self) {
            case "h": total += number * 3_600_000
            case "m": total += number * 60_000
            case "s": total += number * 1_000
            case "ms": total += number
            default: return nil
            }
        }
        return parts > 0 ? total : nil
    }

    /// A duration as GEP-2257 writes it, in its largest exact unit.
    static func duration(_ milliseconds: Int) -> String {
        if milliseconds == 0 { return "0s" }
        for (unit, length) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000)] where milliseconds % length == 0 {
            return "\(milliseconds / length)\(unit)"
        }
        return "\(milliseconds)ms"
    }

    /// A request target in origin form (RFC 9112 §3.2.1): a path, with a query or without, of visible ASCII.
    static func isOriginForm(_ text: String) -> Bool {
        text.hasPrefix("/") && text.utf8.count <= 2_048
            && text.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "#") }
    }

    /// Brings the path of a route to the canonical form that requests are matched in: percent-encoded unreserved
    /// characters decoded, other percent-encodings in upper case (RFC 3986 §6.2.2). Paths that no canonical request can
    /// have are errors.
    static func path(_ text: String) -> Result<String, SyntaxError> {
        guard text.hasPrefix("/") else { return .failure(SyntaxError("must begin with \"/\"")) }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%") {
                guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else {
                    return .failure(SyntaxError("has a \"%\" that two hexadecimal digits do not follow"))
                }
                let decoded = high << 4 | low
                if decoded < 0x20 || decoded == 0x7f || "/\\%".utf8.contains(decoded) {
                    return .failure(SyntaxError("has an encoded character that is refused in requests"))
                }
                if isUnreserved(decoded) {
                    bytes.append(decoded)
                } else {
                    bytes += [byte, upperHex(high), upperHex(low)]
                }
            } else if isUnreserved(byte) || "/!$&'()*+,;=:@".utf8.contains(byte) {
                bytes.append(byte)
            } else {
                return .failure(SyntaxError("has a character that must be percent-encoded, or has a query or fragment"))
            }
        }
        let elements = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst()
        if elements.dropLast().contains(where: \.isEmpty) {
            return .failure(SyntaxError("has an empty element (\"//\")"))
        }
        if elements.contains(where: { $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8) }) {
            return .failure(SyntaxError("has a \".\" or \"..\" element"))
        }
        return .success(String(decoding: bytes, as: UTF8.self))
    }

    /// A token of RFC 9110 §5.6.2, such as a field name.
    static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { isLetter($0) || isDigit($0) || "!#$%&'*+-.^_`|~".utf8.contains($0) }
    }

    /// A gRPC service with its package, or a method: letters, digits, "_" and ".".
    static func isDottedName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { ByteClass.word.contains($0) || $0 == UInt8(ascii: ".") }
    }

    /// The value of a field (RFC 9110 §5.5): visible ASCII, with spaces and tabs inside.
    static func isFieldValue(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x20...0x7e).contains($0) || $0 == 0x09 }
            && text.utf8.first != 0x20 && text.utf8.first != 0x09 && text.utf8.last != 0x20 && text.utf8.last != 0x09
    }

    /// A scope of RFC 6749 §3.3.
    static func isScope(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != 0x22 && $0 != 0x5c }
    }

    /// Seconds since 1970 of an RFC 3339 time in UTC without a fraction, the form Kubernetes writes; else nil.
    static func secondsSince1970(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count == 20, bytes[10] == UInt8(ascii: "T"), bytes[19] == UInt8(ascii: "Z") else { return nil }
        func number(_ range: Range<Int>) -> Int64? { Int64(String(decoding: bytes[range], as: UTF8.self)) }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 61
        else { return nil }
        // Days since 1970-03-01-based eras of 400 years: the month after February comes first, so leap days come last.
        let shifted = month <= 2 ? year - 1 : year
        let monthFromMarch = (month + 9) % 12
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
        return days * 86_400 + hour * 3_600 + minute * 60 + second
    }

    private static func isLabel(_ label: Substring.UTF8View) -> Bool {
        guard let first = label.first, let last = label.last else { return false }
        return first != UInt8(ascii: "-") && last != UInt8(ascii: "-")
            && label.allSatisfy { (0x61...0x7a).contains($0) || isDigit($0) || $0 == UInt8(ascii: "-") }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte | 0x20) }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        isLetter(byte) || isDigit(byte) || "-._~".utf8.contains(byte)
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    private static func upperHex(_ value: UInt8) -> UInt8 {
        value < 10 ? value + 0x30 : value - 10 + 0x41
    }
}

/// What is wrong with the text of a field.
struct SyntaxError: Error {
    let message: String

    init(_ message: String) {
        self.message = message
    }
}
