/// A value that an answer can carry.
public protocol Representable: Sendable {
    /// The properties; they are the schema and the writer of the value.
    static var representation: Representation<Self> { get }
}

/// One property of an answer: its name, its shape and where it comes from.
public struct Property<Owner>: Sendable {
    let name: String
    let schema: Schema
    let write: @Sendable (Owner, inout JSONWriter) -> Void

    public init<Value>(
        _ name: String, _ shape: Shape<Value>, _ summary: String, _ value: @escaping @Sendable (Owner) -> Value
    ) {
        let escapedName = JSONWriter.escaped(name: name)
        self.name = name
        schema = shape.schema.described(summary)
        write = { owner, writer in
            writer.name(escaped: escapedName)
            shape.write(value(owner), &writer)
        }
    }
}

/// How a resource looks in answers.
public struct Representation<Body>: Sendable {
    /// The object's schema, named for the OpenAPI document. More properties may appear in later versions.
    public let schema: Schema
    private let properties: [Property<Body>]

    public init(_ name: String, _ summary: String, _ properties: [Property<Body>]) {
        self.properties = properties
        schema = .object(
            named: name, summary: summary, properties: properties.map { ($0.name, $0.schema, true) },
            allowsOthers: true)
    }

    func write(_ value: Body, to writer: inout JSONWriter) {
        writer.object { writer in
            for property in properties { property.write(value, &writer) }
        }
    }
}

extension Shape where Value: Representable {
    /// An object inside of an answer.
    public static var representation: Shape {
        Shape(
            schema: Value.representation.schema,
            read: { _ throws(FieldErrors) in throw FieldErrors("is read-only") },
            write: { Value.representation.write($0, to: &$1) })
    }
}
