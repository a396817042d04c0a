/// A type whose arrays the server takes and gives.
///
/// A type that is bindable and decodable conforms by saying so; nothing is left to implement.
public protocol PostgresArrayElement: Sendable {
    static var postgresArrayType: PostgresType { get }
    static func encodeArray(_ elements: [Self], into buffer: inout PostgresBuffer) throws(PostgresError)
    static func decodeArray(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> [Self]
}

/// The binary format of `array_send`: the number of dimensions, whether there is a NULL, the type of the elements, for
/// each dimension its length and lower bound, then each element after its length.
extension PostgresArrayElement where Self: PostgresBindable & PostgresDecodable {
    public static var postgresArrayType: PostgresType { postgresType.array }

    public static func encodeArray(_ elements: [Self], into buffer: inout PostgresBuffer) throws(PostgresError) {
        buffer.append(Int32(elements.isEmpty ? 0 : 1))
        buffer.append(Int32(elements.contains(where: \.isNull) ? 1 : 0))
        buffer.append(postgresType.oid)
        guard !elements.isEmpty else { return }
        buffer.append(Int32(elements.count))
        buffer.append(Int32(1))
        for element in elements { try buffer.appendWithLength(element) }
    }

    /// - Throws: `decodingFailure` for arrays of more than one dimension, and for what an element refuses.
    public static func decodeArray(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> [Self] {
        guard bytes.byteCount >= 12 else { throw [Self].mismatch(type) }
        let dimensions = bytes.integer(as: Int32.self)
        guard dimensions != 0 else { return [] }
        guard dimensions == 1, bytes.byteCount >= 20 else {
            throw [Self].unreadable(type, "it has \(dimensions) dimensions")
        }
        let elementType = PostgresType(oid: bytes.integer(at: 8))
        let count = Int(bytes.integer(at: 12, as: Int32.self))
        guard count >= 0, count <= (bytes.byteCount - 20) / 4 else { throw [Self].unreadable(type, "it is cut short") }
        var elements: [Self] = []
        elements.reserveCapacity(count)
        var offset = 20
        for _ in 0..<count {
            guard offset + 4 <= bytes.byteCount else { throw [Self].unreadable(type, "it is cut short") }
            let length = Int(bytes.integer(at: offset, as: Int32.self))
            offset += 4
            guard length >= 0 else {
                elements.append(try decodeNull())
                continue
            }
            guard length <= bytes.byteCount - offset else { throw [Self].unreadable(type, "it is cut short") }
            elements.append(try decode(bytes.extracting(offset..<offset + length), type: elementType))
            offset += length
        }
        return elements
    }
}

extension Array: PostgresBindable where Element: PostgresArrayElement {
    public static var postgresType: PostgresType { Element.postgresArrayType }

    public func encode(into buffer: inout PostgresBuffer) throws(PostgresError) {
        try Element.encodeArray(self, into: &buffer)
    }
}

extension Array: PostgresDecodable where Element: PostgresArrayElement {
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> [Element] {
        guard type == postgresType || type.isArray else { throw mismatch(type) }
        return try Element.decodeArray(bytes, type: type)
    }
}
