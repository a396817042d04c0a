/// A value that can be read from a column of a row.
public protocol PostgresDecodable: Sendable {
    /// Reads a value that is not NULL.
    ///
    /// - Parameters:
    ///   - bytes: the value in the server's binary format.
    ///   - type: the type of the column.
    /// - Throws: `decodingFailure`, never with the value in its message; the row adds the name of the column.
    static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Self

    /// What NULL means; an error for every type but `Optional`.
    static func decodeNull() throws(PostgresError) -> Self
}

extension PostgresDecodable {
    public static func decodeNull() throws(PostgresError) -> Self {
        throw PostgresError(.decodingFailure, "NULL is not a \(Self.self)")
    }

    /// The error for a column whose type this Swift type does not read.
    static func mismatch(_ type: PostgresType) -> PostgresError {
        PostgresError(.decodingFailure, "\(type) is not read as \(Self.self)")
    }

    /// The error for a value that this Swift type does not hold.
    static func unreadable(_ type: PostgresType, _ reason: String) -> PostgresError {
        PostgresError(.decodingFailure, "a \(type) is not a \(Self.self): \(reason)")
    }
}

extension RawSpan {
    /// The integer at an offset, from network byte order.
    ///
    /// - Precondition: the span is long enough.
    func integer<Integer: FixedWidthInteger & BitwiseCopyable>(
        at offset: Int = 0, as type: Integer.Type = Integer.self
    ) -> Integer {
        Integer(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: type))
    }
}
