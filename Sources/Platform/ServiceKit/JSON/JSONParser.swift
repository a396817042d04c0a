/// Why a text is not JSON, and at which byte.
public struct JSONSyntaxError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Reason: String, Sendable {
        case endOfText = "the text ends too early"
        case unexpectedByte = "unexpected character"
        case invalidNumber = "invalid number"
        case invalidEscape = "invalid escape in a string"
        case loneSurrogate = "unpaired surrogate in a string"
        case controlCharacter = "unescaped control character in a string"
        case invalidUTF8 = "invalid UTF-8"
        case tooDeep = "nested too deep"
        case textAfterEnd = "text after the end of the value"
    }

    public let reason: Reason
    /// Counted from 0, in bytes.
    public let offset: Int

    public var description: String { "\(reason.rawValue) at byte \(offset)" }
}

/// A strict reader of RFC 8259 texts: no comments, no trailing commas, no byte order mark, no `NaN`, well-formed UTF-8
/// only. Nesting is limited to ``maximumDepth``; the length is the caller's to limit (the body limit of the endpoint).
public struct JSONParser {
    /// How many arrays and objects may contain one another.
    public static let maximumDepth = 32

    private let bytes: [UInt8]
    private var position = 0

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Reads a whole text.
    ///
    /// - Throws: ``JSONSyntaxError`` at the first byte that does not belong.
    public static func parse(_ bytes: [UInt8]) throws(JSONSyntaxError) -> JSONValue {
        var parser = JSONParser(bytes)
        let value = try parser.value(depth: 0)
        parser.skipWhitespace()
        guard parser.position == bytes.count else { throw parser.error(.textAfterEnd) }
        return value
    }

    private func error(_ reason: JSONSyntaxError.Reason) -> JSONSyntaxError {
        JSONSyntaxError(
            reason: position < bytes.count || reason == .invalidUTF8 ? reason : .endOfText, offset: position)
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipWhitespace() {
        while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func value(depth: Int) throws(JSONSyntaxError) -> JSONValue {
        skipWhitespace()
        switch current {
        case UInt8(ascii: "{"):
            guard depth < Self.maximumDepth else { throw error(.tooDeep) }
            return try object(depth: depth + 1)
        case UInt8(ascii: "["):
            guard depth < Self.maximumDepth else { throw error(.tooDeep) }
            return try array(depth: depth + 1)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case .some(UInt8(ascii: "-")), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return .number(try number())
        default: throw error(.unexpectedByte)
        }
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(JSONSyntaxError) -> JSONValue {
        for index in 0..<text.utf8CodeUnitCount {
            guard current == text.utf8Start[index] else { throw error(.unexpectedByte) }
            position += 1
        }
        return value
    }

    private mutating func object(depth: Int) throws(JSONSyntaxError) -> JSONValue {
        position += 1
        var members: [JSONValue.Member] = []
        skipWhitespace()
        if current == UInt8(ascii: "}") {
            position += 1
            return .object(members)
        }
        while true {
            skipWhitespace()
            guard current == UInt8(ascii: "\"") else { throw error(.unexpectedByte) }
            let name = try string()
            skipWhitespace()
            guard current == UInt8(ascii: ":") else { throw error(.unexpectedByte) }
            position += 1
            members.append(JSONValue.Member(name, try value(depth: depth)))
            guard try another(before: UInt8(ascii: "}")) else { return .object(members) }
        }
    }

    private mutating func array(depth: Int) throws(JSONSyntaxError) -> JSONValue {
        position += 1
        var elements: [JSONValue] = []
        skipWhitespace()
        if current == UInt8(ascii: "]") {
            position += 1
            return .array(elements)
        }
        while true {
            elements.append(try value(depth: depth))
            guard try another(before: UInt8(ascii: "]")) else { return .array(elements) }
        }
    }

    /// Consumes a comma (true) or the closing byte (false).
    private mutating func another(before close: UInt8) throws(JSONSyntaxError) -> Bool {
        skipWhitespace()
        guard let byte = current, byte == close || byte == UInt8(ascii: ",") else { throw error(.unexpectedByte) }
        position += 1
        return byte != close
    }

    private mutating func number() throws(JSONSyntaxError) -> String {
        let start = position
        if current == UInt8(ascii: "-") { position += 1 }
        if current == UInt8(ascii: "0") {
            position += 1
        } else {
            try digits()
        }
        if current == UInt8(ascii: ".") {
            position += 1
            try digits()
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            position += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
        if let byte = current, byte == UInt8(ascii: ".") || isDigit(byte) { throw error(.invalidNumber) }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    /// One digit or more.
    private mutating func digits() throws(JSONSyntaxError) {
        guard let byte = current, isDigit(byte) else { throw error(.invalidNumber) }
        while let byte = current, isDigit(byte) { position += 1 }
    }

    private func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

    private mutating func string() throws(JSONSyntaxError) -> String {
        position += 1
        let start = position
        while let byte = current, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
            guard byte >= 0x20 else { throw error(.controlCharacter) }
            position += 1
        }
        guard let stop = current else { throw error(.endOfText) }
        if stop == UInt8(ascii: "\"") {
            defer { position += 1 }
            return try text(bytes[start..<position], at: start)
        }
        return try escapedString(from: start)
    }

    /// Continues a string at its first backslash.
    private mutating func escapedString(from start: Int) throws(JSONSyntaxError) -> String {
        var unescaped = Array(bytes[start..<position])
        while let byte = current {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return try text(unescaped[...], at: start)
            case UInt8(ascii: "\\"): try escape(into: &unescaped)
            case 0..<0x20:
                position -= 1
                throw error(.controlCharacter)
            default: unescaped.append(byte)
            }
        }
        throw error(.endOfText)
    }

    private mutating func escape(into unescaped: inout [UInt8]) throws(JSONSyntaxError) {
        guard let byte = current else { throw error(.endOfText) }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): unescaped.append(byte)
        case UInt8(ascii: "b"): unescaped.append(0x08)
        case UInt8(ascii: "f"): unescaped.append(0x0C)
        case UInt8(ascii: "n"): unescaped.append(0x0A)
        case UInt8(ascii: "r"): unescaped.append(0x0D)
        case UInt8(ascii: "t"): unescaped.append(0x09)
        case UInt8(ascii: "u"): unescaped.append(contentsOf: String(Character(try escapedScalar())).utf8)
        default:
            position -= 1
            throw error(.invalidEscape)
        }
    }

    /// One `\uXXXX`, or two of them when the first is a high surrogate (RFC 8259 §7).
    private mutating func escapedScalar() throws(JSONSyntaxError) -> Unicode.Scalar {
        let first = try fourHexDigits()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, current == UInt8(ascii: "\\") else { throw error(.loneSurrogate) }
        position += 1
        guard current == UInt8(ascii: "u") else { throw error(.loneSurrogate) }
        position += 1
        let second = try fourHexDigits()
        guard 0xDC00...0xDFFF ~= second,
            let scalar = Unicode.Scalar(0x10000 + ((UInt32(first) - 0xD800) << 10) + (UInt32(second) - 0xDC00))
        else { throw error(.loneSurrogate) }
        return scalar
    }

    private mutating func fourHexDigits() throws(JSONSyntaxError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw error(.invalidEscape)
            }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }

    private func text(_ slice: ArraySlice<UInt8>, at start: Int) throws(JSONSyntaxError) -> String {
        guard let text = String(validating: slice, as: UTF8.self) else {
            throw JSONSyntaxError(reason: .invalidUTF8, offset: start)
        }
        return text
    }
}
