/// What a request body must look like, and how it becomes a value.
public protocol RequestForm: Sendable {
    /// The fields; they are the schema of the body and the reader of it.
    static var form: Form<Self> { get }

    /// Takes the values of fields that were already checked one by one; rules between fields are checked here.
    ///
    /// - Throws: ``FieldErrors``, answered as 422.
    init(_ values: FormValues) throws(FieldErrors)
}

/// One field of a request body.
public struct Field<Value: Sendable>: Sendable {
    public let name: String
    let schema: Schema
    let isRequired: Bool
    /// Reads the member's value, or nil when the member is absent.
    let read: @Sendable (JSONValue?) throws(FieldErrors) -> Value

    /// A field that must be there.
    public static func required(_ name: String, _ shape: Shape<Value>, _ summary: String) -> Field {
        Field(name: name, schema: shape.schema.described(summary), isRequired: true) { json throws(FieldErrors) in
            guard let json else { throw FieldErrors("is required") }
            return try shape.read(json)
        }
    }

    /// A field that may be absent and then has this value.
    public static func defaulted(
        _ name: String, _ shape: Shape<Value>, _ summary: String, _ value: Value
    ) -> Field {
        let schema = shape.schema.described(summary).withDefault(shape.json(value))
        return Field(name: name, schema: schema, isRequired: false) { json throws(FieldErrors) in
            guard let json else { return value }
            return try shape.read(json)
        }
    }

    /// A field that may be absent, which is then nil; `null` is not absent and is refused.
    public static func optional<Wrapped>(
        _ name: String, _ shape: Shape<Wrapped>, _ summary: String
    ) -> Field where Value == Wrapped? {
        Field(name: name, schema: shape.schema.described(summary), isRequired: false) { json throws(FieldErrors) in
            guard let json else { return nil }
            return try shape.read(json)
        }
    }
}

/// A ``Field`` of any type.
public protocol AnyField: Sendable {
    var name: String { get }
    var property: (name: String, schema: Schema, isRequired: Bool) { get }
    func readAny(_ json: JSONValue?) throws(FieldErrors) -> any Sendable
}

extension Field: AnyField {
    public var property: (name: String, schema: Schema, isRequired: Bool) { (name, schema, isRequired) }
    public func readAny(_ json: JSONValue?) throws(FieldErrors) -> any Sendable { try read(json) }
}

/// The fields of one kind of request body.
public struct Form<Body: RequestForm>: Sendable {
    let fields: [any AnyField]
    /// The object's schema, named for the OpenAPI document.
    public let schema: Schema

    public init(_ name: String, _ summary: String, _ fields: [any AnyField]) {
        self.fields = fields
        schema = .object(named: name, summary: summary, properties: fields.map(\.property), allowsOthers: false)
    }

    /// Checks every field, so that the answer names all that is wrong at once.
    ///
    /// - Throws: ``FieldErrors`` for unknown, repeated, missing and ill-formed fields, or from the body's own rules.
    func read(_ json: JSONValue) throws(FieldErrors) -> Body {
        guard let members = json.members else { throw FieldErrors("must be an object, not \(json.kind)") }
        var present: [String: JSONValue] = [:]
        var errors: [FieldError] = []
        for member in members {
            if !fields.contains(where: { $0.name == member.name }) {
                errors.append(FieldError(field: Self.quotable(member.name), message: "is not a field of this resource"))
            } else if present.updateValue(member.value, forKey: member.name) != nil {
                errors.append(FieldError(field: member.name, message: "appears more than once"))
            }
        }
        var values: [String: any Sendable] = [:]
        for field in fields {
            do {
                values[field.name] = try field.readAny(present[field.name])
            } catch {
                errors += error.prefixed(field.name)
            }
        }
        guard errors.isEmpty else { throw FieldErrors(errors) }
        return try Body(FormValues(values))
    }

    /// An unknown name as it may stand in an answer: short.
    private static func quotable(_ name: String) -> String {
        name.unicodeScalars.count <= 64 ? name : String(name.unicodeScalars.prefix(64)) + "…"
    }
}

/// The checked values of a form's fields.
public struct FormValues: Sendable {
    private let values: [String: any Sendable]

    init(_ values: [String: any Sendable]) { self.values = values }

    /// The value of a field of the same form.
    public subscript<Value>(field: Field<Value>) -> Value {
        guard let value = values[field.name] as? Value else {
            preconditionFailure("the field \(field.name) is not in the form, or with another type")
        }
        return value
    }
}

extension Shape where Value: RequestForm {
    /// An object inside of a request body.
    public static var form: Shape {
        Shape(
            schema: Value.form.schema,
            read: { json throws(FieldErrors) in try Value.form.read(json) },
            write: { _, writer in writer.null() })
    }
}
