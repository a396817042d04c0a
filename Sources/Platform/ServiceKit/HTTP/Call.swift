public import HTTPTypes
public import Logging

/// One request on its way through an endpoint: authenticated, its parameters read, its body still as bytes.
public struct Call: Sendable {
    public let requestID: String
    /// Carries the request id and the trace.
    public let logger: Logger
    /// Who asks; nil only at an endpoint for ``Access/anyone``.
    public let callerIfAny: Caller?
    /// As it arrived, without the query.
    public let path: String
    let method: HTTPRequest.Method
    let query: QueryString
    let headers: HTTPFields
    let body: [UInt8]
    let values: [String: any Sendable]

    /// Who asks.
    ///
    /// - Precondition: The endpoint's access is not ``Access/anyone``.
    public var caller: Caller {
        guard let callerIfAny else { preconditionFailure("an endpoint for anyone has no caller") }
        return callerIfAny
    }

    /// The value of a path parameter that the endpoint declares.
    public subscript<Value>(parameter: PathParameter<Value>) -> Value { value(of: parameter.name) }

    /// The value of a query parameter that the endpoint declares.
    public subscript<Value>(parameter: QueryParameter<Value>) -> Value { value(of: parameter.name) }

    private func value<Value>(of name: String) -> Value {
        guard let value = values[name] as? Value else {
            preconditionFailure("the endpoint does not declare the parameter \(name), or with another type")
        }
        return value
    }

    /// A request header's value; several lines are joined by commas.
    public func header(_ name: HTTPField.Name) -> String? { headers[name] }

    /// The page that the request asks for; the endpoint declares ``Paging/parameters``.
    ///
    /// - Throws: ``FieldErrors`` when the cursor is not one of this list.
    public func pageRequest() throws(FieldErrors) -> PageRequest {
        let limit = Int(self[Paging.limit])
        guard let text = self[Paging.cursor] else { return PageRequest(limit: limit, after: nil) }
        guard let position = Cursor.decode(text, list: list) else {
            throw FieldErrors([FieldError(field: "cursor", message: "is not a cursor of this list")])
        }
        return PageRequest(limit: limit, after: position)
    }

    /// The condition of a change; the endpoint is declared `guarded`.
    ///
    /// - Throws: ``Problem`` (400) when `If-Match` is not a list of tags.
    public func ifMatch() throws(Problem) -> IfMatch {
        guard let text = headers[.ifMatch] else { return .anyVersion }
        return IfMatch(try EntityTagList(required: text, field: "If-Match"))
    }

    /// What binds a cursor to its list: the path without empty segments.
    var list: String { "/" + path.split(separator: "/").joined(separator: "/") }

    /// This request's path and query with another cursor.
    func link(cursor: String) -> String {
        let kept = query.items.filter { $0.name != Paging.cursor.name }
        let items = kept + [QueryString.Item(name: Paging.cursor.name, value: cursor)]
        let text = items.map { QueryString.escaped($0.name) + "=" + QueryString.escaped($0.value) }
        return list + "?" + text.joined(separator: "&")
    }
}
