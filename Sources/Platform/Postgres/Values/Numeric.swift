/// The server's `numeric` in its binary format: digits to the base of 10,000, a weight, a sign.
///
/// The format is that of `numeric_send` in the server's `numeric.c`.
struct Numeric {
    /// The number is `mantissa` · 10^`exponent`, negative if `isNegative`; exact.
    var isNegative = false
    var mantissa: UInt128 = 0
    var exponent = 0
    /// Digits after the point that the server shows.
    var scale = 0

    /// What `Decimal` holds exactly.
    static let digitLimit = 38
    private static let mantissaLimit: UInt128 = 100_000_000_000_000_000_000_000_000_000_000_000_000

    private enum Sign {
        static let negative: UInt16 = 0x4000
        static let positive: UInt16 = 0x0000
    }

    /// Reads the binary format.
    ///
    /// - Throws: `decodingFailure` for NaN, infinity, and numbers of more than 38 significant digits.
    init(_ bytes: RawSpan) throws(PostgresError) {
        guard bytes.byteCount >= 8 else { throw Self.failure("it is cut short") }
        let count = Int(bytes.integer(as: UInt16.self))
        let weight = Int(bytes.integer(at: 2, as: Int16.self))
        let sign = bytes.integer(at: 4, as: UInt16.self)
        scale = Int(bytes.integer(at: 6, as: UInt16.self))
        guard bytes.byteCount == 8 + 2 * count else { throw Self.failure("it is cut short") }
        guard sign == Sign.positive || sign == Sign.negative else { throw Self.failure("it is NaN or infinite") }
        isNegative = sign == Sign.negative
        for index in 0..<count {
            var group = UInt128(bytes.integer(at: 8 + 2 * index, as: UInt16.self))
            var digits = 4
            while index == count - 1, digits > 1, group.isMultiple(of: 10) {
                group /= 10
                digits -= 1
                exponent += 1
            }
            let factor: UInt128 = [1, 10, 100, 1_000, 10_000][digits]
            let (product, overflow) = mantissa.multipliedReportingOverflow(by: factor)
            let (sum, carry) = product.addingReportingOverflow(group)
            guard !overflow, !carry, sum < Self.mantissaLimit else {
                throw Self.failure("it has more than \(Self.digitLimit) significant digits")
            }
            mantissa = sum
        }
        exponent = mantissa == 0 ? 0 : exponent + 4 * (weight - count + 1)
    }

    /// Reads plain decimal notation: an optional `-`, digits, optionally a point and digits.
    ///
    /// Nil for anything else, and for more digits than a `Decimal` has.
    init?(plain text: String) {
        var digits = text.utf8[...]
        if digits.first == UInt8(ascii: "-") {
            isNegative = true
            digits.removeFirst()
        }
        guard !digits.isEmpty else { return nil }
        var isFraction = false
        for character in digits {
            if character == UInt8(ascii: "."), !isFraction {
                isFraction = true
                continue
            }
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character) else { return nil }
            if isFraction { scale += 1 }
            let digit = UInt128(character - UInt8(ascii: "0"))
            guard mantissa < Self.mantissaLimit / 10, exponent == 0 else {
                // No digit is left: only further zeros before the point can be counted.
                guard digit == 0, !isFraction else { return nil }
                exponent += 1
                continue
            }
            mantissa = mantissa * 10 + digit
        }
        exponent -= scale
    }

    /// The number as an integer, if it is one and fits.
    var integer: Int64? {
        guard (0...18).contains(exponent) || mantissa == 0 else { return nil }
        var value = Int128(exactly: mantissa) ?? .max
        for _ in 0..<exponent {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            value = product
        }
        return Int64(exactly: isNegative ? -value : value)
    }

    /// Appends the binary format.
    func encode(into buffer: inout PostgresBuffer) {
        var groups: [UInt16] = []
        let offset = ((exponent % 4) + 4) % 4
        var rest = mantissa
        var groupExponent = exponent - offset
        if offset > 0, rest > 0 {
            // The lowest group starts inside the mantissa's digits: it takes only 4 - offset of them.
            let taken: UInt128 = [10_000, 1_000, 100, 10][offset]
            let factor: UInt128 = [1, 10, 100, 1_000][offset]
            groups.append(UInt16(rest % taken * factor))
            rest /= taken
        }
        while rest > 0 {
            groups.append(UInt16(rest % 10_000))
            rest /= 10_000
        }
        while groups.first == 0 {
            groups.removeFirst()
            groupExponent += 4
        }
        buffer.append(UInt16(groups.count))
        buffer.append(groups.isEmpty ? Int16(0) : Int16(groupExponent / 4 + groups.count - 1))
        buffer.append(isNegative && !groups.isEmpty ? Sign.negative : Sign.positive)
        buffer.append(UInt16(scale))
        for group in groups.reversed() { buffer.append(group) }
    }

    private static func failure(_ reason: String) -> PostgresError {
        PostgresError(.decodingFailure, "a numeric is not read: \(reason)")
    }
}
