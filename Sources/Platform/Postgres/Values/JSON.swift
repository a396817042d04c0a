import FoundationEssentials

/// A JSON text for a `jsonb` (or `json`) column.
///
/// The server checks it, and keeps numbers exactly. Whitespace, the order and repetitions of keys do not survive
/// `jsonb`, and it refuses `\u0000` (ch. 8.14).
public struct JSON: Hashable, Sendable {
    public var text: String

    public init(_ text: String) {
        self.text = text
    }

    /// - Throws: whatever encoding throws.
    public init(encoding value: some Encodable) throws {
        text = String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
    }

    /// - Throws: `DecodingError` if the text is not what the type asks for.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(type, from: Data(text.utf8))
    }
}

extension JSON: PostgresBindable, PostgresDecodable, PostgresArrayElement {
    public static var postgresType: PostgresType { .jsonb }

    /// The only version of `jsonb`'s binary format (`jsonb_send`): one byte, then the text.
    static let binaryVersion: UInt8 = 1

    public func encode(into buffer: inout PostgresBuffer) throws(PostgresError) {
        buffer.append(Self.binaryVersion)
        try text.encode(into: &buffer)
    }

    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> JSON {
        guard type == .jsonb || type == .json else { throw mismatch(type) }
        return JSON(try String.decode(bytes, type: type))
    }
}
