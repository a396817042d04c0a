import Foundation
import Routing

/// A request that `gatehouse explain` is asked about.
public struct ExplainedRequest: Sendable, Equatable {
    public struct Field: Sendable, Equatable {
        public var name: String
        public var value: String
    }

    public var method: String
    public var isTLS: Bool
    /// Host and port as they stand in the URL.
    public var authority: String
    public var port: UInt16
    /// Path and query, as they stand in the URL; at least "/".
    public var target: String
    public var fields: [Field]
    /// Numeric, of IPv4 or IPv6; nil: it is not said from where the request comes.
    public var clientAddress: String?

    /// - Parameters:
    ///   - request: `METHOD URL`, or a URL alone for GET.
    ///   - fields: as `name: value`.
    ///   - token: in place of an `Authorization` field.
    ///   - clientAddress: from where it comes.
    /// - Throws: `ExplainError`, saying what to write instead.
    public init(
        _ request: String, fields: [String] = [], token: String? = nil, clientAddress: String? = nil
    ) throws(ExplainError) {
        let words = request.split(separator: " ")
        guard (1...2).contains(words.count), let url = words.last else {
            throw ExplainError("\"\(request)\" is not METHOD URL, such as 'GET https://localhost:8443/warehouse/items'")
        }
        try self.init(
            method: words.count == 2 ? String(words[0]) : "GET", url: String(url), fields: fields, token: token,
            clientAddress: clientAddress)
    }

    public init(
        method: String, url: String, fields: [String], token: String? = nil, clientAddress: String? = nil
    ) throws(ExplainError) {
        self.method = method
        if let clientAddress, AddressSet.words(of: clientAddress) == nil {
            throw ExplainError("\"\(clientAddress)\" is no address such as 192.0.2.1 or 2001:db8::1")
        }
        self.clientAddress = clientAddress
        (isTLS, authority, port, target) = try Self.parts(of: url)
        self.fields = []
        for field in fields { self.fields.append(try Self.field(field)) }
        if let token {
            guard !token.isEmpty, token.allSatisfy({ $0.isASCII && !$0.isWhitespace }) else {
                throw ExplainError("the token has white space in it, or is empty")
            }
            self.fields.removeAll { $0.name.lowercased() == "authorization" }
            self.fields.append(Field(name: "authorization", value: "Bearer \(token)"))
        }
    }

    public var url: String { "\(isTLS ? "https" : "http")://\(authority)\(target)" }

    /// The head as a client of HTTP/1.1 sends it.
    var head: [UInt8] {
        let lines = ["\(method) \(target) HTTP/1.1", "host: \(authority)"] + fields.map { "\($0.name): \($0.value)" }
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    private static func field(_ text: String) throws(ExplainError) -> Field {
        guard let colon = text.firstIndex(of: ":"), colon > text.startIndex, !text.contains(where: \.isNewline) else {
            throw ExplainError("\"\(text)\" is not a header such as 'accept: text/html'")
        }
        let value = text[text.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        return Field(name: String(text[..<colon]), value: value)
    }

    private static func parts(
        of url: String
    ) throws(ExplainError) -> (isTLS: Bool, authority: String, port: UInt16, target: String) {
        let lower = url.lowercased()
        guard let scheme = ["https://", "http://"].first(where: { lower.hasPrefix($0) }) else {
            throw ExplainError("\"\(url)\" does not begin with https:// or http://")
        }
        guard !url.contains(where: { $0.isNewline || $0 == " " }) else {
            throw ExplainError("\"\(url)\" has white space in it; write %20")
        }
        let rest = url.dropFirst(scheme.count)
        let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
        let authority = String(rest[..<end])
        guard !authority.isEmpty else { throw ExplainError("\"\(url)\" names no host") }
        // A fragment is the browser's own business and is never sent (RFC 9110 §4.2.5).
        var target = String(rest[end...].prefix { $0 != "#" })
        if !target.hasPrefix("/") { target = "/" + target }
        let isTLS = scheme == "https://"
        let port = authority.split(separator: ":").last.flatMap { UInt16($0) }
        let hasPort = authority.hasSuffix("]") ? false : authority.contains(":")
        return (isTLS, authority, hasPort ? port ?? 0 : isTLS ? 443 : 80, target)
    }
}

/// A question that has no answer, with what to ask instead.
public struct ExplainError: Error, Equatable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
