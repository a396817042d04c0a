/// What a client sends.
struct Request: Sendable {
    var method: String
    /// A whole URL.
    var url: String
    var headers: [(name: String, value: String)]
    var body: [UInt8]?

    init(_ method: String, _ url: String, headers: [(name: String, value: String)] = [], body: [UInt8]? = nil) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }
}

/// What a client got.
struct Answer: Sendable {
    let status: Int
    /// 1 or 2.
    let majorVersion: Int
    /// Names in lower case.
    let headers: [(name: String, value: String)]
    let content: [UInt8]

    /// The value of a field; nil when it is missing or comes twice.
    func header(_ name: String) -> String? {
        let values = headers.filter { $0.name == name }
        return values.count == 1 ? values[0].value : nil
    }

    /// The body as JSON; null when it is none.
    var json: JSON { (try? JSON(bytes: content)) ?? .null }

    var text: String { String(decoding: content, as: UTF8.self) }
}

extension Answer: CustomStringConvertible {
    var description: String {
        let fields = headers.map { "\($0.name): \($0.value)" }.joined(separator: "; ")
        return "\(status) (HTTP/\(majorVersion)) [\(fields)] \(text.prefix(2_000))"
    }
}
