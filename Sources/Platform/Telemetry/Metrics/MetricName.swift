/// Names and labels as Prometheus' data model allows them.
enum MetricName {
    /// `text` with every character outside `[a-zA-Z0-9_:]` replaced by `_`, and not beginning with a digit.
    static func metric(_ text: String) -> String {
        sanitized(text) { $0 == UInt8(ascii: ":") }
    }

    /// `text` ending in `suffix`, which is added when it is missing.
    static func metric(_ text: String, suffix: String) -> String {
        let name = metric(text)
        return name.hasSuffix(suffix) ? name : name + suffix
    }

    /// A label's name. Names beginning with `__` are Prometheus' own, and so is `le` of a histogram: those get a prefix.
    static func label(_ text: String) -> String {
        let name = sanitized(text) { _ in false }
        return name.hasPrefix("__") || name == "le" ? "label_" + name : name
    }

    private static func sanitized(_ text: String, alsoAllowing isAllowed: (UInt8) -> Bool) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                if bytes.isEmpty { bytes.append(UInt8(ascii: "_")) }
                bytes.append(byte)
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
                bytes.append(byte)
            default:
                bytes.append(isAllowed(byte) ? byte : UInt8(ascii: "_"))
            }
        }
        return bytes.isEmpty ? "_" : String(decoding: bytes, as: UTF8.self)
    }
}

/// The labels of one series, as they stand between braces: names sorted, values escaped and quoted, joined by commas.
struct LabelSet: Hashable {
    /// Longer label values are cut.
    static let maximumValueScalars = 200

    let text: String

    static let overflow = LabelSet([("overflow", "true")])

    /// Of labels with the same name the last one counts.
    init(_ labels: [(String, String)]) {
        guard !labels.isEmpty else {
            text = ""
            return
        }
        var values: [String: String] = [:]
        for (name, value) in labels {
            values[MetricName.label(name)] = value
        }
        text = values.sorted { $0.key < $1.key }
            .map { name, value in "\(name)=\"\(Self.escaped(value))\"" }
            .joined(separator: ",")
    }

    private static func escaped(_ value: String) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in value.unicodeScalars.prefix(maximumValueScalars) {
            switch scalar {
            case "\\": escaped.append(contentsOf: #"\\"#.unicodeScalars)
            case "\"": escaped.append(contentsOf: #"\""#.unicodeScalars)
            case "\n": escaped.append(contentsOf: #"\n"#.unicodeScalars)
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }
}
