import Wire

/// Bearer tokens in requests (RFC 6750 §2.1).
extension HeaderBlock {
    /// Whether any field says `Bearer`, well or badly: then it is a token that is meant.
    var meansBearerToken: Bool {
        for index in indices where !isRemoved(at: index) && nameEquals(at: index, "authorization") {
            let isBearer = withValue(at: index) { value in
                value.count >= 6 && FieldRules.equalsIgnoringCase(value.extracting(0..<6), "bearer")
            }
            if isBearer { return true }
        }
        return false
    }

    /// Nil when there is not exactly one `Authorization` field with the scheme `Bearer` and one token.
    func withBearerToken<R>(_ body: (Span<UInt8>) -> R) -> R? {
        guard count(of: "authorization") == 1 else { return nil }
        let found: R?? = withValue(of: "authorization") { value -> R? in
            guard value.count > 7, value[6] == UInt8(ascii: " "),
                FieldRules.equalsIgnoringCase(value.extracting(0..<6), "bearer")
            else { return nil }
            var start = 7
            while start < value.count && value[start] == UInt8(ascii: " ") { start += 1 }
            guard start < value.count else { return nil }
            let token = value.extracting(start..<value.count)
            return FieldRules.hasWhitespaceOrControl(token) ? nil : body(token)
        }
        return found ?? nil
    }
}
