import Wire

/// The time of a log line, made anew once a second.
struct LogClock {
    private var second = Int64.min
    /// "2026-11-21T11:37:32.": what the lines of one second have in common.
    private var text: [UInt8] = []

    /// Writes `milliseconds` since 1970 in the form of RFC 3339, in UTC: 24 bytes.
    mutating func write(_ milliseconds: Int64, into line: inout ByteWriter) {
        let now = milliseconds >= 0 ? milliseconds / 1000 : (milliseconds - 999) / 1000
        if now != second {
            second = now
            text.removeAll(keepingCapacity: true)
            text.append(timestamp: now * 1000)
            text.removeLast(4)
        }
        line.append(bytes: text.span)
        let rest = UInt16(truncatingIfNeeded: milliseconds - now * 1000)
        line.append(48 + UInt8(truncatingIfNeeded: rest / 100))
        line.append(48 + UInt8(truncatingIfNeeded: rest / 10 % 10))
        line.append(48 + UInt8(truncatingIfNeeded: rest % 10))
        line.append(UInt8(ascii: "Z"))
    }
}
