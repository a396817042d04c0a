/// One parameter of a form, for the document.
public struct FormParameter: Sendable {
    let name: String
    let summary: String
    let isRequired: Bool

    public init(_ name: String, _ summary: String, isRequired: Bool = false) {
        self.name = name
        self.summary = summary
        self.isRequired = isRequired
    }
}

/// The body of a request in `application/x-www-form-urlencoded`, as RFC 6749 appendix B has it.
///
/// As RFC 6749 §3.2 wants it: a parameter without a value is as if it were absent, none may be repeated, and unknown ones
/// are passed over.
public struct FormParameters: Sendable {
    private let values: [String: String]

    /// - Returns: nil when the bytes are not a form in UTF-8, repeat a parameter, or have more of them than a query may.
    init?(_ bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self), let form = QueryString(text) else { return nil }
        var values: [String: String] = [:]
        for item in form.items {
            guard values.updateValue(item.value, forKey: item.name) == nil else { return nil }
        }
        self.values = values
    }

    /// The value of a parameter; nil when it is absent or empty.
    public subscript(name: String) -> String? {
        guard let value = values[name], !value.isEmpty else { return nil }
        return value
    }

    static func schema(of parameters: [FormParameter]) -> Schema {
        let properties = parameters.map { parameter in
            JSONValue.Member(
                parameter.name, ["type": "string", "description": .string(parameter.summary)])
        }
        var members: [JSONValue.Member] = [.init("type", "object"), .init("properties", .object(properties))]
        let required = parameters.filter(\.isRequired).map { JSONValue.string($0.name) }
        if !required.isEmpty { members.append(.init("required", .array(required))) }
        return Schema(.object(members))
    }
}
