import Foundation
import Routing

/// The documents in use as JSON, for `/config`: with everything but the values of Secrets.
enum RedactedDocuments {
    static func json(_ documents: [SourceDocument]) throws -> String {
        let items = documents.map { document -> [String: Any] in
            ["file": document.file, "line": document.value.line, "document": redacted(document.value)]
        }
        let options: JSONSerialization.WritingOptions = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let data = try JSONSerialization.data(withJSONObject: ["documents": items], options: options)
        return String(decoding: data, as: UTF8.self) + "\n"
    }

    private static func redacted(_ document: DocumentValue) -> Any {
        guard case .mapping(let fields) = document.content else { return plain(document) }
        let kind = fields.first { $0.name == "kind" }?.value.content
        var object: [String: Any] = [:]
        for field in fields {
            switch kind {
            case .string("Secret") where !["apiVersion", "kind", "type"].contains(field.name):
                object[field.name] = field.name == "metadata" ? names(field.value) : hidden(field.value)
            // Not a kind that is read, but what the API server answers to a list of Secrets.
            case .string("SecretList") where !["apiVersion", "kind"].contains(field.name):
                object[field.name] = hidden(field.value)
            case .string("List") where field.name == "items":
                guard case .sequence(let items) = field.value.content else { continue }
                object[field.name] = items.map { redacted($0) }
            default: object[field.name] = plain(field.value)
            }
        }
        return object
    }

    /// Of a Secret's metadata only what it is called: kubectl keeps whole copies in annotations.
    private static func names(_ metadata: DocumentValue) -> Any {
        guard case .mapping(let fields) = metadata.content else { return hidden(metadata) }
        var object: [String: Any] = [:]
        for field in fields where ["name", "namespace"].contains(field.name) { object[field.name] = plain(field.value) }
        return object
    }

    private static func hidden(_ value: DocumentValue) -> Any {
        guard case .mapping(let fields) = value.content else { return "redacted" }
        return Dictionary(fields.map { ($0.name, "redacted") }) { first, _ in first }
    }

    private static func plain(_ value: DocumentValue) -> Any {
        switch value.content {
        case .null: NSNull()
        case .bool(let flag): flag
        case .integer(let number): number
        case .number(let text), .string(let text): text
        case .sequence(let values): values.map { plain($0) }
        case .mapping(let fields): Dictionary(fields.map { ($0.name, plain($0.value)) }) { first, _ in first }
        }
    }
}
