public import FoundationEssentials

/// A date travels as `timestamptz`: microseconds since 2000-01-01T00:00:00Z.
///
/// The server keeps whole microseconds: a date is rounded to the nearest when sent. `Date` itself (a `Double` of
/// seconds) tells microseconds apart until about the year 2286.
extension Date: PostgresBindable, PostgresDecodable, PostgresArrayElement {
    public static var postgresType: PostgresType { .timestamptz }

    /// 2000-01-01 to `Date`'s reference, 2001-01-01: the 366 days of a leap year.
    private static let epochToReference = 31_622_400.0
    /// The server's own bounds (ch. 8.5): 4713 BC and 294276 AD, in microseconds of its epoch.
    private static let microsecondRange: Range<Int64> = -211_813_488_000_000_000..<9_223_371_331_200_000_000

    /// - Throws: `bindFailure` for a date that is not finite or beyond what `timestamptz` holds.
    public func encode(into buffer: inout PostgresBuffer) throws(PostgresError) {
        let seconds = timeIntervalSinceReferenceDate
        let whole = seconds.rounded(.down)
        let fraction = ((seconds - whole) * 1_000_000).rounded()
        guard let base = Int64(exactly: whole + Self.epochToReference) else {
            throw PostgresError(.bindFailure, "a date must be finite and within 4713 BC to 294276 AD")
        }
        let (scaled, overflow) = base.multipliedReportingOverflow(by: 1_000_000)
        guard !overflow, Self.microsecondRange.contains(scaled) else {
            throw PostgresError(.bindFailure, "a date must be finite and within 4713 BC to 294276 AD")
        }
        buffer.append(scaled + Int64(fraction))
    }

    /// - Throws: `decodingFailure` for `infinity` and `-infinity`, which are no dates.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Date {
        guard type == .timestamptz, bytes.byteCount == 8 else { throw mismatch(type) }
        let microseconds = bytes.integer(as: Int64.self)
        guard microseconds != .max, microseconds != .min else { throw unreadable(type, "it is infinite") }
        let (seconds, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        return Date(
            timeIntervalSinceReferenceDate: Double(seconds) - epochToReference + Double(rest) / 1_000_000)
    }
}
