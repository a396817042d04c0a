/// What the fields of a head say about the message's end and the connection's (RFC 9112 §6, §9.3).
///
/// Strict on purpose: request smuggling lives where two parsers find different ends of one message. One Content-Length of
/// digits only, or one Transfer-Encoding that is exactly `chunked`; never both; neither named in Connection.
struct FramingFields: Sendable {
    /// How many options all Connection fields may have together; bounds the work of removing the fields they name.
    static let maxConnectionOptions = 32

    private(set) var contentLength: UInt64?
    private(set) var isChunked = false
    private(set) var hasClose = false
    private(set) var hasKeepAlive = false
    private(set) var hasUpgrade = false
    private var connectionOptions = 0

    mutating func noteContentLength(_ value: Span<UInt8>) throws(HTTP1Error) {
        guard contentLength == nil else { throw .repeatedContentLength }
        guard !value.isEmpty else { throw .invalidContentLength }
        var length: UInt64 = 0
        var overflows = false
        for offset in value.indices {
            guard ASCII.isDigit(value[offset]) else { throw .invalidContentLength }
            let tenfold = length.multipliedReportingOverflow(by: 10)
            let sum = tenfold.partialValue.addingReportingOverflow(UInt64(value[offset] - ASCII.zero))
            overflows = overflows || tenfold.overflow || sum.overflow
            length = sum.partialValue
        }
        guard !overflows else { throw .contentLengthOverflow }
        contentLength = length
    }

    mutating func noteTransferEncoding(_ value: Span<UInt8>) throws(HTTP1Error) {
        guard !isChunked else { throw .repeatedTransferEncoding }
        guard ByteScan.equalIgnoringCase(value, "chunked") else { throw refusal(ofTransferEncoding: value) }
        isChunked = true
    }

    mutating func noteConnection(_ value: Span<UInt8>) throws(HTTP1Error) {
        try FieldRules.forEachListMember(of: value) { option throws(HTTP1Error) in
            connectionOptions += 1
            guard connectionOptions <= Self.maxConnectionOptions else { throw .tooManyConnectionOptions }
            guard ByteScan.isToken(option) else { throw .invalidConnection }
            guard !KnownField.isFraming(option) else { throw .framingFieldInConnection }
            if ByteScan.equalIgnoringCase(option, "close") { hasClose = true }
            if ByteScan.equalIgnoringCase(option, "keep-alive") { hasKeepAlive = true }
            if ByteScan.equalIgnoringCase(option, "upgrade") { hasUpgrade = true }
        }
    }

    func keepsAlive(_ version: HTTPVersion) -> Bool {
        !hasClose && (version != .http10 || hasKeepAlive)
    }

    /// What the two framing fields say together; nil when there is neither.
    func framing(_ version: HTTPVersion) throws(HTTP1Error) -> BodyFraming? {
        guard isChunked else { return contentLength.map(BodyFraming.length) }
        guard version != .http10 else { throw .transferEncodingInHTTP10 }
        guard contentLength == nil else { throw .contentLengthWithTransferEncoding }
        return .chunked
    }

    /// A list of codings that ends with `chunked` is well-formed but more than we speak: 501 (RFC 9112 §6.1). Anything
    /// else leaves the message's end open: 400 (§6.3).
    private func refusal(ofTransferEncoding value: Span<UInt8>) -> HTTP1Error {
        var members = 0
        var chunkedMembers = 0
        var endsWithChunked = false
        var allTokens = true
        FieldRules.forEachListMember(of: value) { member in
            members += 1
            endsWithChunked = ByteScan.equalIgnoringCase(member, "chunked")
            if endsWithChunked { chunkedMembers += 1 }
            allTokens = allTokens && ByteScan.isToken(member)
        }
        let isWellFormed = allTokens && endsWithChunked && chunkedMembers == 1 && members > 1
        return isWellFormed ? .unsupportedTransferCoding : .invalidTransferEncoding
    }
}
