/// What the encoder does with a field that the static table does not hold whole.
enum HPACKIndexing: UInt8, BitwiseCopyable {
    /// Into the dynamic table, when the same field comes a second time.
    case whenRepeated
    /// A literal without indexing (RFC 7541 §6.2.2): the next one is another.
    case never
    /// A never-indexed literal (§6.2.3, §7.1.3): no intermediary may put it in a table either.
    case neverAnywhere

    init(of name: HPACKName) {
        switch name {
        case .authorization, .proxyAuthorization, .xAPIKey: self = .neverAnywhere
        case .path, .age, .contentLength, .contentRange, .date, .etag, .expires, .ifMatch, .ifModifiedSince,
            .ifNoneMatch, .ifRange, .ifUnmodifiedSince, .lastModified, .location, .range, .setCookie, .xRequestId,
            .traceparent, .tracestate, .idempotencyKey:
            self = .never
        default: self = .whenRepeated
        }
    }
}
