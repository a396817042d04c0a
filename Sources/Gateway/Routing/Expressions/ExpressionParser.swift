/// A part of a regular expression.
indirect enum ExpressionNode {
    case empty
    case bytes(ByteClass)
    case sequence([ExpressionNode])
    case choice([ExpressionNode])
    /// `most` nil: without end.
    case repeated(ExpressionNode, least: Int, most: Int?)
    case start
    case end
}

/// Reads the text of a regular expression: see `RegularExpression` for the syntax.
struct ExpressionParser {
    private static let depthLimit = 64
    /// As RE2 has it.
    private static let repetitionLimit = 1_000

    private let text: [Unicode.Scalar]
    private var position = 0
    private var depth = 0
    private var ignoresCase = false

    init(_ text: String) {
        self.text = Array(text.unicodeScalars)
    }

    mutating func parse() throws(SyntaxError) -> ExpressionNode {
        let node = try choice()
        if position < text.count { throw error("has a \")\" without its \"(\"") }
        return node
    }

    private mutating func choice() throws(SyntaxError) -> ExpressionNode {
        depth += 1
        defer { depth -= 1 }
        if depth > Self.depthLimit { throw error("nests groups deeper than \(Self.depthLimit)") }
        var branches = [try sequence()]
        while peek == "|" {
            position += 1
            branches.append(try sequence())
        }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence() throws(SyntaxError) -> ExpressionNode {
        var parts: [ExpressionNode] = []
        while let next = peek, next != "|", next != ")" {
            let atom = try atom()
            parts.append(try repetitions(of: atom))
        }
        return parts.isEmpty ? .empty : parts.count == 1 ? parts[0] : .sequence(parts)
    }

    private mutating func repetitions(of atom: ExpressionNode) throws(SyntaxError) -> ExpressionNode {
        guard let bounds = try bounds() else { return atom }
        if case .start = atom { throw error("repeats \"^\"") }
        if case .end = atom { throw error("repeats \"$\"") }
        // Whether as much or as little as possible is taken says nothing about whether the whole matches.
        if peek == "?" { position += 1 }
        if peek == "+" || peek == "*" { throw error("has a repetition of a repetition") }
        return .repeated(atom, least: bounds.least, most: bounds.most)
    }

    private mutating func bounds() throws(SyntaxError) -> (least: Int, most: Int?)? {
        switch peek {
        case "*":
            position += 1
            return (0, nil)
        case "+":
            position += 1
            return (1, nil)
        case "?":
            position += 1
            return (0, 1)
        case "{":
            position += 1
            let least = number()
            var most = least
            if peek == "," {
                position += 1
                most = number()
            }
            guard let least, peek == "}" else { throw error("has a \"{\" that is no repetition: write \"\\{\"") }
            position += 1
            if least > Self.repetitionLimit || most ?? 0 > Self.repetitionLimit {
                throw error("repeats more than \(Self.repetitionLimit) times")
            }
            if let most, most < least { throw error("has a repetition whose end is below its beginning") }
            return (least, most)
        default: return nil
        }
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let digit = peek, ("0"..."9").contains(digit), (value ?? 0) < 100_000 {
            value = (value ?? 0) * 10 + Int(digit.value - 0x30)
            position += 1
        }
        return value
    }

    private mutating func atom() throws(SyntaxError) -> ExpressionNode {
        guard let scalar = peek else { return .empty }
        position += 1
        switch scalar {
        case ".": return .bytes(.notLineFeed)
        case "^": return .start
        case "$": return .end
        case "[": return try characterClass()
        case "(": return try group()
        case "\\": return .bytes(cased(try escape()))
        case "*", "+", "?", "{":
            position -= 1
            throw error("has a \"\(scalar)\" with nothing to repeat")
        default: return literal(scalar)
        }
    }

    private mutating func group() throws(SyntaxError) -> ExpressionNode {
        let outer = ignoresCase
        if peek == "?" {
            position += 1
            // "(?i)" holds to the end of the group around it, which sets it back.
            if try isFlagForTheRest() { return .empty }
        }
        let node = try choice()
        guard peek == ")" else { throw error("has a \"(\" without its \")\"") }
        position += 1
        ignoresCase = outer
        return node
    }

    /// Behind "(?": reads a flag, and says whether it is for what follows the group.
    private mutating func isFlagForTheRest() throws(SyntaxError) -> Bool {
        switch peek {
        case ":":
            position += 1
            return false
        case "i":
            position += 1
            ignoresCase = true
            if peek == ":" {
                position += 1
                return false
            }
            guard peek == ")" else { throw error("has a flag that is not supported; supported: i") }
            position += 1
            return true
        case "=", "!": throw error("uses look-ahead, which cannot run in linear time")
        case "<": throw error("uses look-behind or a named group; use (?:…)")
        case "P": throw error("uses a named group; use (?:…)")
        default: throw error("has a flag that is not supported; supported: i")
        }
    }

    private mutating func characterClass() throws(SyntaxError) -> ExpressionNode {
        var found = ByteClass.none
        let isComplement = peek == "^"
        if isComplement { position += 1 }
        var isFirst = true
        while true {
            guard let scalar = peek else { throw error("has a \"[\" without its \"]\"") }
            if scalar == "]", !isFirst { break }
            if scalar == "[", position + 1 < text.count, text[position + 1] == ":" {
                throw error("uses a class of POSIX; write its characters")
            }
            isFirst = false
            position += 1
            let low = try classMember(scalar)
            guard peek == "-", position + 1 < text.count, text[position + 1] != "]" else {
                found = found.union(low.set)
                continue
            }
            position += 1
            let end = text[position]
            position += 1
            let high = try classMember(end)
            guard let first = low.byte, let last = high.byte, first <= last else {
                throw error("has a range in a class whose end is below its beginning")
            }
            found = found.union(ByteClass(first...last))
        }
        position += 1
        found = cased(found)
        return .bytes(isComplement ? found.complement : found)
    }

    private mutating func classMember(_ scalar: Unicode.Scalar) throws(SyntaxError) -> (set: ByteClass, byte: UInt8?) {
        if scalar == "\\" {
            let set = try escape()
            let only = (UInt8.min...UInt8.max).filter { set.contains($0) }
            return (set, only.count == 1 ? only[0] : nil)
        }
        guard scalar.isASCII else { throw error("has a character outside ASCII in a class") }
        let byte = UInt8(scalar.value)
        return (ByteClass(byte...byte), byte)
    }

    /// Behind a backslash.
    private mutating func escape() throws(SyntaxError) -> ByteClass {
        guard let scalar = peek else { throw error("ends with a \"\\\"") }
        position += 1
        switch scalar {
        case "d": return .digits
        case "D": return ByteClass.digits.complement
        case "w": return .word
        case "W": return ByteClass.word.complement
        case "s": return .space
        case "S": return ByteClass.space.complement
        case "n": return ByteClass(0x0a...0x0a)
        case "t": return ByteClass(0x09...0x09)
        case "r": return ByteClass(0x0d...0x0d)
        case "f": return ByteClass(0x0c...0x0c)
        case "v": return ByteClass(0x0b...0x0b)
        case "x":
            guard position + 1 < text.count, let high = text[position].hexValue, let low = text[position + 1].hexValue
            else { throw error("has a \"\\x\" that two hexadecimal digits do not follow") }
            position += 2
            let byte = high << 4 | low
            return ByteClass(byte...byte)
        case "1"..."9": throw error("uses a back-reference, which cannot run in linear time")
        case "b", "B": throw error("uses \"\\b\", which is not supported")
        case "p", "P": throw error("uses a class of Unicode, which is not supported")
        default:
            let isLetterOrDigit = ByteClass.word.contains(UInt8(truncatingIfNeeded: scalar.value)) && scalar != "_"
            guard scalar.isASCII, !isLetterOrDigit else { throw error("has the unknown escape \"\\\(scalar)\"") }
            let byte = UInt8(scalar.value)
            return ByteClass(byte...byte)
        }
    }

    private func literal(_ scalar: Unicode.Scalar) -> ExpressionNode {
        let parts = String(Character(scalar)).utf8.map { ExpressionNode.bytes(cased(ByteClass($0...$0))) }
        return parts.count == 1 ? parts[0] : .sequence(parts)
    }

    private func cased(_ set: ByteClass) -> ByteClass { ignoresCase ? set.ignoringCase : set }

    private var peek: Unicode.Scalar? { position < text.count ? text[position] : nil }

    private func error(_ message: String) -> SyntaxError {
        SyntaxError("is not a regular expression that is supported: at character \(position + 1) it \(message)")
    }
}

extension Unicode.Scalar {
    fileprivate var hexValue: UInt8? {
        switch self {
        case "0"..."9": UInt8(value - 0x30)
        case "a"..."f": UInt8(value - 0x61 + 10)
        case "A"..."F": UInt8(value - 0x41 + 10)
        default: nil
        }
    }
}
