import Foundation

/// A value as its JSON has it, as lines of path and text: for comparing what has many fields, and gets more.
enum FlatValue {
    static func lines(_ value: some Encodable) -> [String: String] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        // What is compared are our own summaries, which JSON has a form for.
        guard let data = try? encoder.encode(value), let object = try? JSONSerialization.jsonObject(with: data) else {
            return [:]
        }
        var lines: [String: String] = [:]
        collect(object, "", &lines)
        return lines
    }

    private static func collect(_ value: Any, _ path: String, _ lines: inout [String: String]) {
        switch value {
        case let object as [String: Any]:
            for (name, value) in object { collect(value, path.isEmpty ? name : "\(path).\(name)", &lines) }
        case let list as [Any]:
            let texts = list.compactMap { $0 as? String }
            if texts.count == list.count {
                lines[path] = texts.joined(separator: ", ")
            } else {
                for (index, value) in list.enumerated() { collect(value, "\(path)[\(index)]", &lines) }
            }
        default: lines[path] = "\(value)"
        }
    }
}
