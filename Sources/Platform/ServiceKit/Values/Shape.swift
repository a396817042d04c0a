/// How a value looks in JSON: its schema, how it is read strictly and how it is written.
///
/// Requests, answers, parameters and the OpenAPI document all use the same shape, so they cannot disagree.
public struct Shape<Value: Sendable>: Sendable {
    public let schema: Schema
    let read: @Sendable (JSONValue) throws(FieldErrors) -> Value
    let write: @Sendable (Value, inout JSONWriter) -> Void

    /// - Parameters:
    ///   - read: Refuses with ``FieldErrors`` whose field names are relative to the value (empty: the value itself).
    public init(
        schema: Schema,
        read: @escaping @Sendable (JSONValue) throws(FieldErrors) -> Value,
        write: @escaping @Sendable (Value, inout JSONWriter) -> Void
    ) {
        self.schema = schema
        self.read = read
        self.write = write
    }

    /// The value as a JSON tree, for defaults and examples in the document.
    func json(_ value: Value) -> JSONValue {
        var writer = JSONWriter(capacity: 32)
        write(value, &writer)
        // A shape writes valid JSON; a default that does not parse is left out of the document.
        return (try? JSONParser.parse(writer.bytes)) ?? .null
    }

    /// Reads a path segment or a query value.
    func read(parameter text: String) throws(FieldErrors) -> Value {
        try read(schema.isText ? .string(text) : JSONValue(scalar: text))
    }
}

extension JSONValue {
    /// A parameter's text as the JSON scalar that it spells, or as a string when it spells none.
    fileprivate init(scalar text: String) {
        // Not spelling a JSON scalar is no error: the shape then refuses a string where it wants a number. The parser
        // would pass over whitespace around it, which belongs to a JSON text and not to a scalar (RFC 8259 §2).
        let hasSpace = text.utf8.contains { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
        self = (hasSpace ? nil : try? JSONParser.parse(Array(text.utf8))) ?? .string(text)
    }
}

extension Shape where Value == Int64 {
    /// A whole number in `range`; a number with a fraction or an exponent is refused.
    public static func integer(_ range: ClosedRange<Int64> = Int64.min...Int64.max) -> Shape {
        Shape(
            schema: Schema([
                "type": "integer", "format": "int64", "minimum": .number(String(range.lowerBound)),
                "maximum": .number(String(range.upperBound)),
            ]),
            read: { json throws(FieldErrors) in
                guard let digits = json.digits else { throw FieldErrors("must be a whole number, not \(json.kind)") }
                guard digits.utf8.dropFirst(digits.hasPrefix("-") ? 1 : 0).allSatisfy({ 0x30...0x39 ~= $0 }) else {
                    throw FieldErrors("must be a whole number without fraction or exponent")
                }
                guard let value = Int64(digits) else { throw FieldErrors("must fit in 64 bits") }
                guard value >= range.lowerBound else { throw FieldErrors("must be at least \(range.lowerBound)") }
                guard value <= range.upperBound else { throw FieldErrors("must be at most \(range.upperBound)") }
                return value
            },
            write: { $1.integer($0) })
    }

