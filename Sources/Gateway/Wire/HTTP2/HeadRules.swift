/// The rules for the fields of one message (RFC 9113 §8.2 and §8.3), field by field as HPACK gives them.
///
/// A field of another shape than a field has (§8.2.1) is known as such already; what is left is which fields may stand
/// where, how often, and what their values say.
struct HeadRules: Equatable, Sendable, BitwiseCopyable {
    /// What a field is good for.
    enum Use: Equatable {
        case field
        case control(HPACKName)
        case host, cookie, expect
        /// Not worth keeping.
        case dropped
        case malformed
    }

    private struct Seen: OptionSet, Equatable {
        let rawValue: UInt16
        static let method = Seen(rawValue: 1)
        static let scheme = Seen(rawValue: 2)
        static let authority = Seen(rawValue: 4)
        static let path = Seen(rawValue: 8)
        static let protocolName = Seen(rawValue: 16)
        static let host = Seen(rawValue: 32)
        static let regular = Seen(rawValue: 64)
        static let connect = Seen(rawValue: 128)
        static let asterisk = Seen(rawValue: 256)
        static let options = Seen(rawValue: 512)
        static let status = Seen(rawValue: 1024)
    }

    private var seen: Seen = []
    /// What `content-length` says (RFC 9110 §8.6); nil: nothing.
    private(set) var contentLength: UInt64?
    private(set) var cookies = 0
    /// Of a response; 0: not seen.
    private(set) var status: UInt16 = 0

    // MARK: - Requests

    mutating func useInRequest(_ name: HPACKName, _ bytes: Span<UInt8>, _ nameCount: Int) -> Use {
        switch name {
        case .method, .scheme, .authority, .path, .protocol: return useControl(name, bytes, nameCount)
        case .status: return .malformed
        default: break
        }
        guard bytes[0] != ASCII.colon else { return .malformed }
        seen.insert(.regular)
        switch name {
        case .host:
            seen.insert(.host)
            return .host
        case .cookie:
            cookies += 1
            return .cookie
        case .expect: return .expect
        case .contentLength: return takeLength(bytes.extracting(nameCount...)) ? .field : .malformed
        default: return Self.isOfConnection(name, bytes, nameCount) ? .malformed : .field
        }
    }

    private mutating func useControl(_ name: HPACKName, _ bytes: Span<UInt8>, _ nameCount: Int) -> Use {
        let value = bytes.extracting(nameCount...)
        guard !seen.contains(.regular), !value.isEmpty else { return .malformed }
        let isNew: Bool
        switch name {
        case .method:
            isNew = seen.insert(.method).inserted
            guard isMethod(value) else { return .malformed }
        case .scheme:
            isNew = seen.insert(.scheme).inserted
            guard ByteScan.isToken(value) else { return .malformed }
        case .authority:
            isNew = seen.insert(.authority).inserted
            guard ByteScan.isVisible(value) else { return .malformed }
        case .path:
            isNew = seen.insert(.path).inserted
            guard isPath(value) else { return .malformed }
        default:
            isNew = seen.insert(.protocolName).inserted
            guard ByteScan.isToken(value) else { return .malformed }
        }
        return isNew ? .control(name) : .malformed
    }

    private mutating func isMethod(_ value: Span<UInt8>) -> Bool {
        // GET, the one that is most often asked for.
        if value.count == 3 && value[0] == 0x47 && value[1] == 0x45 && value[2] == 0x54 { return true }
        if ByteScan.equal(value, "CONNECT") { seen.insert(.connect) }
        if ByteScan.equal(value, "OPTIONS") { seen.insert(.options) }
        return ByteScan.isToken(value)
    }

    private mutating func isPath(_ value: Span<UInt8>) -> Bool {
        // Which bytes it may have is `TargetNormaliser`'s to say; these would break a line.
        if value[0] == ASCII.slash { return !FieldRules.hasWhitespaceOrControl(value) }
        seen.insert(.asterisk)
        return value.count == 1 && value[0] == 0x2A
    }

    /// Whether a request has what it must have, and nothing that it must not (RFC 9113 §8.3.1 and §8.5, RFC 8441 §4).
    var isWholeRequest: Bool {
        if seen.contains(.connect) && !seen.contains(.protocolName) {
            return seen.contains(.authority) && seen.isDisjoint(with: [.scheme, .path])
        }
        guard seen.isSuperset(of: [.method, .scheme, .path]) else { return false }
        if seen.contains(.protocolName) { return seen.isSuperset(of: [.connect, .authority]) }
        return !seen.isDisjoint(with: [.authority, .host]) && (!seen.contains(.asterisk) || seen.contains(.options))
    }

    // MARK: - Responses

    mutating func useInResponse(_ name: HPACKName, _ bytes: Span<UInt8>, _ nameCount: Int) -> Use {
        if name == .status {
            let value = bytes.extracting(nameCount...)
            guard seen.insert(.status).inserted, !seen.contains(.regular), value.count == 3 else { return .malformed }
            for offset in 0..<3 {
                guard ASCII.isDigit(value[offset]) else { return .malformed }
                status = status * 10 + UInt16(value[offset] - ASCII.zero)
            }
            // There is no 101 in HTTP/2 (RFC 9113 §8.6).
            return (100...599).contains(status) && status != 101 ? .control(.status) : .malformed
        }
        guard bytes[0] != ASCII.colon else { return .malformed }
        seen.insert(.regular)
        if name == .contentLength { return useLength(bytes.extracting(nameCount...)) }
        return Self.isOfConnection(name, bytes, nameCount) ? .malformed : .field
    }

    /// RFC 9110 §8.6: not in a 1xx or a 204; those that say 0 there are forgiven.
    private mutating func useLength(_ value: Span<UInt8>) -> Use {
        guard takeLength(value) else { return .malformed }
        if status == 204 { return contentLength == 0 ? .dropped : .malformed }
        return status >= 200 || status == 0 ? .field : .malformed
    }

    /// A response has its status, and before everything else.
    var isWholeResponse: Bool { seen.contains(.status) }

    // MARK: - Both

    /// Trailers have no pseudo-header fields (RFC 9113 §8.1).
    static func useInTrailers(_ name: HPACKName, _ bytes: Span<UInt8>, _ nameCount: Int) -> Use {
        if bytes[0] == ASCII.colon || isOfConnection(name, bytes, nameCount) { return .malformed }
        // They may change framing, routing or rights: dropped, as RFC 9110 §6.5.1 allows.
        return FieldRules.isForbiddenInTrailer(bytes.extracting(..<nameCount)) ? .dropped : .field
    }

    /// RFC 9113 §8.2.2: fields of the connection, and `te` with anything else than `trailers`.
    private static func isOfConnection(_ name: HPACKName, _ bytes: Span<UInt8>, _ nameCount: Int) -> Bool {
        switch name {
        case .connection, .keepAlive, .proxyConnection, .transferEncoding, .upgrade: true
        case .te: !ByteScan.equalIgnoringCase(bytes.extracting(nameCount...), "trailers")
        default: false
        }
    }

    /// One number, once: what lists and repetitions are good for is smuggling.
    private mutating func takeLength(_ value: Span<UInt8>) -> Bool {
        guard contentLength == nil, !value.isEmpty, value.count < 20 else { return false }
        var length: UInt64 = 0
        for offset in value.indices {
            guard ASCII.isDigit(value[offset]) else { return false }
            length = length &* 10 &+ UInt64(value[offset] &- ASCII.zero)
        }
        guard length <= UInt64(Int64.max) else { return false }
        contentLength = length
        return true
    }
}
