import Foundation

/// The logs of the parts, as they are on disk.
struct LogFiles: Sendable {
    let folder: String

    /// The last lines of what a part has written.
    func end(of part: String, lines count: Int = 40) -> String {
        ["out", "err"].map { suffix in
            let lines = lines(of: "\(part).\(suffix)").suffix(count)
            return lines.isEmpty ? "" : "--- \(part).\(suffix)\n\(lines.joined(separator: "\n"))"
        }.joined(separator: "\n")
    }

    /// The whole lines of a file; none when it is not there.
    func lines(of file: String) -> [String] {
        guard let data = FileManager.default.contents(atPath: "\(folder)/\(file)") else { return [] }
        let text = String(decoding: data, as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        return lines.map(String.init)
    }

    /// The lines of a JSON log.
    func records(of file: String) -> [JSON] {
        // A line that is not JSON is a line of another kind: a crash report, for example.
        lines(of: file).compactMap { try? JSON(text: $0) }
    }
}