    /// The number of a resource: 1 … 2⁶³-1.
    public static var identifier: Shape { .integer(1...Int64.max) }
}

extension Shape where Value == Bool {
    public static var boolean: Shape {
        Shape(
            schema: Schema(["type": "boolean"]),
            read: { json throws(FieldErrors) in
                guard case .bool(let value) = json else { throw FieldErrors("must be true or false") }
                return value
            },
            write: { $1.bool($0) })
    }
}

extension Shape where Value == String {
    /// Text of so many Unicode scalars (as JSON Schema and Postgres count). NUL is refused: Postgres cannot hold it.
    public static func text(_ length: ClosedRange<Int>) -> Shape {
        Shape(
            schema: Schema([
                "type": "string", "minLength": .number(String(length.lowerBound)),
                "maxLength": .number(String(length.upperBound)),
            ]),
            read: { json throws(FieldErrors) in
                guard let text = json.string else { throw FieldErrors("must be a string, not \(json.kind)") }
                let count = text.unicodeScalars.count
                if count < length.lowerBound {
                    throw FieldErrors(
                        count == 0 ? "must not be empty" : "must have at least \(length.lowerBound) characters")
                }
                guard count <= length.upperBound else {
                    throw FieldErrors("must have at most \(length.upperBound) characters")
                }
                guard !text.utf8.contains(0) else { throw FieldErrors("must not contain the character U+0000") }
                return text
            },
            write: { $1.string($0) })
    }
}

extension Shape where Value == Money {
    /// An amount: a JSON number with at most two decimals, read and written exactly.
    ///
    /// - Parameter minorUnits: The allowed hundredths; not negative by default.
    public static func money(minorUnits: ClosedRange<Int64> = 0...Int64.max) -> Shape {
        let least = Money(minorUnits: minorUnits.lowerBound).digits
        let most = Money(minorUnits: minorUnits.upperBound).digits
        return Shape(
            schema: Schema([
                "type": "number", "format": "decimal", "multipleOf": .number("0.01"), "minimum": .number(least),
                "maximum": .number(most),
            ]),
            read: { json throws(FieldErrors) in
                guard let digits = json.digits else { throw FieldErrors("must be a number, not \(json.kind)") }
                let money: Money
                do throws(Money.DigitsError) {
                    money = try Money(digits: digits)
                } catch {
                    switch error {
                    case .notPlainDecimal: throw FieldErrors("must be a plain decimal number without exponent")
                    case .moreThanTwoDecimals: throw FieldErrors("must have at most two decimals")
                    case .beyond64Bits: throw FieldErrors("is out of range")
                    }
                }
                guard money.minorUnits >= minorUnits.lowerBound else {
                    throw FieldErrors(minorUnits.lowerBound == 0 ? "must not be negative" : "must be at least \(least)")
                }
                guard money.minorUnits <= minorUnits.upperBound else { throw FieldErrors("must be at most \(most)") }
                return money
            },
            write: { $1.hundredths($0.minorUnits) })
    }
}

extension Shape where Value == Timestamp {
    /// An instant in RFC 3339; always written as UTC with milliseconds.
    public static var timestamp: Shape {
        Shape(
            schema: Schema(["type": "string", "format": "date-time"]),
            read: { json throws(FieldErrors) in
                guard let text = json.string, let instant = Timestamp(text) else {
                    throw FieldErrors("must be a time as in RFC 3339, for example 2026-01-31T12:00:00.000Z")
                }
                return instant
            },
            write: { $1.timestamp($0) })
    }
}

extension Shape {
    /// An array of `element`, with `count` elements.
    public static func list<Element>(of element: Shape<Element>, _ count: ClosedRange<Int>) -> Shape
    where Value == [Element] {
        Shape(
            schema: .array(of: element.schema, count: count),
            read: { json throws(FieldErrors) in
                guard let elements = json.elements else { throw FieldErrors("must be an array, not \(json.kind)") }
                try count.check(elements.count)
                var values: [Element] = []
                var errors: [FieldError] = []
                for (index, json) in elements.enumerated() {
                    do throws(FieldErrors) { values.append(try element.read(json)) } catch {
                        errors += error.prefixed("[\(index)]")
                    }
                }
                guard errors.isEmpty else { throw FieldErrors(errors) }
                return values
            },
            write: { values, writer in
                writer.array { writer in
                    for value in values { element.write(value, &writer) }
                }
            })
    }

    /// `shape` or JSON `null`.
    public static func nullable<Wrapped>(_ shape: Shape<Wrapped>) -> Shape where Value == Wrapped? {
        Shape(
            schema: shape.schema.nullable,
            read: { json throws(FieldErrors) in json == .null ? nil : try shape.read(json) },
            write: { value, writer in
                if let value { shape.write(value, &writer) } else { writer.null() }
            })
    }
}

extension ClosedRange<Int> {
    fileprivate func check(_ count: Int) throws(FieldErrors) {
        guard count >= lowerBound else {
            throw FieldErrors(count == 0 ? "must not be empty" : "must have at least \(lowerBound) elements")
        }
        guard count <= upperBound else { throw FieldErrors("must have at most \(upperBound) elements") }
    }
}

extension Money {
    /// The amount as a JSON number: `12.30`.
    var digits: String {
        var writer = JSONWriter(capacity: 24)
        writer.hundredths(minorUnits)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
