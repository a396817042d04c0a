/// One JSON object on one line, written straight into bytes.
///
/// Strings are escaped as RFC 8259 §7 asks, so a line never holds a raw control character and a value cannot forge a
/// second line. A string longer than ``maximumTextBytes`` is cut at a character's boundary and marked with `…`.
struct JSONLine {
    /// The longest string written in full, in bytes of UTF-8.
    static let maximumTextBytes = 16 * 1024

    private(set) var bytes: [UInt8] = []
    private var needsComma = false

    init() {
        bytes.reserveCapacity(512)
    }

    mutating func beginObject() {
        separate()
        bytes.append(UInt8(ascii: "{"))
        needsComma = false
    }

    mutating func endObject() {
        bytes.append(UInt8(ascii: "}"))
        needsComma = true
    }

    mutating func beginArray() {
        separate()
        bytes.append(UInt8(ascii: "["))
        needsComma = false
    }

    mutating func endArray() {
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    mutating func key(_ name: String) {
        separate()
        appendQuoted(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    mutating func text(_ value: String) {
        separate()
        appendQuoted(value)
        needsComma = true
    }

    mutating func field(_ name: String, _ value: String) {
        key(name)
        text(value)
    }

    mutating func endLine() {
        bytes.append(UInt8(ascii: "\n"))
    }

    private mutating func separate() {
        if needsComma {
            bytes.append(UInt8(ascii: ","))
        }
    }

    private mutating func appendQuoted(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        let isCut = text.utf8.count > Self.maximumTextBytes
        var remaining = isCut ? Self.wholeScalarPrefix(of: text) : text.utf8.count
        for byte in text.utf8 where remaining > 0 {
            appendEscaped(byte)
            remaining -= 1
        }
        if isCut {
            bytes.append(contentsOf: "…".utf8)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// How many bytes of an overlong text to keep so that no scalar is cut in two.
    private static func wholeScalarPrefix(of text: String) -> Int {
        let limit = text.utf8.index(text.utf8.startIndex, offsetBy: maximumTextBytes)
        let isContinuation = { (byte: UInt8) in byte & 0b1100_0000 == 0b1000_0000 }
        var end = limit
        while isContinuation(text.utf8[end]) {
            end = text.utf8.index(before: end)
        }
        return text.utf8.distance(from: text.utf8.startIndex, to: end)
    }

    private mutating func appendEscaped(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): bytes.append(contentsOf: #"\""#.utf8)
        case UInt8(ascii: "\\"): bytes.append(contentsOf: #"\\"#.utf8)
        case UInt8(ascii: "\n"): bytes.append(contentsOf: #"\n"#.utf8)
        case UInt8(ascii: "\r"): bytes.append(contentsOf: #"\r"#.utf8)
        case UInt8(ascii: "\t"): bytes.append(contentsOf: #"\t"#.utf8)
        case 0..<0x20, 0x7f:
            bytes.append(contentsOf: #"\u00"#.utf8)
            bytes.append(Hexadecimal.digit(byte >> 4))
            bytes.append(Hexadecimal.digit(byte & 0xf))
        default: bytes.append(byte)
        }
    }
}
