/// One value that was refused, and why.
public struct FieldError: Sendable, Hashable {
    /// Where: `price`, `items[1].id`, or the name of a parameter or header.
    public let field: String
    /// Why, in words for the caller; holds no value that the caller sent.
    public let message: String

    public init(field: String, message: String) {
        self.field = field
        self.message = message
    }
}

/// Every refused value of one request; answered as 422 with all of them.
public struct FieldErrors: Error, Sendable, Hashable {
    /// At most ``maximumCount``, in the order of the request; never empty.
    public let errors: [FieldError]

    /// More errors than this are cut off: an answer stays small whatever was sent.
    public static let maximumCount = 100

    public init(_ errors: [FieldError]) {
        precondition(!errors.isEmpty, "a refusal names at least one field")
        self.errors = Array(errors.prefix(Self.maximumCount))
    }

    /// One error about the value itself; whoever reads the value's surroundings prepends the path.
    public init(_ message: String) { self.init([FieldError(field: "", message: message)]) }

    /// The same errors, seen from one level further out: `id` under `items[1]` becomes `items[1].id`.
    func prefixed(_ prefix: String) -> [FieldError] {
        errors.map { error in
            let separator = error.field.isEmpty || error.field.hasPrefix("[") ? "" : "."
            return FieldError(field: prefix + separator + error.field, message: error.message)
        }
    }
}
