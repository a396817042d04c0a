public import HTTPTypes

/// One operation of a service. The same value routes requests and writes the OpenAPI document.
public struct Endpoint: Sendable {
    public let method: HTTPRequest.Method
    /// With `{name}` for path parameters, for example `/warehouse/items/{id}`.
    public let path: String
    /// The operation's id in the document, in metrics and in logs: unique within the service.
    public let operation: String
    public let summary: String
    public let parameters: [any AnyParameter]
    public let access: Access
    public let answers: [Answer]
    let options: EndpointOptions
    /// nil for an endpoint without a request body.
    let body: RequestBody?
    let handle: @Sendable (Call) async throws -> Reply

    /// An endpoint that reads no request body.
    public init(
        _ method: HTTPRequest.Method, _ path: String, _ operation: String, _ summary: String,
        parameters: [any AnyParameter] = [], access: Access, answers: [Answer], options: EndpointOptions = [],
        handle: @escaping @Sendable (Call) async throws -> Reply
    ) {
        self.method = method
        self.path = path
        self.operation = operation
        self.summary = summary
        self.parameters = parameters
        self.access = access
        self.answers = answers
        self.options = options
        body = nil
        self.handle = handle
    }

    /// An endpoint that reads a JSON body.
    public init<Body: RequestForm>(
        _ method: HTTPRequest.Method, _ path: String, _ operation: String, _ summary: String,
        parameters: [any AnyParameter] = [], body: Body.Type, access: Access, answers: [Answer],
        options: EndpointOptions = [], handle: @escaping @Sendable (Call, Body) async throws -> Reply
    ) {
        self.method = method
        self.path = path
        self.operation = operation
        self.summary = summary
        self.parameters = parameters
        self.access = access
        self.answers = answers
        self.options = options
        self.body = RequestBody(encoding: .json, schema: Body.form.schema)
        self.handle = { call in try await handle(call, Body.form.read(JSONParser.parse(call.body))) }
    }

    /// An endpoint that reads a form, as the endpoints of OAuth 2.0 do.
    ///
    /// - Parameter handle: Gets nil instead of the parameters when the body is not a form or repeats a parameter.
    public init(
        _ method: HTTPRequest.Method, _ path: String, _ operation: String, _ summary: String,
        form: [FormParameter], access: Access, answers: [Answer],
        handle: @escaping @Sendable (Call, FormParameters?) async throws -> Reply
    ) {
        self.method = method
        self.path = path
        self.operation = operation
        self.summary = summary
        parameters = []
        self.access = access
        self.answers = answers
        options = []
        body = RequestBody(encoding: .form, schema: FormParameters.schema(of: form))
        self.handle = { call in try await handle(call, FormParameters(call.body)) }
    }
}

/// What body an endpoint reads.
struct RequestBody: Sendable {
    enum Encoding: String, Sendable {
        case json = "application/json"
        case form = "application/x-www-form-urlencoded"
    }

    let encoding: Encoding
    let schema: Schema
}

/// What ServiceKit documents for an endpoint because its handler uses it.
public struct EndpointOptions: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// The handler answers through ``Platform/answerOnce(_:transaction:_:)``: `Idempotency-Key` is documented.
    public static let idempotent = EndpointOptions(rawValue: 1)
    /// The handler honours ``Call/ifMatch()``: `If-Match` and 412 are documented.
    public static let guarded = EndpointOptions(rawValue: 2)
}

/// Who may call an endpoint.
public enum Access: Sendable, Hashable {
    /// Everybody, without a token.
    case anyone
    /// The bearer of a token with all of these scopes.
    case scopes([String])

    /// The bearer of a token with this scope, for example `warehouse:read`.
    public static func scope(_ scope: String) -> Access { .scopes([scope]) }

    /// The bearer of any valid token; what it may do is decided by who the caller is.
    public static var bearer: Access { .scopes([]) }
}

/// An answer that an endpoint can give, for the document. Those of ServiceKit itself (400, 401, 403, 404 of a path
/// parameter, 413, 415, 422, 500, 503) need not be listed.
public struct Answer: Sendable {
    let status: Int
    let summary: String
    let schema: Schema?
    let headers: [String]

    /// 200 with a resource and its `ETag`.
    public static func ok<Body: Representable>(_ type: Body.Type) -> Answer {
        Answer(status: 200, summary: "The resource.", schema: Body.representation.schema, headers: ["ETag"])
    }

    /// 201 with the new resource.
    public static func created<Body: Representable>(_ type: Body.Type) -> Answer {
        Answer(
            status: 201, summary: "The new resource.", schema: Body.representation.schema,
            headers: ["ETag", "Location"])
    }

    /// 200 with one page of a list.
    public static func page<Element: Representable>(of type: Element.Type) -> Answer {
        let next = Shape<String?>.nullable(.text(1...64)).schema.described("The cursor of the next page.")
        let items = Schema.array(of: Element.representation.schema, count: 0...200)
        let schema = Schema(
            [
                "type": "object", "required": ["items", "next"],
                "properties": ["items": items.json, "next": next.json],
            ], components: items.components)
        return Answer(status: 200, summary: "One page of the list.", schema: schema, headers: ["ETag", "Link"])
    }

    /// 204.
    public static var noContent: Answer { Answer(status: 204, summary: "Done.", schema: nil, headers: []) }

    /// 200 or 201 with something that no cache may keep, such as a token.
    public static func issued<Body: Representable>(
        _ type: Body.Type, status: HTTPResponse.Status = .ok
    ) -> Answer {
        Answer(
            status: status.code, summary: "What was asked for; not to be stored by caches.",
            schema: Body.representation.schema, headers: status == .created ? ["Location"] : [])
    }

    /// 202: it will be done, or not; the answer does not tell.
    public static func accepted(_ summary: String) -> Answer {
        Answer(status: 202, summary: summary, schema: nil, headers: [])
    }

    /// 409 and what it means here.
    public static func conflict(_ summary: String) -> Answer { .problem(.conflict, summary) }

    /// A problem and what it means here.
    public static func problem(_ kind: Problem.Kind, _ summary: String) -> Answer {
        Answer(status: kind.status, summary: summary, schema: Problem.schema, headers: [])
    }

    /// 200 with some JSON.
    public static func json(_ summary: String) -> Answer {
        Answer(status: 200, summary: summary, schema: Schema(["type": "object"]), headers: ["ETag"])
    }
}
