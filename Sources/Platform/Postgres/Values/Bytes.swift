public import FoundationEssentials

/// An array of bytes is one `bytea`, not an array of the server.
extension UInt8: PostgresArrayElement {
    public static var postgresArrayType: PostgresType { .bytea }

    public static func encodeArray(_ elements: [UInt8], into buffer: inout PostgresBuffer) throws(PostgresError) {
        buffer.append(contentsOf: elements)
    }

    public static func decodeArray(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> [UInt8] {
        guard type == .bytea else { throw [UInt8].mismatch(type) }
        return bytes.withUnsafeBytes { Array($0) }
    }
}

extension Data: PostgresBindable, PostgresDecodable, PostgresArrayElement {
    public static var postgresType: PostgresType { .bytea }

    public func encode(into buffer: inout PostgresBuffer) throws(PostgresError) {
        buffer.append(contentsOf: self)
    }

    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Data {
        guard type == .bytea else { throw mismatch(type) }
        return bytes.withUnsafeBytes { Data($0) }
    }
}

extension UUID: PostgresBindable, PostgresDecodable, PostgresArrayElement {
    public static var postgresType: PostgresType { .uuid }

    public func encode(into buffer: inout PostgresBuffer) throws(PostgresError) {
        withUnsafeBytes(of: uuid) { buffer.append(contentsOf: $0) }
    }

    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> UUID {
        guard type == .uuid, bytes.byteCount == 16 else { throw mismatch(type) }
        return bytes.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }
}
