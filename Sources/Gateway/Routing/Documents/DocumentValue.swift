/// A value of a configuration document with the line it stands on: what a YAML or JSON parser found, before it means
/// anything.
public struct DocumentValue: Sendable, Equatable {
    public enum Content: Sendable, Equatable {
        case null
        case bool(Bool)
        case integer(Int)
        /// A number that is no integer of 64 bits, as it was written.
        case number(String)
        case string(String)
        case sequence([DocumentValue])
        /// In the order of the document.
        case mapping([Field])

        /// How an error message names this kind of value.
        var kind: String {
            switch self {
            case .null: "nothing"
            case .bool: "a boolean"
            case .integer: "an integer"
            case .number: "a number"
            case .string: "a string"
            case .sequence: "a list"
            case .mapping: "a mapping"
            }
        }
    }

    public struct Field: Sendable, Equatable {
        public var name: String
        public var line: Int
        public var value: DocumentValue

        public init(name: String, line: Int, value: DocumentValue) {
            self.name = name
            self.line = line
            self.value = value
        }
    }

    public var content: Content
    /// Counted from 1; 0 when unknown.
    public var line: Int

    public init(_ content: Content, line: Int = 0) {
        self.content = content
        self.line = line
    }

    /// The value of a field of a mapping; nil for anything else.
    func field(_ name: String) -> DocumentValue? {
        guard case .mapping(let fields) = content else { return nil }
        return fields.first { $0.name == name }?.value
    }

    /// Whether both say the same, wherever they stand.
    func isSame(as other: DocumentValue) -> Bool {
        switch (content, other.content) {
        case (.sequence(let left), .sequence(let right)):
            left.count == right.count && zip(left, right).allSatisfy { $0.isSame(as: $1) }
        case (.mapping(let left), .mapping(let right)):
            left.count == right.count
                && left.allSatisfy { field in other.field(field.name)?.isSame(as: field.value) ?? false }
        default: content == other.content
        }
    }

    /// The text of a string; nil for anything else.
    var text: String? {
        if case .string(let text) = content { text } else { nil }
    }
}

/// One document of a file.
public struct SourceDocument: Sendable {
    public var file: String
    /// Its place among the documents of the file, from 1.
    public var number: Int
    public var value: DocumentValue

    public init(file: String, number: Int, value: DocumentValue) {
        self.file = file
        self.number = number
        self.value = value
    }
}
