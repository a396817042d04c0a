import Wire

/// Which of our two forms of a problem an `Accept` field asks for (RFC 9110 §12.5.1): JSON unless it is refused and plain
/// text is not.
struct Accepted {
    /// The weight of each form in thousandths, and how narrow the range is that said so: 0 none, 1 all, 2 type, 3 exact.
    private var json = (weight: 0, narrowness: 0)
    private var text = (weight: 0, narrowness: 0)

    var takesJSON: Bool { json.weight > 0 || text.weight == 0 }

    mutating func read(_ value: Span<UInt8>) {
        FieldRules.forEachListMember(of: value) { member in
            var end = 0
            while end < member.count && member[end] != UInt8(ascii: ";") { end += 1 }
            var name = end
            while name > 0 && Self.isSpace(member[name - 1]) { name -= 1 }
            let range = member.extracting(0..<name)
            let weight = Self.weight(member.extracting(end..<member.count))
            if FieldRules.equalsIgnoringCase(range, "*/*") {
                Self.note(weight, 1, in: &json)
                Self.note(weight, 1, in: &text)
            } else if FieldRules.equalsIgnoringCase(range, "application/*") {
                Self.note(weight, 2, in: &json)
            } else if FieldRules.equalsIgnoringCase(range, "text/*") {
                Self.note(weight, 2, in: &text)
            } else if FieldRules.equalsIgnoringCase(range, "application/problem+json")
                || FieldRules.equalsIgnoringCase(range, "application/json")
            {
                Self.note(weight, 3, in: &json)
            } else if FieldRules.equalsIgnoringCase(range, "text/plain") {
                Self.note(weight, 3, in: &text)
            } else if FieldRules.equalsIgnoringCase(range, "text/html") {
                // A browser shows plain text as well as it would a page.
                Self.note(weight, 2, in: &text)
            }
        }
    }

    private static func note(_ weight: Int, _ narrowness: Int, in form: inout (weight: Int, narrowness: Int)) {
        if narrowness > form.narrowness {
            form = (weight, narrowness)
        } else if narrowness == form.narrowness {
            form.weight = max(form.weight, weight)
        }
    }

    /// Of ";q=0.5" among other parameters, in thousandths; 1000 without.
    private static func weight(_ parameters: Span<UInt8>) -> Int {
        var index = 0
        while index + 2 < parameters.count {
            defer { index += 1 }
            let isStart = parameters[index] == UInt8(ascii: ";") || isSpace(parameters[index])
            guard isStart, parameters[index + 1] | 0x20 == UInt8(ascii: "q"),
                parameters[index + 2] == UInt8(ascii: "=")
            else { continue }
            return thousandths(parameters.extracting((index + 3)..<parameters.count))
        }
        return 1000
    }

    private static func thousandths(_ text: Span<UInt8>) -> Int {
        var digits = 0
        var value = 0
        for index in text.indices {
            if text[index] == UInt8(ascii: ".") { continue }
            guard (0x30...0x39).contains(text[index]), digits < 4 else { break }
            value = value * 10 + Int(text[index] - 0x30)
            digits += 1
        }
        while digits < 4 {
            value *= 10
            digits += 1
        }
        return min(1000, value)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
