import Wire

/// Bearer tokens in requests (RFC 6750 §2.1).
extension HeaderBlock {
    /// Whether any field says `Bearer`, well or badly: then it is a token that is meant.
    var meansBearerToken: Bool {
        for index in indices where !isRemoved(at: index) && nameEquals(at: index, "authorization") {
            let isBearer = withValue(at: index) { $0.count >= 6 && Self.isBearer($0) }
            if isBearer { return true }
        }
        return false
    }

    /// Nil when there is not exactly one `Authorization` field with the scheme `Bearer` and one token.
    func withBearerToken<R>(_ body: (Span<UInt8>) -> R) -> R? {
        let found: R?? = withBearerCredentials { FieldRules.hasWhitespaceOrControl($0) ? nil : body($0) }
        return found ?? nil
    }

    /// As above, but what follows the scheme may be no token: for who knows all tokens that are good.
    func withBearerCredentials<R>(_ body: (Span<UInt8>) -> R) -> R? {
        var only: Int?
        for index in indices where nameEquals(at: index, "authorization") && !isRemoved(at: index) {
            if only != nil { return nil }
            only = index
        }
        guard let only else { return nil }
        return withValue(at: only) { value -> R? in
            guard value.count > 7, value[6] == UInt8(ascii: " "), Self.isBearer(value) else { return nil }
            var start = 7
            while start < value.count && value[start] == UInt8(ascii: " ") { start += 1 }
            guard start < value.count else { return nil }
            return body(value.extracting(start..<value.count))
        }
    }

    /// Whether the first six bytes are the scheme, which nearly everybody writes like this.
    private static func isBearer(_ value: Span<UInt8>) -> Bool {
        if value[0] == UInt8(ascii: "B"), value[1] == UInt8(ascii: "e"), value[2] == UInt8(ascii: "a"),
            value[3] == UInt8(ascii: "r"), value[4] == UInt8(ascii: "e"), value[5] == UInt8(ascii: "r")
        {
            return true
        }
        return FieldRules.equalsIgnoringCase(value.extracting(0..<6), "bearer")
    }
}
