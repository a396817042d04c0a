public import HTTPTypes

/// What an endpoint answers when it does not fail.
public struct Reply: Sendable {
    public let status: HTTPResponse.Status
    /// `Location`, `Link` and the like; content type, length and tag are added when the reply is sent.
    public var headers: HTTPFields
    /// Empty for 204.
    public let content: [UInt8]
    public let contentType: String
    /// The strong tag of the representation; nil for an answer that has none.
    public let entityTag: EntityTag?

    public init(
        _ status: HTTPResponse.Status, content: [UInt8] = [], contentType: String = "application/json",
        headers: HTTPFields = [:], entityTag: EntityTag? = nil
    ) {
        self.status = status
        self.headers = headers
        self.content = content
        self.contentType = contentType
        self.entityTag = entityTag
    }
}

extension Reply {
    /// 200 with the resource, tagged by its version.
    public static func ok<Body: Representable>(_ body: Body, version: Int64) -> Reply {
        Reply(.ok, content: json(body), entityTag: EntityTag(version: version))
    }

    /// 200 with a resource that has no version: tagged by its content.
    public static func ok<Body: Representable>(_ body: Body) -> Reply {
        let content = json(body)
        return Reply(.ok, content: content, entityTag: EntityTag(content: content))
    }

    /// 201 with the new resource and where it is.
    public static func created<Body: Representable>(_ body: Body, at location: String, version: Int64) -> Reply {
        Reply(
            .created, content: json(body), headers: [.location: location], entityTag: EntityTag(version: version))
    }

    /// A body that no cache may keep, such as a token (RFC 6749 §5.1).
    public static func issued<Body: Representable>(
        _ body: Body, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) -> Reply {
        var headers = headers
        headers[.cacheControl] = "no-store"
        return Reply(status, content: json(body), headers: headers)
    }

    /// 204: done, and nothing to show.
    public static var noContent: Reply { Reply(.noContent) }

    /// 200 with a page, a `Link` to the next one (RFC 8288), tagged by its content.
    ///
    /// - Parameter call: The request that asked for the page; its path and query are kept in the link.
    public static func page<Element: Representable>(_ page: Page<Element>, of call: Call) -> Reply {
        let next = page.next.map { Cursor.encode($0, list: call.list) }
        var writer = JSONWriter(capacity: 64 + 256 * page.items.count)
        writer.object { writer in
            writer.name("items")
            writer.array { writer in
                for item in page.items { Element.representation.write(item, to: &writer) }
            }
            writer.name("next")
            if let next { writer.string(next) } else { writer.null() }
        }
        let headers: HTTPFields = next.map { [.link: "<\(call.link(cursor: $0))>; rel=\"next\""] } ?? [:]
        return Reply(.ok, content: writer.bytes, headers: headers, entityTag: EntityTag(content: writer.bytes))
    }

    private static func json<Body: Representable>(_ body: Body) -> [UInt8] {
        var writer = JSONWriter()
        Body.representation.write(body, to: &writer)
        return writer.bytes
    }
}
