/// Writes metrics as Prometheus text (exposition format 0.0.4); every name begins with `gatehouse_`.
struct MetricsPage {
    private(set) var text = ""

    /// Begins a family. Its samples follow, before those of any other.
    mutating func family(_ name: String, _ type: String, _ help: String) {
        text += "# HELP gatehouse_\(name) \(help)\n# TYPE gatehouse_\(name) \(type)\n"
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], _ number: UInt64) {
        sample(name, labels, "\(number)")
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], _ number: String) {
        text += "gatehouse_\(name)"
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",") + "}"
        }
        text += " \(number)\n"
    }

    mutating func counter(_ name: String, _ help: String, _ number: UInt64) {
        family("\(name)_total", "counter", help)
        sample("\(name)_total", [], number)
    }

    mutating func gauge(_ name: String, _ help: String, _ number: UInt64) {
        family(name, "gauge", help)
        sample(name, [], number)
    }

    /// - Parameters:
    ///   - bounds: microseconds; one less than `counts`.
    ///   - counts: of each bucket alone.
    mutating func histogram(
        _ name: String, _ labels: [(String, String)], bounds: [UInt64], counts: [UInt64], sumMicroseconds: UInt64
    ) {
        let own = labels.map { "\($0)=\"\(Self.escaped($1))\"," }.joined()
        var total: UInt64 = 0
        for (index, count) in counts.enumerated() {
            total += count
            let bound = index < bounds.count ? Self.seconds(bounds[index]) : "+Inf"
            text += "gatehouse_\(name)_bucket{\(own)le=\"\(bound)\"} \(total)\n"
        }
        let braces = own.isEmpty ? "" : "{\(own.dropLast())}"
        text += "gatehouse_\(name)_sum\(braces) \(Self.seconds(sumMicroseconds))\n"
        text += "gatehouse_\(name)_count\(braces) \(total)\n"
    }

    /// Microseconds as seconds, exactly.
    static func seconds(_ microseconds: UInt64) -> String {
        let rest = microseconds % 1_000_000
        if rest == 0 { return "\(microseconds / 1_000_000)" }
        let digits = String(1_000_000 + rest).dropFirst()
        let trimmed = String(digits.reversed().drop { $0 == "0" }.reversed())
        return "\(microseconds / 1_000_000).\(trimmed)"
    }

    private static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
