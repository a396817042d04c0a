public import Routing
import Yams

/// Reads YAML (and with it JSON) into documents that remember their lines.
public enum YAMLDocuments {
    /// A file with more values than this is refused: aliases could otherwise make a small file a huge tree.
    public static let valueLimit = 1_000_000

    /// The documents of one file. Empty documents are left out.
    ///
    /// - Parameter file: how diagnostics name the file.
    /// - Throws: one diagnostic with the line of the first thing that is not YAML.
    public static func parse(_ text: String, file: String) throws(Diagnostic) -> [SourceDocument] {
        var documents: [SourceDocument] = []
        var budget = valueLimit
        do {
            let parser = try Parser(yaml: text)
            var number = 0
            while let root = try parser.nextRoot() {
                number += 1
                let value = try convert(root, file: file, budget: &budget)
                if value.content == .null { continue }
                documents.append(SourceDocument(file: file, number: number, value: value))
            }
        } catch let problem as Diagnostic {
            throw problem
        } catch let problem as YamlError {
            throw diagnostic(problem, file: file)
        } catch {
            throw Diagnostic(.error, at: Place(file: file), "cannot be read as YAML: \(error)")
        }
        return documents
    }

    private static func convert(_ node: Node, file: String, budget: inout Int) throws -> DocumentValue {
        let line = node.mark?.line ?? 0
        budget -= 1
        guard budget > 0 else {
            throw Diagnostic(.error, at: Place(file: file, line: line), "the file has more than \(valueLimit) values")
        }
        switch node {
        case .scalar(let scalar):
            return DocumentValue(content(of: node, scalar), line: line)
        case .sequence(let sequence):
            return DocumentValue(
                .sequence(try sequence.map { try convert($0, file: file, budget: &budget) }), line: line)
        case .mapping(let mapping):
            var fields: [DocumentValue.Field] = []
            for (key, value) in mapping {
                let keyLine = key.mark?.line ?? 0
                guard let name = key.scalar?.string else {
                    throw Diagnostic(
                        .error, at: Place(file: file, line: keyLine), "the name of a field must be a string")
                }
                fields.append(
                    DocumentValue.Field(
                        name: name, line: keyLine, value: try convert(value, file: file, budget: &budget)))
            }
            return DocumentValue(.mapping(fields), line: line)
        case .alias:
            throw Diagnostic(.error, at: Place(file: file, line: line), "an alias without its anchor")
        }
    }

    private static func content(of node: Node, _ scalar: Node.Scalar) -> DocumentValue.Content {
        switch Tag.Name(rawValue: node.tag.rawValue) {
        case .null: .null
        case .bool: node.bool.map { .bool($0) } ?? .string(scalar.string)
        case .int: node.int.map { .integer($0) } ?? .number(scalar.string)
        case .float: .number(scalar.string)
        default: .string(scalar.string)
        }
    }

    private static func diagnostic(_ problem: YamlError, file: String) -> Diagnostic {
        switch problem {
        case .scanner(let context, let text, let mark, _), .parser(let context, let text, let mark, _),
            .composer(let context, let text, let mark, _):
            let about = context.map { " (\($0.text))" } ?? ""
            return Diagnostic(.error, at: Place(file: file, line: mark.line), "is not YAML: \(text)\(about)")
        case .duplicatedKeysInMapping(let names, let context):
            return Diagnostic(
                .error, at: Place(file: file, line: context.mark.line),
                "fields of this mapping are written twice: \(names.joined(separator: ", "))")
        default:
            return Diagnostic(.error, at: Place(file: file), "is not YAML: \(problem)")
        }
    }
}
