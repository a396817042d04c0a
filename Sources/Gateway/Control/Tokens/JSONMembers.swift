import Foundation

/// Whether an object names each of its members once. Of two members of one name readers take different ones, and a token
/// must say the same to everybody (RFC 7515 §4, RFC 7519 §4).
enum JSONMembers {
    /// Of the outermost object and all inside it. Text that is not JSON is not judged here.
    static func areUnique(_ text: [UInt8]) -> Bool {
        var open: [Set<String>?] = []
        var index = 0
        var isName = false
        while index < text.count {
            switch text[index] {
            case UInt8(ascii: "{"):
                open.append([])
                isName = true
            case UInt8(ascii: "["):
                open.append(nil)
                isName = false
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                _ = open.popLast()
                isName = false
            case UInt8(ascii: ","): isName = open.last.map { $0 != nil } ?? false
            case UInt8(ascii: ":"): isName = false
            case UInt8(ascii: "\""):
                let end = endOfString(text, from: index)
                if isName, !open.isEmpty {
                    guard let name = name(text[index..<end]) else { return false }
                    if open[open.count - 1]?.insert(name).inserted == false { return false }
                    isName = false
                }
                index = end
                continue
            default: break
            }
            index += 1
        }
        return true
    }

    /// Behind the closing quote, or the end of the text.
    private static func endOfString(_ text: [UInt8], from start: Int) -> Int {
        var index = start + 1
        while index < text.count && text[index] != UInt8(ascii: "\"") {
            index += text[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(index + 1, text.count)
    }

    /// Two ways to write one name are one name.
    private static func name(_ literal: ArraySlice<UInt8>) -> String? {
        guard literal.contains(UInt8(ascii: "\\")) else {
            return String(decoding: literal.dropFirst().dropLast(), as: UTF8.self)
        }
        // Nil: not a string, and so no JSON either.
        return try? JSONDecoder().decode(String.self, from: Data(literal))
    }
}
