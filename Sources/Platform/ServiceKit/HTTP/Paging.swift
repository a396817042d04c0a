/// How lists are read: `?limit=` and `?cursor=`, answered by `{"items": […], "next": cursor or null}` and a `Link`.
///
/// Pages are cut by the position of their last element, so inserting and deleting elsewhere neither repeats nor skips.
public enum Paging {
    public static let limit = QueryParameter.defaulted(
        "limit", .integer(1...200), "How many elements to return at most.", 50)
    public static let cursor = QueryParameter.optional(
        "cursor", .text(1...64), "The `next` of the page before; absent for the first page.")

    /// To be listed among the parameters of an endpoint that returns a page.
    public static let parameters: [any AnyParameter] = [limit, cursor]
}

/// The page that a request asks for.
public struct PageRequest: Sendable, Hashable {
    /// 1…200.
    public let limit: Int
    /// The position after which the page begins; nil for the first page.
    public let after: Int64?

    public init(limit: Int, after: Int64?) {
        self.limit = limit
        self.after = after
    }

    /// How many rows to fetch: one more than the page holds tells whether there is a next one.
    public var fetchCount: Int64 { Int64(limit) + 1 }
}

/// One page of a list.
public struct Page<Element: Sendable>: Sendable {
    public let items: [Element]
    /// The position after which the next page begins; nil on the last page.
    public let next: Int64?

    /// - Parameters:
    ///   - fetched: Up to ``PageRequest/fetchCount`` elements in the order of their positions.
    ///   - position: Strictly increasing along the list.
    public init(fetched: [Element], _ request: PageRequest, position: (Element) -> Int64) {
        items = Array(fetched.prefix(request.limit))
        next = fetched.count > request.limit ? items.last.map(position) : nil
    }

    public init(items: [Element], next: Int64?) {
        self.items = items
        self.next = next
    }
}

extension Page {
    /// The same page of other elements.
    public func map<Other: Sendable>(_ transform: (Element) -> Other) -> Page<Other> {
        Page<Other>(items: items.map(transform), next: next)
    }
}

/// A position as an opaque text. It is bound to its list: a cursor of another list, a damaged one or an invented one is
/// refused. The check is against mistakes, not an authorization.
enum Cursor {
    private static let version: UInt8 = 1

    static func encode(_ position: Int64, list: String) -> String {
        let payload = [version] + withUnsafeBytes(of: position.bigEndian, Array.init)
        return base64URL(payload + checksum(payload, list: list))
    }

    /// - Returns: nil for everything that ``encode(_:list:)`` did not make for this list.
    static func decode(_ text: String, list: String) -> Int64? {
        // 9 bytes of payload and 4 of checksum are 18 characters.
        guard text.utf8.count == 18, let bytes = bytes(base64URL: text), bytes.count == 13, bytes[0] == version,
            Array(bytes[9...]) == checksum(Array(bytes[..<9]), list: list), base64URL(bytes) == text
        else { return nil }
        let position = bytes[1..<9].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return Int64(bitPattern: position)
    }

    /// FNV-1a over the list's path and the payload.
    private static func checksum(_ payload: [UInt8], list: String) -> [UInt8] {
        var hash: UInt32 = 0x811C_9DC5
        for byte in Array(list.utf8) + payload { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        return withUnsafeBytes(of: hash.bigEndian, Array.init)
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    private static func base64URL(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                text.append(alphabet[Int(bits >> UInt32(count) & 0x3F)])
            }
        }
        if count > 0 { text.append(alphabet[Int(bits << UInt32(6 - count) & 0x3F)]) }
        return String(decoding: text, as: UTF8.self)
    }

    private static func bytes(base64URL text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for character in text.utf8 {
            guard let value = alphabet.firstIndex(of: character) else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            guard count >= 8 else { continue }
            count -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
        }
        return bytes
    }
}
