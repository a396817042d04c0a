public import FoundationEssentials

/// A decimal travels as `numeric`, exactly: up to 38 significant digits, never rounded.
extension Decimal: PostgresBindable, PostgresDecodable, PostgresArrayElement {
    public static var postgresType: PostgresType { .numeric }

    /// - Throws: `bindFailure` for a decimal that is not a number.
    public func encode(into buffer: inout PostgresBuffer) throws(PostgresError) {
        guard !isNaN, let numeric = Numeric(plain: description) else {
            throw PostgresError(.bindFailure, "a decimal must be a number")
        }
        numeric.encode(into: &buffer)
    }

    /// - Throws: `decodingFailure` for NaN, infinity, and more digits than a `Decimal` holds.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Decimal {
        guard type == .numeric else {
            return Decimal(try Int64.decode(bytes, type: type))
        }
        let numeric = try Numeric(bytes)
        guard (-128...127).contains(numeric.exponent) else { throw unreadable(type, "its exponent is too large") }
        // 10^19 is the largest power of ten in 64 bits: both halves of at most 38 digits fit.
        let half: UInt128 = 10_000_000_000_000_000_000
        let (high, low) = numeric.mantissa.quotientAndRemainder(dividingBy: half)
        let mantissa = Decimal(UInt64(high)) * Decimal(UInt64(half)) + Decimal(UInt64(low))
        return Decimal(sign: numeric.isNegative ? .minus : .plus, exponent: numeric.exponent, significand: mantissa)
    }
}
