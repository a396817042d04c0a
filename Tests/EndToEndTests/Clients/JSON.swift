import Foundation

/// A JSON value as an answer holds it.
enum JSON: Decodable, Sendable, Equatable {
    case null
    case bool(Bool)
    /// Exact: an amount of money is not a binary fraction.
    case number(Decimal)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    init(text: String) throws { self = try JSON(bytes: Array(text.utf8)) }

    init(bytes: [UInt8]) throws { self = try JSONDecoder().decode(JSON.self, from: Data(bytes)) }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        // Each attempt but one has to fail.
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Decimal.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSON].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSON].self))
        }
    }

    subscript(name: String) -> JSON? {
        if case .object(let members) = self { members[name] } else { nil }
    }

    var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    var integer: Int? {
        if case .number(let value) = self { Int("\(value)") } else { nil }
    }

    var elements: [JSON]? {
        if case .array(let values) = self { values } else { nil }
    }

    var names: Set<String>? {
        if case .object(let members) = self { Set(members.keys) } else { nil }
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int) { self = .number(Decimal(value)) }

    /// A number as it is written: exact, unlike a literal.
    static func amount(_ text: String) -> JSON { Decimal(string: text).map(JSON.number) ?? .null }
}
