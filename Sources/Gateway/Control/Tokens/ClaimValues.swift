import Foundation

/// A claim's value, whatever it is.
enum ClaimValue: Decodable {
    case text(String)
    case list([ClaimValue])
    case object([String: ClaimValue])
    case null

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        // In the order in which a mistake is impossible: a number never decodes as a truth value, nor the other way.
        if value.decodeNil() {
            self = .null
        } else if let flag = try? value.decode(Bool.self) {
            self = .text(flag ? "true" : "false")
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else if let number = try? value.decode(Int64.self) {
            self = .text(String(number))
        } else if let number = try? value.decode(Double.self) {
            self = .text(String(number))
        } else if let list = try? value.decode([ClaimValue].self) {
            self = .list(list)
        } else {
            self = .object(try value.decode([String: ClaimValue].self))
        }
    }

    /// Its values as text: of a list those of its elements, of an object none.
    var texts: [String] {
        switch self {
        case .text(let text): [text]
        case .list(let list): list.flatMap { if case .text(let text) = $0 { [text] } else { [String]() } }
        case .object, .null: []
        }
    }

    /// The values of a claim by its name, or by the way to a nested one: "realm_access.roles". A claim whose own name has
    /// the dots comes first.
    func texts(at path: String) -> [String] {
        guard case .object(let members) = self else { return [] }
        if let own = members[path] { return own.texts }
        guard let dot = path.firstIndex(of: "."), let inner = members[String(path[..<dot])] else { return [] }
        return inner.texts(at: String(path[path.index(after: dot)...]))
    }
}
