extension FieldRules {
    /// Whether `bytes` may stand as a field name in HTTP/2: a token (RFC 9110 §5.6.2) in lower case (RFC 9113 §8.2.1),
    /// perhaps behind the colon of a pseudo-field (§8.3).
    static func isHTTP2Name(_ bytes: Span<UInt8>) -> Bool {
        let start = !bytes.isEmpty && bytes[0] == ASCII.colon ? 1 : 0
        guard start < bytes.count else { return false }
        for offset in start..<bytes.count where !ByteSet.lowercaseToken.contains(bytes[offset]) { return false }
        return true
    }
}

extension ByteSet {
    /// `tchar` without upper-case letters.
    @inline(__always)
    static var lowercaseToken: ByteSet { ByteSet(low: token.low, high: token.high & ~0x07FF_FFFE) }
}
