/// The Prometheus text exposition format, version 0.0.4, being written.
struct ExpositionText {
    private var bytes: [UInt8] = []

    var text: String { String(decoding: bytes, as: UTF8.self) }

    mutating func header(_ name: String, _ kind: MetricKind, help: String?) {
        if let help, !help.isEmpty {
            append("# HELP \(name) ")
            for byte in help.utf8 {
                switch byte {
                case UInt8(ascii: "\\"): append(#"\\"#)
                case UInt8(ascii: "\n"): append(#"\n"#)
                default: bytes.append(byte)
                }
            }
            append("\n")
        }
        append("# TYPE \(name) \(kind.rawValue)\n")
    }

    mutating func sample(_ name: String, _ labels: LabelSet, _ value: UInt64) {
        series(name, labels.text)
        append("\(value)\n")
    }

    mutating func sample(_ name: String, _ labels: LabelSet, _ value: Double) {
        series(name, labels.text)
        append(Self.number(value))
        append("\n")
    }

    mutating func bucket(_ name: String, _ labels: LabelSet, upTo bound: Double, _ count: UInt64) {
        let separator = labels.text.isEmpty ? "" : ","
        series(name + "_bucket", "\(labels.text)\(separator)le=\"\(Self.number(bound))\"")
        append("\(count)\n")
    }

    private mutating func series(_ name: String, _ labels: String) {
        append(name)
        if !labels.isEmpty {
            append("{\(labels)}")
        }
        append(" ")
    }

    private mutating func append(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    /// A number as Go's `ParseFloat` reads it: whole numbers without a fraction, and the format's names for the rest.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        if value.magnitude < 1e15, value == value.rounded(.towardZero) { return "\(Int64(value))" }
        return "\(value)"
    }
}

/// The `TYPE` of a metric.
enum MetricKind: String {
    case counter, gauge, histogram
}
