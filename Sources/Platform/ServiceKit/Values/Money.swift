/// An amount in one currency, exact to its hundredth.
///
/// In JSON it is a number with two decimals (`12.30`), in Postgres a `bigint` of minor units and a currency; it never
/// passes through floating point.
public struct Money: Sendable, Hashable {
    /// Hundredths of the currency's unit; may be negative.
    public let minorUnits: Int64
    public let currency: Currency

    public init(minorUnits: Int64, currency: Currency = .euro) {
        self.minorUnits = minorUnits
        self.currency = currency
    }

    /// Nothing, in euro.
    public static let zero = Money(minorUnits: 0)

    /// The sum.
    ///
    /// - Throws: ``MoneyError/overflow`` beyond 64 bits, ``MoneyError/differentCurrencies``.
    public func adding(_ other: Money) throws(MoneyError) -> Money {
        guard currency == other.currency else { throw .differentCurrencies }
        let (sum, overflow) = minorUnits.addingReportingOverflow(other.minorUnits)
        guard !overflow else { throw .overflow }
        return Money(minorUnits: sum, currency: currency)
    }

    /// The amount `count` times.
    ///
    /// - Throws: ``MoneyError/overflow`` beyond 64 bits.
    public func multiplied(by count: Int64) throws(MoneyError) -> Money {
        let (product, overflow) = minorUnits.multipliedReportingOverflow(by: count)
        guard !overflow else { throw .overflow }
        return Money(minorUnits: product, currency: currency)
    }
}

/// Why two amounts cannot be combined.
public enum MoneyError: Error, Sendable, Equatable {
    /// The result has more than 64 bits of minor units.
    case overflow
    case differentCurrencies
}

/// A currency by its ISO 4217 code; only currencies with two decimals are representable.
public struct Currency: Sendable, Hashable {
    /// Three upper-case letters.
    public let code: String

    /// - Returns: nil unless the code is three upper-case ASCII letters.
    public init?(code: String) {
        guard code.utf8.count == 3, code.utf8.allSatisfy({ UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 }) else {
            return nil
        }
        self.code = code
    }

    private init(known: String) { code = known }

    /// The currency of the house: what an amount without a currency means.
    public static let euro = Currency(known: "EUR")
}

extension Money {
    /// Why digits are not an amount.
    enum DigitsError: Error {
        case notPlainDecimal
        case moreThanTwoDecimals
        case beyond64Bits
    }

    /// Reads a JSON number's digits: an optional minus, whole units, at most two decimals, no exponent.
    init(digits: String, currency: Currency = .euro) throws(DigitsError) {
        let negative = digits.utf8.first == UInt8(ascii: "-")
        let parts = digits.utf8.dropFirst(negative ? 1 : 0).split(
            separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let isDigit: (UInt8) -> Bool = { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(isDigit) }) else {
            throw .notPlainDecimal
        }
        let decimals = parts.count == 2 ? parts[1] : Substring("").utf8
        guard decimals.count <= 2 else { throw .moreThanTwoDecimals }
        var value: Int64 = 0
        let padding = repeatElement(UInt8(ascii: "0"), count: 2 - decimals.count)
        for digit in [Array(parts[0]), Array(decimals), Array(padding)].joined() {
            let (tenfold, overflow) = value.multipliedReportingOverflow(by: 10)
            let amount = Int64(digit - UInt8(ascii: "0"))
            let (sum, carry) =
                negative ? tenfold.subtractingReportingOverflow(amount) : tenfold.addingReportingOverflow(amount)
            guard !overflow, !carry else { throw .beyond64Bits }
            value = sum
        }
        self.init(minorUnits: value, currency: currency)
    }
}

extension Money: CustomStringConvertible {
    /// For example `12.30 EUR`.
    public var description: String {
        var writer = JSONWriter(capacity: 24)
        writer.hundredths(minorUnits)
        return String(decoding: writer.bytes, as: UTF8.self) + " " + currency.code
    }
}
