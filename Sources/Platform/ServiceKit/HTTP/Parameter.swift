/// A variable segment of an endpoint's path, `{name}` in its template. A segment that is not a value of the shape names
/// no resource: 404.
public struct PathParameter<Value: Sendable>: Sendable {
    public let name: String
    let schema: Schema
    private let shape: Shape<Value>

    public init(_ name: String, _ shape: Shape<Value>, _ summary: String) {
        self.name = name
        self.shape = shape
        schema = shape.schema.described(summary)
    }
}

/// A value in the query of an endpoint. One that is not a value of the shape is refused (422), as is a name that the
/// endpoint does not know, so that a typo never passes silently.
public struct QueryParameter<Value: Sendable>: Sendable {
    public let name: String
    let schema: Schema
    let isRequired: Bool
    private let read: @Sendable ([String]) throws(FieldErrors) -> Value

    /// A parameter that must be there once.
    public static func required(_ name: String, _ shape: Shape<Value>, _ summary: String) -> QueryParameter {
        QueryParameter(name: name, schema: shape.schema.described(summary), isRequired: true) {
            values throws(FieldErrors) in
            guard let value = try Self.single(values) else { throw FieldErrors("is required") }
            return try shape.read(parameter: value)
        }
    }

    /// A parameter that may be absent and then has this value.
    public static func defaulted(
        _ name: String, _ shape: Shape<Value>, _ summary: String, _ value: Value
    ) -> QueryParameter {
        let schema = shape.schema.described(summary).withDefault(shape.json(value))
        return QueryParameter(name: name, schema: schema, isRequired: false) { values throws(FieldErrors) in
            guard let text = try Self.single(values) else { return value }
            return try shape.read(parameter: text)
        }
    }

    /// A parameter that may be absent and then is nil.
    public static func optional<Wrapped>(
        _ name: String, _ shape: Shape<Wrapped>, _ summary: String
    ) -> QueryParameter where Value == Wrapped? {
        QueryParameter(name: name, schema: shape.schema.described(summary), isRequired: false) {
            values throws(FieldErrors) in
            guard let text = try Self.single(values) else { return nil }
            return try shape.read(parameter: text)
        }
    }

    /// A parameter that may be repeated (`?id=1&id=2`), at most `maximumCount` times; nil when absent.
    public static func repeated<Element>(
        _ name: String, _ shape: Shape<Element>, maximumCount: Int, _ summary: String
    ) -> QueryParameter where Value == [Element]? {
        let schema = Schema.array(of: shape.schema, count: 1...maximumCount).described(summary)
        return QueryParameter(name: name, schema: schema, isRequired: false) { values throws(FieldErrors) in
            guard !values.isEmpty else { return nil }
            guard values.count <= maximumCount else { throw FieldErrors("may be given at most \(maximumCount) times") }
            var elements: [Element] = []
            for value in values { elements.append(try shape.read(parameter: value)) }
            return elements
        }
    }

    private static func single(_ values: [String]) throws(FieldErrors) -> String? {
        guard values.count <= 1 else { throw FieldErrors("may be given only once") }
        return values.first
    }
}

/// A parameter of any kind and type.
public protocol AnyParameter: Sendable {
    var name: String { get }
    var location: ParameterLocation { get }
    /// Its schema, and whether it must be there.
    var document: (schema: Schema, isRequired: Bool) { get }
    /// Reads the parameter from its texts, in their order.
    func readAny(_ texts: [String]) throws(FieldErrors) -> any Sendable
}

/// Where a parameter stands, in the words of OpenAPI.
public enum ParameterLocation: String, Sendable {
    case path
    case query
}

extension PathParameter: AnyParameter {
    public var location: ParameterLocation { .path }
    public var document: (schema: Schema, isRequired: Bool) { (schema, true) }

    public func readAny(_ texts: [String]) throws(FieldErrors) -> any Sendable {
        guard let text = texts.first else { throw FieldErrors("is required") }
        return try shape.read(parameter: text)
    }
}

extension QueryParameter: AnyParameter {
    public var location: ParameterLocation { .query }
    public var document: (schema: Schema, isRequired: Bool) { (schema, isRequired) }
    public func readAny(_ texts: [String]) throws(FieldErrors) -> any Sendable { try read(texts) }
}
