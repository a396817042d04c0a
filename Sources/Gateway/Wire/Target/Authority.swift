/// Why an authority is refused.
public enum AuthorityError: String, Error, Sendable, Equatable, CustomStringConvertible {
    case empty
    /// `user@host`: deprecated for http (RFC 9110 §4.2.4) and read differently by different servers.
    case userInformation
    case invalidHost
    case invalidPort

    public var description: String {
        switch self {
        case .empty: "the authority names no host"
        case .userInformation: "the authority has user information"
        case .invalidHost: "the authority's host is neither a name nor an address"
        case .invalidPort: "the authority's port is not a number from 1 to 65535"
        }
    }
}

/// `host[:port]` of a Host field, an absolute-form target or an `:authority` (RFC 9110 §7.2, RFC 3986 §3.2).
///
/// Narrower than RFC 3986's `reg-name`: a host is a name of letters, digits, `-`, `_`, `~` and single dots, at most 255
/// bytes; or an IPv4 address; or an IPv6 address in brackets, without zone. A name whose last label is a number must be a
/// dotted-decimal IPv4 address, since resolvers read `1.2.3` and `0x7f.1` as addresses. Percent-encoding and
/// sub-delimiters never occur in a host that can be resolved, so they are refused.
public struct Authority: Sendable, Equatable {
    /// How many bytes the host takes from the start, brackets included.
    public let hostCount: Int
    /// nil when there is none, or an empty one (`host:`), which RFC 3986 §6.2.3 calls equivalent.
    public let port: UInt16?

    /// Reads an authority.
    public static func parse(_ bytes: Span<UInt8>) throws(AuthorityError) -> Authority {
        guard !bytes.isEmpty else { throw .empty }
        guard ByteScan.first(ASCII.at, in: bytes) == nil else { throw .userInformation }
        let hostCount: Int
        if bytes[0] == ASCII.openBracket {
            guard let close = ByteScan.first(ASCII.closeBracket, in: bytes),
                IPv6Literal.isValid(bytes.extracting(1..<close))
            else { throw .invalidHost }
            hostCount = close + 1
        } else {
            hostCount = ByteScan.first(ASCII.colon, in: bytes) ?? bytes.count
            guard hostCount > 0 else { throw .empty }
            guard isName(bytes.extracting(0..<hostCount)) else { throw .invalidHost }
        }
        guard hostCount < bytes.count else { return Authority(hostCount: hostCount, port: nil) }
        guard bytes[hostCount] == ASCII.colon else { throw .invalidHost }
        return Authority(hostCount: hostCount, port: try port(bytes.extracting((hostCount + 1)...)))
    }

    /// Reads an authority and writes its host as routing compares it: in lower case, without port, without the dot of
    /// the DNS root. Brackets of an IPv6 address stay.
    ///
    /// - Parameter output: replaced; its capacity is kept. Untouched after an error.
    public static func lowercasedHost(
        of bytes: Span<UInt8>, into output: inout [UInt8]
    ) throws(AuthorityError) -> Authority {
        let authority = try parse(bytes)
        write(bytes.extracting(0..<authority.hostCount), into: &output)
        return authority
    }

    static func write(_ host: Span<UInt8>, into output: inout [UInt8]) {
        output.removeAll(keepingCapacity: true)
        let isRooted = !host.isEmpty && host[host.count - 1] == ASCII.dot
        output.append(reserving: max(1, host.count)) { writer in
            for offset in 0..<host.count - (isRooted ? 1 : 0) { writer.append(ASCII.lowercased(host[offset])) }
        }
    }

    // MARK: - Parts

    private static func port(_ digits: Span<UInt8>) throws(AuthorityError) -> UInt16? {
        guard !digits.isEmpty else { return nil }
        guard digits.count <= 5 else { throw .invalidPort }
        var value = 0
        for offset in digits.indices {
            guard ASCII.isDigit(digits[offset]) else { throw .invalidPort }
            value = value * 10 + Int(digits[offset] - ASCII.zero)
        }
        guard value > 0, let port = UInt16(exactly: value) else { throw .invalidPort }
        return port
    }

    private static func isName(_ host: Span<UInt8>) -> Bool {
        guard host.count <= 255 else { return false }
        var labelStart = 0
        var lastLabel = 0..<0
        for offset in host.indices {
            if host[offset] == ASCII.dot {
                guard offset > labelStart else { return false }
                lastLabel = labelStart..<offset
                labelStart = offset + 1
            } else if !ByteSet.unreserved.contains(host[offset]) {
                return false
            }
        }
        if labelStart < host.count { lastLabel = labelStart..<host.count }
        guard !lastLabel.isEmpty else { return false }
        return !isNumber(host.extracting(lastLabel)) || IPv4Literal.isValid(host.extracting(0..<lastLabel.upperBound))
    }

    /// Whether resolvers would read this label as a number: digits, or `0x` and hexadecimal digits.
    private static func isNumber(_ label: Span<UInt8>) -> Bool {
        if label.count >= 2, label[0] == ASCII.zero, ASCII.lowercased(label[1]) == 0x78 {
            return label.extracting(2...).allBytes { ASCII.hexValue($0) != nil }
        }
        return label.allBytes(ASCII.isDigit)
    }
}

/// `IPv4address`, RFC 3986 §3.2.2: four decimal octets without leading zeros.
enum IPv4Literal {
    static func isValid(_ bytes: Span<UInt8>) -> Bool {
        var octets = 0
        var digits = 0
        var value = 0
        for offset in bytes.indices {
            let byte = bytes[offset]
            if byte == ASCII.dot {
                guard digits > 0 else { return false }
                octets += 1
                digits = 0
                value = 0
            } else {
                guard ASCII.isDigit(byte), digits == 0 || value > 0 else { return false }
                digits += 1
                value = value * 10 + Int(byte - ASCII.zero)
                guard value <= 255 else { return false }
            }
        }
        return octets == 3 && digits > 0
    }
}

/// `IPv6address`, RFC 3986 §3.2.2: eight groups, one run of them perhaps written `::`, the last two perhaps as IPv4.
enum IPv6Literal {
    static func isValid(_ bytes: Span<UInt8>) -> Bool {
        var groups = 0
        var hasGap = false
        var offset = 0
        if bytes.count >= 2, bytes[0] == ASCII.colon, bytes[1] == ASCII.colon {
            hasGap = true
            offset = 2
        }
        while offset < bytes.count {
            let end = ByteScan.first(ASCII.colon, in: bytes, from: offset) ?? bytes.count
            let group = bytes.extracting(offset..<end)
            if end == bytes.count, ByteScan.first(ASCII.dot, in: group) != nil {
                guard IPv4Literal.isValid(group) else { return false }
                groups += 2
                break
            }
            guard (1...4).contains(group.count), group.allBytes({ ASCII.hexValue($0) != nil }) else { return false }
            groups += 1
            guard end < bytes.count else { break }
            offset = end + 1
            guard offset < bytes.count else { return false }
            if bytes[offset] == ASCII.colon {
                guard !hasGap else { return false }
                hasGap = true
                offset += 1
            }
        }
        return hasGap ? groups <= 7 : groups == 8
    }
}

extension Span<UInt8> {
    func allBytes(_ predicate: (UInt8) -> Bool) -> Bool {
        for offset in indices where !predicate(self[offset]) { return false }
        return true
    }
}
