import Crypto

/// A strong validator of one representation (RFC 9110 §8.8.3).
public struct EntityTag: Sendable, Hashable {
    /// Without the quotes.
    let opaque: String

    /// The tag of a resource whose row counts its versions.
    public init(version: Int64) { opaque = String(version) }

    /// The tag of an answer without a version, from its bytes.
    init(content: [UInt8]) {
        opaque = SHA256.hash(data: content).prefix(16).reduce(into: "") { text, byte in
            text += byte < 16 ? "0" + String(byte, radix: 16) : String(byte, radix: 16)
        }
    }

    init(opaque: String) { self.opaque = opaque }

    /// As it stands in `ETag`.
    var fieldValue: String { "\"\(opaque)\"" }
}

/// The list of tags in `If-Match` or `If-None-Match`.
enum EntityTagList: Sendable, Equatable {
    /// `*`
    case any
    /// The strong and the weak tags.
    case tags(strong: [EntityTag], weak: [EntityTag])

    /// Reads a field value (RFC 9110 §8.8.3, §13.1.1); several lines are to be joined by commas before.
    ///
    /// - Returns: nil when it is neither `*` nor a list of tags.
    init?(fieldValue: String) {
        var strong: [EntityTag] = []
        var weak: [EntityTag] = []
        var rest = Substring(fieldValue)
        Self.skipSpace(&rest)
        if rest == "*" {
            self = .any
            return
        }
        while !rest.isEmpty {
            let isWeak = rest.hasPrefix("W/")
            if isWeak { rest = rest.dropFirst(2) }
            guard rest.first == "\"", let end = rest.dropFirst().firstIndex(of: "\"") else { return nil }
            let tag = EntityTag(opaque: String(rest[rest.index(after: rest.startIndex)..<end]))
            if isWeak { weak.append(tag) } else { strong.append(tag) }
            rest = rest[rest.index(after: end)...]
            Self.skipSpace(&rest)
            guard rest.isEmpty || rest.first == "," else { return nil }
            while rest.first == "," {
                rest = rest.dropFirst()
                Self.skipSpace(&rest)
            }
        }
        guard !strong.isEmpty || !weak.isEmpty else { return nil }
        self = .tags(strong: strong, weak: weak)
    }

    private static func skipSpace(_ text: inout Substring) {
        text = text.drop { $0 == " " || $0 == "\t" }
    }

    /// The weak comparison that `If-None-Match` uses.
    func matchesWeakly(_ tag: EntityTag) -> Bool {
        switch self {
        case .any: true
        case .tags(let strong, let weak): strong.contains(tag) || weak.contains(tag)
        }
    }
}

/// The condition of a change (`If-Match`, RFC 9110 §13.1.1).
public enum IfMatch: Sendable, Equatable {
    /// No condition, or `*`: any current version will do.
    case anyVersion
    /// One of these versions must be the current one; empty when no tag named a version of ours.
    case versions([Int64])

    /// For `WHERE ($n::bigint[] IS NULL OR version = ANY($n))`: nil without a condition.
    public var versions: [Int64]? {
        switch self {
        case .anyVersion: nil
        case .versions(let versions): versions
        }
    }

    init(_ list: EntityTagList?) {
        switch list {
        case nil, .any: self = .anyVersion
        // Weak tags never match strongly. Tags are compared as text (RFC 9110 §8.8.3.2): "01" is not the tag of version 1.
        case .tags(let strong, _):
            self = .versions(
                strong.compactMap { tag in Int64(tag.opaque).flatMap { EntityTag(version: $0) == tag ? $0 : nil } })
        }
    }
}
