import Foundation
import Testing

@testable import Postgres

struct NumericTests {
    /// The digits of a decimal notation, encoded and read again.
    private func roundTrip(_ text: String) throws -> Numeric {
        let numeric = try #require(Numeric(plain: text))
        var buffer = PostgresBuffer()
        numeric.encode(into: &buffer)
        return try Numeric(buffer.bytes.span.bytes)
    }

    @Test func `random decimals survive`() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SplitMix(state: seed)
        for _ in 0..<5_000 {
            let digits = (0..<Int.random(in: 1...38, using: &random)).map { _ in Int.random(in: 0...9, using: &random) }
            var text = digits.map(String.init).joined()
            let point = Int.random(in: 0...text.count, using: &random)
            if point > 0, point < text.count { text.insert(".", at: text.index(text.startIndex, offsetBy: point)) }
            if Bool.random(using: &random) { text = "-" + text }
            let numeric = try roundTrip(text)
            let decimal = Decimal(string: text)
            var buffer = PostgresBuffer()
            numeric.encode(into: &buffer)
            #expect(try Decimal.decode(buffer.bytes.span.bytes, type: .numeric) == decimal, "seed \(seed), \(text)")
        }
    }

    @Test func `reads its binary format only if it is whole`() throws {
        var buffer = PostgresBuffer()
        try #require(Numeric(plain: "12345.678")).encode(into: &buffer)
        for length in 0..<buffer.bytes.count {
            let cut = Array(buffer.bytes.prefix(length))
            #expect(throws: PostgresError.self) { try Numeric(cut.span.bytes) }
        }
    }

    @Test(arguments: ["", "-", "1e5", "0x1", "1.2.3", "NaN", " 1", "1 ", "100000000000000000000000000000000000001"])
    func `refuses what is no plain decimal of at most 38 digits`(text: String) {
        #expect(Numeric(plain: text) == nil)
    }

    @Test func `knows integers from fractions`() throws {
        #expect(try roundTrip("9223372036854775807").integer == .max)
        #expect(try roundTrip("-9223372036854775808").integer == .min)
        #expect(try roundTrip("9223372036854775808").integer == nil)
        #expect(try roundTrip("1.5").integer == nil)
        #expect(try roundTrip("1.00").integer == 1)
        #expect(try roundTrip("0").integer == 0)
        #expect(try roundTrip("1000000").integer == 1_000_000)
    }
}
