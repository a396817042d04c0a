/// Writes JSON straight into bytes: no intermediate tree, no formatter, no allocation per value.
///
/// Commas are the writer's concern; balance of brackets is guaranteed by the closures.
public struct JSONWriter: ~Copyable {
    public private(set) var bytes: [UInt8] = []
    private var needsComma = false

    /// - Parameter capacity: How many bytes to set aside at once.
    public init(capacity: Int = 512) { bytes.reserveCapacity(capacity) }

    /// Writes an object; `body` writes its members.
    public mutating func object(_ body: (inout JSONWriter) -> Void) { enclose("{", "}", body) }

    /// Writes an array; `body` writes its elements.
    public mutating func array(_ body: (inout JSONWriter) -> Void) { enclose("[", "]", body) }

    /// Writes the name of the next member.
    public mutating func name(_ name: String) { self.name(escaped: Self.escaped(name: name)) }

    /// Writes a name that ``escaped(name:)`` prepared once, quotes and colon included.
    mutating func name(escaped: [UInt8]) {
        separate()
        bytes.append(contentsOf: escaped)
        needsComma = false
    }

    /// The bytes of a member's name with quotes and colon, to be prepared once and written often.
    static func escaped(name: String) -> [UInt8] {
        var writer = JSONWriter(capacity: name.utf8.count + 3)
        writer.string(name)
        return writer.bytes + [UInt8(ascii: ":")]
    }

    public mutating func null() { raw("null") }

    public mutating func bool(_ value: Bool) { value ? raw("true") : raw("false") }

    public mutating func integer(_ value: Int64) {
        separate()
        appendDecimal(value.magnitude, negative: value < 0)
        needsComma = true
    }

    /// Writes hundredths as a number with two decimals: `-5` becomes `-0.05`.
    public mutating func hundredths(_ value: Int64) {
        separate()
        let (whole, fraction) = value.magnitude.quotientAndRemainder(dividingBy: 100)
        appendDecimal(whole, negative: value < 0)
        bytes.append(UInt8(ascii: "."))
        appendTwoDigits(Int(fraction))
        needsComma = true
    }

    /// Writes digits that are known to be a JSON number.
    public mutating func number(_ digits: String) {
        separate()
        bytes.append(contentsOf: digits.utf8)
        needsComma = true
    }

    public mutating func string(_ value: String) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        var value = value
        value.withUTF8 { utf8 in
            var start = 0
            for (index, byte) in utf8.enumerated()
            where byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                bytes.append(contentsOf: utf8[start..<index])
                appendEscape(byte)
                start = index + 1
            }
            bytes.append(contentsOf: utf8[start...])
        }
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    /// Writes an instant as RFC 3339 UTC with milliseconds, for example `"2026-11-21T07:06:11.042Z"`.
    public mutating func timestamp(_ instant: Timestamp) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        instant.append(to: &bytes)
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    /// Writes a tree.
    public mutating func json(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let value): bool(value)
        case .number(let digits): number(digits)
        case .string(let text): string(text)
        case .array(let elements):
            array { writer in
                for element in elements { writer.json(element) }
            }
        case .object(let members):
            object { writer in
                for member in members {
                    writer.name(member.name)
                    writer.json(member.value)
                }
            }
        }
    }

    private mutating func enclose(_ open: Unicode.Scalar, _ close: Unicode.Scalar, _ body: (inout JSONWriter) -> Void) {
        separate()
        bytes.append(UInt8(ascii: open))
        needsComma = false
        body(&self)
        bytes.append(UInt8(ascii: close))
        needsComma = true
    }

    private mutating func raw(_ text: StaticString) {
        separate()
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
    }

    private mutating func appendDecimal(_ magnitude: UInt64, negative: Bool) {
        if negative { bytes.append(UInt8(ascii: "-")) }
        if magnitude < 10 {
            bytes.append(UInt8(ascii: "0") + UInt8(magnitude))
            return
        }
        let start = bytes.count
        var rest = magnitude
        while rest > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        }
        bytes[start...].reverse()
    }

    private mutating func appendTwoDigits(_ value: Int) {
        bytes.append(UInt8(ascii: "0") + UInt8(value / 10))
        bytes.append(UInt8(ascii: "0") + UInt8(value % 10))
    }

    private mutating func appendEscape(_ byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        default:
            bytes.append(contentsOf: "u00".utf8)
            bytes.append(UInt8(ascii: "0") + (byte >> 4))
            let low = byte & 0x0F
            bytes.append(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10)
        }
    }
}

extension JSONValue {
    /// The tree as compact JSON text.
    public var text: String {
        var writer = JSONWriter()
        writer.json(self)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
