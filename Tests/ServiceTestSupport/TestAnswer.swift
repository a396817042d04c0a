public import HTTPTypes
public import ServiceKit

/// What a service answered.
public struct TestAnswer: Sendable {
    public let status: Int
    public let headers: HTTPFields
    public let content: [UInt8]

    public init(status: Int, headers: HTTPFields, content: [UInt8]) {
        self.status = status
        self.headers = headers
        self.content = content
    }

    /// The body as JSON; null when it is none.
    public var json: JSONValue { (try? JSONParser.parse(content)) ?? .null }

    public var text: String { String(decoding: content, as: UTF8.self) }

    /// A header field's value by its name.
    public func header(_ name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }

    /// The fields that a problem names, in its order.
    public var refusedFields: [String] {
        json["errors"]?.elements?.compactMap { $0["field"]?.string } ?? []
    }

    /// Whether this is a whole problem document for its status.
    public var isProblem: Bool {
        header("content-type") == "application/problem+json" && json["status"]?.integer == Int64(status)
            && json["type"]?.string?.isEmpty == false && json["title"]?.string?.isEmpty == false
            && json["detail"]?.string?.isEmpty == false && json["instance"]?.string?.isEmpty == false
            && json["request_id"]?.string == header("x-request-id")
    }
}
