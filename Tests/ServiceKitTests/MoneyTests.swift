import Testing

@testable import ServiceKit

@Suite struct MoneyTests {
    @Test(arguments: [
        ("0", Int64(0)), ("0.00", 0), ("-0", 0), ("12.3", 1_230), ("12.30", 1_230), ("100", 10_000), ("0.01", 1),
        ("-5.05", -505),
        ("92233720368547758.07", .max), ("-92233720368547758.08", .min), ("0000", 0),
    ])
    func `reads digits exactly`(digits: String, minorUnits: Int64) throws {
        #expect(try Money(digits: digits).minorUnits == minorUnits)
    }

    @Test(arguments: [
        ("1.234", Money.DigitsError.moreThanTwoDecimals), ("1.000", .moreThanTwoDecimals), ("1e2", .notPlainDecimal),
        ("1E2", .notPlainDecimal), ("92233720368547758.08", .beyond64Bits), ("-92233720368547758.09", .beyond64Bits),
        ("99999999999999999999", .beyond64Bits), ("", .notPlainDecimal), ("1.", .notPlainDecimal),
        (".1", .notPlainDecimal), ("1.2.3", .notPlainDecimal), ("--1", .notPlainDecimal),
    ])
    func `refuses digits that are not an exact amount`(digits: String, expected: Money.DigitsError) {
        #expect(throws: expected) { try Money(digits: digits) }
    }

    @Test func `adds and multiplies without wrapping`() throws {
        #expect(try Money(minorUnits: 250).adding(Money(minorUnits: -50)) == Money(minorUnits: 200))
        #expect(try Money(minorUnits: 250).multiplied(by: 4) == Money(minorUnits: 1_000))
        #expect(throws: MoneyError.overflow) { try Money(minorUnits: .max).adding(Money(minorUnits: 1)) }
        #expect(throws: MoneyError.overflow) { try Money(minorUnits: .max).multiplied(by: 2) }
    }

    @Test func `does not add different currencies`() throws {
        let francs = try #require(Currency(code: "CHF"))
        #expect(throws: MoneyError.differentCurrencies) {
            try Money(minorUnits: 1).adding(Money(minorUnits: 1, currency: francs))
        }
        #expect(Currency(code: "eur") == nil && Currency(code: "EURO") == nil && Currency(code: "ÄUR") == nil)
    }

    @Test func `every amount survives being written and read`() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SplitMix(state: seed)
        for _ in 0..<2_000 {
            let money = Money(minorUnits: Int64.random(in: .min ... .max, using: &random))
            #expect(try Money(digits: money.digits) == money, "seed \(seed)")
        }
    }
}
