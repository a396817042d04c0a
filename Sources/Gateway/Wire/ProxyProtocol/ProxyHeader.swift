/// Why a connection's PROXY header is refused. Whoever sends such a one is not the proxy that was expected.
public enum ProxyHeaderError: String, Error, Sendable, Equatable {
    /// Neither version's signature.
    case missing
    case malformed
    case tooLong
}

/// What a proxy in front tells of the client, before the first byte of the client's own (the PROXY protocol, versions 1
/// and 2; haproxy.org/download/2.9/doc/proxy-protocol.txt).
public struct ProxyHeader: Sendable, Equatable {
    public enum Source: Sendable, Equatable {
        /// Version 1 has the address as text; whether it is one is not checked here.
        case text(String, port: UInt16)
        case ipv4(UInt32, port: UInt16)
        case ipv6(high: UInt64, low: UInt64, port: UInt16)
    }

    /// What version 1 may take, CRLF included.
    static let maxTextBytes = 107
    /// What version 2 may take here, its type-length-values included. They are skipped.
    public static let maxBytes = 4_096

    /// Bytes of the header; the client's own follow.
    public let byteCount: Int
    /// Nil: the proxy speaks for itself (a health check), or of a client that has no address of IP.
    public let source: Source?

    public init(byteCount: Int, source: Source?) {
        self.byteCount = byteCount
        self.source = source
    }

    private static let binarySignature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]
    private static let textSignature: [UInt8] = Array("PROXY ".utf8)

    /// Reads the header from the start of `input`.
    ///
    /// - Returns: nil when it is incomplete; then present the same bytes again with more behind them.
    public static func parse(_ input: Span<UInt8>) throws(ProxyHeaderError) -> ProxyHeader? {
        if begins(input, with: binarySignature) { return try parseBinary(input) }
        if begins(input, with: textSignature) { return try parseText(input) }
        throw .missing
    }

    /// Whether `input` agrees with `signature` as far as it goes.
    private static func begins(_ input: Span<UInt8>, with signature: [UInt8]) -> Bool {
        for index in 0..<min(input.count, signature.count) where input[index] != signature[index] { return false }
        return true
    }

    // MARK: - Version 2 (§2.2)

    private static func parseBinary(_ input: Span<UInt8>) throws(ProxyHeaderError) -> ProxyHeader? {
        guard input.count >= 16 else { return nil }
        let command = input[12]
        guard command >> 4 == 2, command & 15 <= 1 else { throw .malformed }
        let length = Int(input[14]) << 8 | Int(input[15])
        let total = 16 + length
        guard total <= maxBytes else { throw .tooLong }
        let family = input[13] >> 4
        let addressBytes = family == 1 ? 12 : family == 2 ? 36 : 0
        guard family <= 3, input[13] & 15 <= 2, length >= addressBytes else { throw .malformed }
        guard input.count >= total else { return nil }
        // LOCAL, or not a stream over IP: who is connected is who it is.
        guard command & 15 == 1, addressBytes > 0, input[13] & 15 == 1 else {
            return ProxyHeader(byteCount: total, source: nil)
        }
        let port = UInt16(number(input, total: 2, at: 16 + addressBytes - 4))
        let source: Source =
            family == 1
            ? .ipv4(UInt32(number(input, total: 4, at: 16)), port: port)
            : .ipv6(high: number(input, total: 8, at: 16), low: number(input, total: 8, at: 24), port: port)
        return ProxyHeader(byteCount: total, source: source)
    }

    private static func number(_ input: Span<UInt8>, total: Int, at start: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in start..<start + total { value = value << 8 | UInt64(input[index]) }
        return value
    }

    // MARK: - Version 1 (§2.1)

    /// `PROXY TCP4 source destination sourcePort destinationPort CRLF`, or `PROXY UNKNOWN` and anything.
    private static func parseText(_ input: Span<UInt8>) throws(ProxyHeaderError) -> ProxyHeader? {
        var end = textSignature.count
        while end < input.count, input[end] != ASCII.lineFeed {
            guard end < maxTextBytes else { throw .tooLong }
            end += 1
        }
        guard end < input.count else { return nil }
        guard end < maxTextBytes else { throw .tooLong }
        guard end > 0, input[end - 1] == ASCII.carriageReturn else { throw .malformed }
        let line = String(copying: input.extracting(0..<end - 1))
        let parts = line.split(separator: " ", omittingEmptySubsequences: false)
        if parts.count >= 2, parts[1] == "UNKNOWN" { return ProxyHeader(byteCount: end + 1, source: nil) }
        guard parts.count == 6, parts[1] == "TCP4" || parts[1] == "TCP6", let port = Self.port(parts[4]),
            Self.port(parts[5]) != nil, !parts[2].isEmpty, !parts[3].isEmpty,
            parts[2...3].allSatisfy({ $0.utf8.contains(ASCII.colon) == (parts[1] == "TCP6") })
        else { throw .malformed }
        return ProxyHeader(byteCount: end + 1, source: .text(String(parts[2]), port: port))
    }

    private static func port(_ text: Substring) -> UInt16? {
        let digits = text.utf8.allSatisfy { ASCII.isDigit($0) }
        let hasLeadingZero = text.count > 1 && text.hasPrefix("0")
        return digits && !hasLeadingZero ? UInt16(text) : nil
    }
}
