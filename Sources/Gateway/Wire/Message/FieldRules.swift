/// What RFC 9110 and RFC 9112 say about field names and values.
public enum FieldRules {
    /// Whether `bytes` is a `token` (RFC 9110 §5.6.2): at least one byte, all of them `tchar`.
    public static func isToken(_ bytes: Span<UInt8>) -> Bool { ByteScan.isToken(bytes) }

    /// Whether `bytes` may stand as a field value (RFC 9110 §5.5): no control byte but HTAB, no whitespace at either
    /// end. Bytes from 0x80 (`obs-text`) are allowed, an empty value too.
    public static func isFieldValue(_ bytes: Span<UInt8>) -> Bool {
        hasNoControl(bytes) && ByteScan.trimmed(bytes, 0..<bytes.count).count == bytes.count
    }

    /// Whether there is a space, a tab or another control byte among `bytes`.
    public static func hasWhitespaceOrControl(_ bytes: Span<UInt8>) -> Bool {
        ByteScan.hasSpaceOrControl(bytes)
    }

    /// Whether `bytes` has no control byte but HTAB.
    static func hasNoControl(_ bytes: Span<UInt8>) -> Bool { !ByteScan.hasControl(bytes) }

    /// Whether a proxy keeps the field of this lower-case name to itself (RFC 9110 §7.6.1, and the proxy fields of
    /// §11.7). Names in a Connection field come on top; `removeHopByHopFields` knows both.
    public static func isHopByHop(_ name: Span<UInt8>) -> Bool {
        switch name.count {
        case 2: ByteScan.equal(name, "te")
        case 7: ByteScan.equal(name, "upgrade")
        case 10: ByteScan.equal(name, "connection") || ByteScan.equal(name, "keep-alive")
        case 16: ByteScan.equal(name, "proxy-connection")
        case 17: ByteScan.equal(name, "transfer-encoding")
        case 18: ByteScan.equal(name, "proxy-authenticate")
        case 19: ByteScan.equal(name, "proxy-authorization")
        case 25: ByteScan.equal(name, "proxy-authentication-info")
        default: false
        }
    }

    /// Whether a trailer section must not carry the field of this lower-case name (RFC 9110 §6.5.1): framing, routing,
    /// request modifiers, authentication and content description, whose late arrival would change what was decided.
    public static func isForbiddenInTrailer(_ name: Span<UInt8>) -> Bool {
        if isHopByHop(name) { return true }
        return switch name.count {
        case 3: ByteScan.equal(name, "age")
        case 4: ByteScan.equal(name, "host") || ByteScan.equal(name, "date") || ByteScan.equal(name, "vary")
        case 5: ByteScan.equal(name, "range")
        case 6: ByteScan.equal(name, "expect") || ByteScan.equal(name, "pragma") || ByteScan.equal(name, "cookie")
        case 7: ByteScan.equal(name, "trailer") || ByteScan.equal(name, "expires")
        case 8: ByteScan.equal(name, "location") || ByteScan.equal(name, "if-match") || ByteScan.equal(name, "if-range")
        case 9: ByteScan.equal(name, "forwarded")
        case 10: ByteScan.equal(name, "set-cookie")
        case 11: ByteScan.equal(name, "retry-after")
        case 12: ByteScan.equal(name, "content-type") || ByteScan.equal(name, "max-forwards")
        case 13:
            ByteScan.equal(name, "authorization") || ByteScan.equal(name, "cache-control")
                || ByteScan.equal(name, "if-none-match") || ByteScan.equal(name, "content-range")
        case 14: ByteScan.equal(name, "content-length")
        case 16: ByteScan.equal(name, "content-encoding") || ByteScan.equal(name, "www-authenticate")
        case 17: ByteScan.equal(name, "if-modified-since")
        case 19: ByteScan.equal(name, "if-unmodified-since") || ByteScan.equal(name, "authentication-info")
        default: false
        }
    }

    /// Visits the members of a comma-separated list (RFC 9110 §5.6.1) without the whitespace around them. Empty members
    /// are skipped, as a recipient must. Commas in quoted strings split too: use it for lists of tokens only.
    public static func forEachListMember<E: Error>(
        of value: Span<UInt8>, _ body: (Span<UInt8>) throws(E) -> Void
    ) throws(E) {
        var start = 0
        while start < value.count {
            let end = ByteScan.first(ASCII.comma, in: value, from: start) ?? value.count
            let member = ByteScan.trimmed(value, start..<end)
            if !member.isEmpty { try body(value.extracting(member)) }
            start = end + 1
        }
    }

    /// Compares byte for byte.
    public static func equals(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool { ByteScan.equal(left, right) }

    /// Compares without regard to the case of ASCII letters.
    public static func equalsIgnoringCase(_ bytes: Span<UInt8>, _ text: StaticString) -> Bool {
        ByteScan.equalIgnoringCase(bytes, text)
    }

    public static func equalsIgnoringCase(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        ByteScan.equalIgnoringCase(left, right)
    }
}
