/// A JSON text as a tree (RFC 8259), with numbers kept as written and members kept in order.
///
/// Foundation's decoder is not used for requests: it cannot report every failing field at once, cannot refuse unknown or
/// repeated members, and reads numbers through `Double`. Keeping the digits as text keeps money and 64-bit integers exact.
public indirect enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    /// The digits exactly as they stood in the text, for example `12.30`.
    case number(String)
    case string(String)
    case array([JSONValue])
    /// The members in the order of the text; a name may stand here twice, ``Form`` refuses that.
    case object([Member])

    /// One name and its value.
    public struct Member: Sendable, Hashable {
        public let name: String
        public let value: JSONValue

        public init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// The kind of value in the words of the JSON specification, for messages: `a string`, `an object`, `null`.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension JSONValue {
    /// The value of the first member with this name, or nil when there is none or this is not an object.
    public subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// The element at `index`, or nil when there is none or this is not an array.
    public subscript(index: Int) -> JSONValue? {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }

    /// The text of a JSON string, or nil for every other kind.
    public var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// The value of a JSON number that is a whole 64-bit integer, or nil.
    public var integer: Int64? {
        guard case .number(let digits) = self else { return nil }
        return Int64(digits)
    }

    /// The digits of a JSON number as they were written, or nil for every other kind.
    public var digits: String? {
        guard case .number(let digits) = self else { return nil }
        return digits
    }

    /// The elements of a JSON array, or nil for every other kind.
    public var elements: [JSONValue]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    /// The members of a JSON object, or nil for every other kind.
    public var members: [Member]? {
        guard case .object(let members) = self else { return nil }
        return members
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int64) { self = .number(String(value)) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { Member($0.0, $0.1) })
    }
    public init(nilLiteral: ()) { self = .null }
}
