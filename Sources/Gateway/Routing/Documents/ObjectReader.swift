/// Reads the fields of one mapping, and remembers which were asked for so that `finish()` can report the others.
///
/// Nothing in a document is passed over in silence: a field of the wrong type, a misspelt one, and one that this version
/// does not support are all errors. A field set to null counts as absent.
struct ObjectReader {
    let place: Place
    let sink: DiagnosticSink
    private let fields: [DocumentValue.Field]
    private var known: [String] = []

    init(_ value: DocumentValue, at place: Place, sink: DiagnosticSink) {
        self.place = place
        self.sink = sink
        if case .mapping(let fields) = value.content {
            self.fields = fields
            for (index, field) in fields.enumerated() where fields[..<index].contains(where: { $0.name == field.name })
            {
                sink.error(at: place.field(field.name, line: field.line), "the field is written twice")
            }
        } else {
            fields = []
            sink.error(at: place, "must be a mapping, not \(value.content.kind)")
        }
    }

    mutating func value(_ name: String, required: Bool = false) -> Located<DocumentValue>? {
        known.append(name)
        if let field = fields.first(where: { $0.name == name }), field.value.content != .null {
            return Located(field.value, at: place.field(name, line: field.line))
        }
        if required { sink.error(at: place.field(name), "is required") }
        return nil
    }

    mutating func string(_ name: String, required: Bool = false) -> Located<String>? {
        guard let found = value(name, required: required) else { return nil }
        return ObjectReader.string(found, sink)
    }

    mutating func bool(_ name: String) -> Located<Bool>? {
        guard let found = value(name) else { return nil }
        guard case .bool(let flag) = found.value.content else {
            sink.error(at: found.place, "must be true or false, not \(found.value.content.kind)")
            return nil
        }
        return Located(flag, at: found.place)
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int>, required: Bool = false) -> Located<Int>? {
        guard let found = value(name, required: required) else { return nil }
        guard case .integer(let number) = found.value.content else {
            sink.error(at: found.place, "must be an integer, not \(found.value.content.kind)")
            return nil
        }
        guard range.contains(number) else {
            sink.error(at: found.place, "must be \(range.lowerBound)…\(range.upperBound), not \(number)")
            return nil
        }
        return Located(number, at: found.place)
    }

    mutating func port(_ name: String, required: Bool = false) -> Located<UInt16>? {
        integer(name, in: 1...65535, required: required).map { Located(UInt16($0.value), at: $0.place) }
    }

    /// A string out of a fixed set. `unsupported` are values of the specification that this version does not offer.
    mutating func choice(
        _ name: String, of supported: [String], unsupported: [String] = [], required: Bool = false,
        reason: ConditionReason? = nil
    ) -> Located<String>? {
        guard let found = string(name, required: required) else { return nil }
        if supported.contains(found.value) { return found }
        let choices = supported.joined(separator: ", ")
        if unsupported.contains(found.value) {
            sink.error(
                at: found.place, reason: reason,
                "\"\(found.value)\" is not supported by this version; supported: \(choices)")
        } else {
            sink.error(at: found.place, reason: reason, "must be one of \(choices), not \"\(found.value)\"")
        }
        return nil
    }

    mutating func list(_ name: String, required: Bool = false) -> [Located<DocumentValue>]? {
        guard let found = value(name, required: required) else { return nil }
        guard case .sequence(let elements) = found.value.content else {
            sink.error(at: found.place, "must be a list, not \(found.value.content.kind)")
            return nil
        }
        if required, elements.isEmpty { sink.error(at: found.place, "must have at least one entry") }
        return elements.enumerated().map { index, element in
            Located(element, at: found.place.element(index, line: element.line))
        }
    }

    mutating func strings(_ name: String, required: Bool = false) -> [Located<String>]? {
        list(name, required: required)?.compactMap { ObjectReader.string($0, sink) }
    }

    mutating func objects(_ name: String, required: Bool = false) -> [ObjectReader]? {
        list(name, required: required)?.map { ObjectReader($0.value, at: $0.place, sink: sink) }
    }

    mutating func object(_ name: String, required: Bool = false) -> ObjectReader? {
        value(name, required: required).map { ObjectReader($0.value, at: $0.place, sink: sink) }
    }

    /// A mapping from names to strings, such as the data of a ConfigMap.
    mutating func texts(_ name: String) -> [String: Located<String>] {
        guard let found = value(name) else { return [:] }
        guard case .mapping(let fields) = found.value.content else {
            sink.error(at: found.place, "must be a mapping, not \(found.value.content.kind)")
            return [:]
        }
        var texts: [String: Located<String>] = [:]
        for field in fields {
            let located = Located(field.value, at: found.place.field(field.name, line: field.line))
            texts[field.name] = ObjectReader.string(located, sink)
        }
        return texts
    }

    /// Fields that say nothing to a gateway.
    mutating func ignore(_ names: String...) {
        known += names
    }

    /// Fields of the specification that this version does not support: an error when present.
    mutating func unsupported(_ names: String...) {
        for name in names {
            guard let found = value(name) else { continue }
            sink.error(at: found.place, "is not supported by this version")
        }
    }

    func hasField(where condition: (String) -> Bool) -> Bool {
        fields.contains { condition($0.name) && $0.value.content != .null }
    }

    /// Reports every field that nobody asked for.
    func finish() {
        for field in fields where !known.contains(field.name) {
            let hint = Spelling.nearest(to: field.name, among: known).map { "; did you mean \"\($0)\"?" } ?? ""
            sink.error(at: place.field(field.name, line: field.line), "unknown field\(hint)")
        }
    }

    /// An element of a list as text.
    func string(_ element: Located<DocumentValue>) -> Located<String>? { Self.string(element, sink) }

    private static func string(_ found: Located<DocumentValue>, _ sink: DiagnosticSink) -> Located<String>? {
        guard case .string(let text) = found.value.content else {
            sink.error(at: found.place, "must be a string, not \(found.value.content.kind); quote it to make it one")
            return nil
        }
        return Located(text, at: found.place)
    }
}
