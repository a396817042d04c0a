import Wire

/// Text made byte by byte, for the log and for problem documents: no formatter, no intermediate string.
extension [UInt8] {
    mutating func append(literal text: StaticString) {
        text.withUTF8Buffer { append(contentsOf: $0) }
    }

    mutating func append(bytes: Span<UInt8>) {
        bytes.withUnsafeBufferPointer { append(contentsOf: $0) }
    }

    mutating func append(decimal number: UInt64) {
        append(reserving: 20) { $0.append(decimal: number) }
    }

    /// Two or three digits with leading zeros.
    mutating func append(padded number: Int, digits: Int) {
        var divisor = digits == 2 ? 10 : digits == 3 ? 100 : 1000
        while divisor > 0 {
            append(UInt8(48 + number / divisor % 10))
            divisor /= 10
        }
    }

    /// A JSON string; see `ByteWriter`.
    mutating func append(jsonString text: Span<UInt8>) {
        append(reserving: 6 * text.count + 2) { $0.append(jsonString: text) }
    }

    mutating func append(jsonString text: [UInt8]) { append(jsonString: text.span) }

    mutating func append(jsonString text: String) {
        var text = text
        text.withUTF8 { append(jsonString: $0.span) }
    }

    /// RFC 3339 in UTC with milliseconds; the civil date by Howard Hinnant's days-from-civil arithmetic.
    mutating func append(timestamp milliseconds: Int64) {
        let days = milliseconds.dividedFloor(by: 86_400_000)
        let time = Int(milliseconds - days * 86_400_000)
        let shifted = days + 719_468
        let era = shifted.dividedFloor(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        append(padded: Int(year), digits: 4)
        append(UInt8(ascii: "-"))
        append(padded: Int(month), digits: 2)
        append(UInt8(ascii: "-"))
        append(padded: Int(dayOfYear - (153 * monthFromMarch + 2) / 5 + 1), digits: 2)
        append(UInt8(ascii: "T"))
        append(padded: time / 3_600_000, digits: 2)
        append(UInt8(ascii: ":"))
        append(padded: time / 60_000 % 60, digits: 2)
        append(UInt8(ascii: ":"))
        append(padded: time / 1000 % 60, digits: 2)
        append(UInt8(ascii: "."))
        append(padded: time % 1000, digits: 3)
        append(UInt8(ascii: "Z"))
    }
}

extension Int64 {
    fileprivate func dividedFloor(by divisor: Int64) -> Int64 {
        self >= 0 ? self / divisor : (self - divisor + 1) / divisor
    }
}

/// xoroshiro128+ (Blackman and Vigna, 2018), seeded from the system: request ids and choices among endpoints, neither of
/// which is a secret.
struct RandomSource: RandomNumberGenerator {
    private var first: UInt64
    private var second: UInt64

    init() {
        var system = SystemRandomNumberGenerator()
        first = system.next() | 1
        second = system.next()
    }

    mutating func next() -> UInt64 {
        let result = first &+ second
        let mixed = first ^ second
        first = (first << 24 | first >> 40) ^ mixed ^ (mixed << 16)
        second = mixed << 37 | mixed >> 27
        return result
    }
}
