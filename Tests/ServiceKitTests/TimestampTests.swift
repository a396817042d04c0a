import Foundation
import ServiceKit
import Testing

@Suite struct TimestampTests {
    @Test(arguments: [
        (Int64(0), "1970-01-01T00:00:00.000Z"), (1, "1970-01-01T00:00:00.001Z"), (-1, "1969-12-31T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"), (1_795_244_771_042, "2026-11-21T07:06:11.042Z"),
        (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"), (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (4_107_542_399_999, "2100-02-28T23:59:59.999Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
    ])
    func `writes and reads known instants`(milliseconds: Int64, text: String) {
        #expect(Timestamp(millisecondsSince1970: milliseconds).description == text)
        #expect(Timestamp(text)?.millisecondsSince1970 == milliseconds)
    }

    @Test func `agrees with Foundation on random instants since the Gregorian calendar began`() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SplitMix(state: seed)
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        for _ in 0..<2_000 {
            let seconds = Int64.random(in: -12_000_000_000...250_000_000_000, using: &random)
            let instant = Timestamp(millisecondsSince1970: seconds * 1_000 + 250)
            #expect(instant.description == instant.date.formatted(style), "seed \(seed)")
            #expect(Timestamp(instant.description) == instant, "seed \(seed)")
        }
    }

    @Test func `survives the way through a date`() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SplitMix(state: seed)
        // 2000 to 2100, and all years.
        for range in [Int64(946_684_800_000)...4_102_444_800_000, -62_135_596_800_000...253_402_300_799_999] {
            for _ in 0..<2_000 {
                let instant = Timestamp(millisecondsSince1970: Int64.random(in: range, using: &random))
                #expect(Timestamp(instant.date) == instant, "seed \(seed)")
            }
        }
    }

    /// Postgres gives microseconds, which become a date like this; the last of a millisecond is not the next one yet.
    @Test func `rounds down whole microseconds of our time`() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SplitMix(state: seed)
        for _ in 0..<2_000 {
            let milliseconds = Int64.random(in: 946_684_800_000...2_145_916_800_000, using: &random)
            let (seconds, rest) = milliseconds.quotientAndRemainder(dividingBy: 1_000)
            for microseconds in [0, 1, 998, 999] {
                let fraction = Double(rest * 1_000 + Int64(microseconds)) / 1_000_000
                let date = Date(timeIntervalSinceReferenceDate: Double(seconds - 978_307_200) + fraction)
                #expect(Timestamp(date).millisecondsSince1970 == milliseconds, "seed \(seed)")
            }
        }
    }

    @Test(arguments: [
        ("2026-01-31T12:00:00Z", Int64(1_769_860_800_000)), ("2026-01-31T14:00:00+02:00", 1_769_860_800_000),
        ("2026-01-31T06:30:00.5-05:30", 1_769_860_800_500), ("2026-01-31T12:00:00.1239999Z", 1_769_860_800_123),
    ])
    func `reads offsets and any number of decimals`(text: String, milliseconds: Int64) {
        #expect(Timestamp(text)?.millisecondsSince1970 == milliseconds)
    }

    @Test(arguments: [
        "", "2026-01-31", "2026-01-31T12:00:00", "2026-02-30T00:00:00Z", "2025-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+2:00", "2026-01-01t00:00:00Z",
        "2026-01-01T00:00:00Zx", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00",
    ])
    func `refuses what is not an instant`(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test func `rounds dates down and clamps the unrepresentable`() {
        #expect(Timestamp(Date(timeIntervalSince1970: -0.0005)).millisecondsSince1970 == -1)
        #expect(Timestamp(Date.distantFuture.addingTimeInterval(1e15)).description == "9999-12-31T23:59:59.999Z")
        #expect(Timestamp(Date(timeIntervalSince1970: -.infinity)).description == "0001-01-01T00:00:00.000Z")
    }
}
