/// NULL of the wrapped value's type. A constant NULL is written `String?.none`.
extension Optional: PostgresBindable where Wrapped: PostgresBindable {
    public static var postgresType: PostgresType { Wrapped.postgresType }

    public var isNull: Bool { self?.isNull ?? true }

    public func encode(into buffer: inout PostgresBuffer) throws(PostgresError) {
        try self?.encode(into: &buffer)
    }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Wrapped? {
        try Wrapped.decode(bytes, type: type)
    }

    public static func decodeNull() throws(PostgresError) -> Wrapped? { nil }
}

extension Optional: PostgresArrayElement
where Wrapped: PostgresArrayElement & PostgresBindable & PostgresDecodable {}
