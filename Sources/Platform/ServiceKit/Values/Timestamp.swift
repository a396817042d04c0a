public import Foundation

/// An instant in UTC with milliseconds, from year 0001 to 9999, as RFC 3339 writes it.
///
/// Read and written by arithmetic on the proleptic Gregorian calendar: a Foundation formatter per value costs more than
/// the rest of a row. Leap seconds are not represented (as in POSIX time and in Postgres).
public struct Timestamp: Sendable, Hashable, Comparable {
    /// Since 1970-01-01T00:00:00Z; negative before.
    public let millisecondsSince1970: Int64

    /// 0001-01-01T00:00:00.000Z … 9999-12-31T23:59:59.999Z.
    static let representable: ClosedRange<Int64> = -62_135_596_800_000...253_402_300_799_999

    /// Clamps to the representable years.
    public init(millisecondsSince1970: Int64) {
        self.millisecondsSince1970 = min(
            max(millisecondsSince1970, Self.representable.lowerBound), Self.representable.upperBound)
    }

    /// Rounds down to the millisecond; a date outside of the representable years is clamped.
    public init(_ date: Date) {
        // A Double of seconds is off by up to two units in its last place, less than half a microsecond in our time:
        // without this, 12.345 s would be read as 12.344.
        let seconds = date.timeIntervalSince1970
        let milliseconds = (max(seconds + 0.000_000_5, seconds.nextUp.nextUp) * 1_000).rounded(.down)
        self.init(millisecondsSince1970: Int64(exactly: milliseconds) ?? (milliseconds < 0 ? .min : .max))
    }

    public var date: Date { Date(timeIntervalSince1970: Double(millisecondsSince1970) / 1_000) }

    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.millisecondsSince1970 < right.millisecondsSince1970
    }
}

extension Timestamp: CustomStringConvertible {
    public var description: String {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends the 24 bytes of `YYYY-MM-DDTHH:MM:SS.mmmZ`.
    func append(to bytes: inout [UInt8]) {
        let day = Self.floorDivide(millisecondsSince1970, 86_400_000)
        let milliseconds = Int(millisecondsSince1970 - day * 86_400_000)
        let (year, month, dayOfMonth) = Self.civil(fromDay: day)
        func append(_ value: Int, width: Int) {
            var divisor = width == 4 ? 1_000 : width == 3 ? 100 : 10
            while divisor > 0 {
                bytes.append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
                divisor /= 10
            }
        }
        append(year, width: 4)
        bytes.append(UInt8(ascii: "-"))
        append(month, width: 2)
        bytes.append(UInt8(ascii: "-"))
        append(dayOfMonth, width: 2)
        bytes.append(UInt8(ascii: "T"))
        append(milliseconds / 3_600_000, width: 2)
        bytes.append(UInt8(ascii: ":"))
        append(milliseconds / 60_000 % 60, width: 2)
        bytes.append(UInt8(ascii: ":"))
        append(milliseconds / 1_000 % 60, width: 2)
        bytes.append(UInt8(ascii: "."))
        append(milliseconds % 1_000, width: 3)
        bytes.append(UInt8(ascii: "Z"))
    }

    /// Reads RFC 3339 with `T` and `Z` or a numeric offset; digits after the millisecond are cut off.
    ///
    /// - Returns: nil when the text is not a valid instant (month 13, 30 February, second 60, missing offset).
    public init?(_ text: String) {
        var scanner = Scanner(Array(text.utf8))
        guard let year = scanner.digits(4), scanner.skip("-"), let month = scanner.digits(2), scanner.skip("-"),
            let day = scanner.digits(2), scanner.skip("T"), let hour = scanner.digits(2), scanner.skip(":"),
            let minute = scanner.digits(2), scanner.skip(":"), let second = scanner.digits(2),
            let fraction = scanner.fraction(), let offset = scanner.offset(), scanner.isAtEnd,
            year >= 1, 1...12 ~= month, 1...Self.days(in: month, of: year) ~= day, hour < 24, minute < 60, second < 60
        else { return nil }
        let days = Self.day(year: year, month: month, day: day)
        let seconds = Int64(hour * 3_600 + minute * 60 + second) - Int64(offset * 60)
        let milliseconds = days * 86_400_000 + seconds * 1_000 + Int64(fraction)
        guard Self.representable ~= milliseconds else { return nil }
        self.init(millisecondsSince1970: milliseconds)
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        value >= 0 ? value / divisor : -((-value + divisor - 1) / divisor)
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970-01-01, counting years from March so that the leap day is the last of its year.
    private static func day(year: Int, month: Int, day: Int) -> Int64 {
        let shifted = Int64(month <= 2 ? year - 1 : year)
        let era = floorDivide(shifted, 400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = Int64((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1)
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// The inverse of ``day(year:month:day:)``.
    private static func civil(fromDay day: Int64) -> (year: Int, month: Int, day: Int) {
        let shifted = day + 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = Int((5 * dayOfYear + 2) / 153)
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
        return (year, month, Int(dayOfYear) - (153 * shiftedMonth + 2) / 5 + 1)
    }
}

extension Timestamp {
    /// Reads the pieces of an RFC 3339 text.
    private struct Scanner {
        private let bytes: [UInt8]
        private var position = 0

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        var isAtEnd: Bool { position == bytes.count }

        mutating func digits(_ count: Int) -> Int? {
            guard position + count <= bytes.count else { return nil }
            var value = 0
            for byte in bytes[position..<position + count] {
                guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte else { return nil }
                value = value * 10 + Int(byte - UInt8(ascii: "0"))
            }
            position += count
            return value
        }

        mutating func skip(_ scalar: Unicode.Scalar) -> Bool {
            guard position < bytes.count, bytes[position] == UInt8(ascii: scalar) else { return false }
            position += 1
            return true
        }

        /// Milliseconds; 0 without a fraction, nil for a point without a digit.
        mutating func fraction() -> Int? {
            guard skip(".") else { return 0 }
            var milliseconds = 0
            var count = 0
            while let digit = digits(1) {
                if count < 3 { milliseconds = milliseconds * 10 + digit }
                count += 1
            }
            guard count > 0 else { return nil }
            while count < 3 {
                milliseconds *= 10
                count += 1
            }
            return milliseconds
        }

        /// Minutes east of UTC.
        mutating func offset() -> Int? {
            if skip("Z") { return 0 }
            let sign = skip("+") ? 1 : skip("-") ? -1 : 0
            guard sign != 0, let hours = digits(2), skip(":"), let minutes = digits(2), hours < 24, minutes < 60 else {
                return nil
            }
            return sign * (hours * 60 + minutes)
        }
    }
}
