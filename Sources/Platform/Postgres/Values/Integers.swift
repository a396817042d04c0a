/// Integers travel as `int2`, `int4` and `int8`. They are read from any of the three, and from a `numeric` without a
/// fraction (what `sum(bigint)` gives), if the value fits.
protocol PostgresInteger: PostgresBindable, PostgresDecodable, PostgresArrayElement, FixedWidthInteger {}

extension PostgresInteger {
    public func encode(into buffer: inout PostgresBuffer) throws(PostgresError) {
        buffer.append(self)
    }

    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Self {
        let wide: Int64
        switch (type, bytes.byteCount) {
        case (.int8, 8): wide = bytes.integer()
        case (.int4, 4): wide = Int64(bytes.integer(as: Int32.self))
        case (.int2, 2): wide = Int64(bytes.integer(as: Int16.self))
        case (.numeric, _):
            guard let value = try Numeric(bytes).integer else { throw unreadable(type, "a fraction, or too large") }
            wide = value
        default: throw mismatch(type)
        }
        guard let value = Self(exactly: wide) else { throw unreadable(type, "out of range") }
        return value
    }
}

extension Int16: PostgresInteger {
    public static var postgresType: PostgresType { .int2 }
}

extension Int32: PostgresInteger {
    public static var postgresType: PostgresType { .int4 }
}

extension Int64: PostgresInteger {
    public static var postgresType: PostgresType { .int8 }
}

extension Int: PostgresInteger {
    public static var postgresType: PostgresType { .int8 }
}

extension Double: PostgresBindable, PostgresDecodable, PostgresArrayElement {
    public static var postgresType: PostgresType { .float8 }

    public func encode(into buffer: inout PostgresBuffer) throws(PostgresError) {
        buffer.append(bitPattern)
    }

    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Double {
        switch (type, bytes.byteCount) {
        case (.float8, 8): Double(bitPattern: bytes.integer())
        case (.float4, 4): Double(Float(bitPattern: bytes.integer()))
        default: throw mismatch(type)
        }
    }
}

extension Bool: PostgresBindable, PostgresDecodable, PostgresArrayElement {
    public static var postgresType: PostgresType { .bool }

    public func encode(into buffer: inout PostgresBuffer) throws(PostgresError) {
        buffer.append(UInt8(self ? 1 : 0))
    }

    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Bool {
        guard type == .bool, bytes.byteCount == 1 else { throw mismatch(type) }
        return bytes.integer(as: UInt8.self) != 0
    }
}
