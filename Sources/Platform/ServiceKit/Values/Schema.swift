/// A JSON Schema (draft 2020-12, as OpenAPI 3.1 uses it) and the named schemas that it refers to.
public struct Schema: Sendable, Hashable {
    /// The schema itself; a named one is a `$ref` into `#/components/schemas`.
    public let json: JSONValue
    /// Every named schema that ``json`` reaches, by name.
    public let components: [String: JSONValue]

    public init(_ json: JSONValue, components: [String: JSONValue] = [:]) {
        self.json = json
        self.components = components
    }

    /// The primitive type that a path or query parameter of this schema is read as.
    var isText: Bool { json["type"]?.string == "string" }

    /// This schema with a description beside it (allowed beside `$ref` since draft 2019-09).
    func described(_ summary: String) -> Schema {
        guard !summary.isEmpty else { return self }
        return Schema(json.adding([.init("description", .string(summary))]), components: components)
    }

    /// This schema with its default.
    func withDefault(_ value: JSONValue) -> Schema {
        Schema(json.adding([.init("default", value)]), components: components)
    }

    /// A named object with exactly these properties.
    static func object(
        named name: String, summary: String, properties: [(name: String, schema: Schema, isRequired: Bool)],
        allowsOthers: Bool
    ) -> Schema {
        var members: [JSONValue.Member] = [.init("type", "object")]
        if !summary.isEmpty { members.append(.init("description", .string(summary))) }
        members.append(.init("properties", .object(properties.map { .init($0.name, $0.schema.json) })))
        let required = properties.filter(\.isRequired).map { JSONValue.string($0.name) }
        if !required.isEmpty { members.append(.init("required", .array(required))) }
        if !allowsOthers { members.append(.init("additionalProperties", false)) }
        var components = properties.reduce(into: [:]) { $0.merge($1.schema.components) { first, _ in first } }
        components[name] = .object(members)
        return Schema(["$ref": .string("#/components/schemas/\(name)")], components: components)
    }

    /// An array with this many elements.
    static func array(of element: Schema, count: ClosedRange<Int>?) -> Schema {
        var members: [JSONValue.Member] = [.init("type", "array"), .init("items", element.json)]
        if let count {
            members.append(.init("minItems", .number(String(count.lowerBound))))
            members.append(.init("maxItems", .number(String(count.upperBound))))
        }
        return Schema(.object(members), components: element.components)
    }

    /// This schema or `null`.
    var nullable: Schema {
        if let type = json["type"]?.string, case .object(let members) = json {
            let widened = members.map { member in
                member.name == "type" ? JSONValue.Member("type", [.string(type), "null"]) : member
            }
            return Schema(.object(widened), components: components)
        }
        return Schema(["anyOf": [json, ["type": "null"]]], components: components)
    }
}

extension JSONValue {
    /// This object with more members at its end; every other kind is returned as it is.
    func adding(_ more: [Member]) -> JSONValue {
        guard case .object(let members) = self else { return self }
        return .object(members + more)
    }
}
