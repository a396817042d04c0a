/// Why a head cannot be written. Nothing of it is on the wire then.
public enum EncodingError: String, Error, Sendable, Equatable {
    case invalidMethod
    case invalidTarget
    /// Empty, or with bytes that no authority has. HTTP/1.1 needs a Host (RFC 9112 §3.2).
    case invalidAuthority
    /// Outside 100 to 599, or not 1xx where only 1xx may stand.
    case invalidStatus
    case invalidFieldName
    /// A control byte: the value would end the line, or the head.
    case invalidFieldValue
    /// HTTP/1.0 knows no chunks; close the connection instead (`untilClose`).
    case chunkedToHTTP10
    /// A request cannot end with its connection.
    case unsupportedFraming
}

/// Writes HTTP/1.1 messages (RFC 9112).
///
/// The encoder alone writes what frames the message and the connection: `host` from the authority, `content-length` and
/// `transfer-encoding` from `framing`, `connection` from `keepAlive`; fields of these names in the head are skipped.
/// Every other field is written as it is, so hop-by-hop fields are to be removed before
/// (`HeaderBlock.removeHopByHopFields`). Whatever the head's origin, bytes that could end a line are refused.
///
/// All functions append. When one throws, `output` is as it was.
public enum HTTP1Encoder {
    /// Writes a request head.
    ///
    /// Framing `none` means no content: POST, PUT and PATCH then say `content-length: 0` (RFC 9110 §8.6). A `te` field is
    /// announced in `connection`, as RFC 9110 §10.1.4 demands.
    public static func requestHead(
        _ head: borrowing RequestHead, into output: inout [UInt8]
    ) throws(EncodingError) {
        guard head.framing != .untilClose else { throw .unsupportedFraming }
        guard head.withMethod(ByteScan.isToken) else { throw .invalidMethod }
        guard head.withTarget(ByteScan.isVisible) else { throw .invalidTarget }
        guard head.withAuthority(ByteScan.isVisible) else { throw .invalidAuthority }
        let saysNoContent =
            head.framing == .none && (head.methodIs("POST") || head.methodIs("PUT") || head.methodIs("PATCH"))
        try output.append(reserving: capacity(for: head.headers)) { writer throws(EncodingError) in
            head.withMethod { writer.append(bytes: $0) }
            writer.append(ASCII.space)
            head.withTarget { writer.append(bytes: $0) }
            writer.append(literal: " HTTP/1.1\r\nhost: ")
            head.withAuthority { writer.append(bytes: $0) }
            writer.append(literal: "\r\n")
            let announcesTE = head.headers.contains("te")
            switch (head.keepAlive, announcesTE) {
            case (_, true) where head.wantsUpgrade: writer.append(literal: "connection: te, upgrade\r\n")
            case (_, false) where head.wantsUpgrade: writer.append(literal: "connection: upgrade\r\n")
            case (true, false): break
            case (true, true): writer.append(literal: "connection: te\r\n")
            case (false, false): writer.append(literal: "connection: close\r\n")
            case (false, true): writer.append(literal: "connection: close, te\r\n")
            }
            writer.append(framing: saysNoContent ? .length(0) : head.framing)
            try writer.append(fields: head.headers, keepsContentLength: false)
            writer.append(literal: "\r\n")
        }
    }

    /// Writes a response head.
    ///
    /// Framing `none` means that the client knows from the request or the status that no content follows: HEAD, 1xx, 204,
    /// 304. A `content-length` field is then passed on, except in 1xx and 204, which must not have one (RFC 9110 §8.6).
    ///
    /// - Parameter client: the version of the request. HTTP/1.0 is told `keep-alive` when the connection lives on, and
    ///   cannot read chunks.
    public static func responseHead(
        _ head: borrowing ResponseHead, to client: HTTPVersion = .http11, into output: inout [UInt8]
    ) throws(EncodingError) {
        let status = head.status
        guard (100...599).contains(status) else { throw .invalidStatus }
        guard client != .http10 || head.framing != .chunked else { throw .chunkedToHTTP10 }
        let isBare = status < 200 || status == 204
        try output.append(reserving: capacity(for: head.headers)) { writer throws(EncodingError) in
            writer.append(statusLine: status)
            if status == 101 {
                writer.append(literal: "connection: upgrade\r\n")
            } else if !head.keepAlive {
                writer.append(literal: "connection: close\r\n")
            } else if client == .http10 {
                writer.append(literal: "connection: keep-alive\r\n")
            }
            writer.append(framing: head.framing)
            try writer.append(fields: head.headers, keepsContentLength: head.framing == .none && !isBare)
            writer.append(literal: "\r\n")
        }
    }

    /// Writes an interim response without fields, such as `100 Continue` (RFC 9110 §15.2).
    public static func informational(_ status: UInt16, into output: inout [UInt8]) throws(EncodingError) {
        guard (100...199).contains(status) else { throw .invalidStatus }
        output.append(reserving: 64) { writer in
            writer.append(statusLine: status)
            writer.append(literal: "\r\n")
        }
    }

    /// Writes one chunk. Nothing for no bytes, since an empty chunk ends the content.
    public static func chunk(_ bytes: Span<UInt8>, into output: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        output.append(reserving: bytes.count + 20) { writer in
            writer.append(hex: UInt64(bytes.count))
            writer.append(literal: "\r\n")
            writer.append(bytes: bytes)
            writer.append(literal: "\r\n")
        }
    }

    /// Writes the end of chunked content, without trailers.
    public static func lastChunk(into output: inout [UInt8]) {
        output.append(contentsOf: [ASCII.zero, 0x0D, 0x0A, 0x0D, 0x0A])
    }

    /// Writes the end of chunked content with these trailer fields.
    public static func lastChunk(
        trailers: borrowing HeaderBlock, into output: inout [UInt8]
    ) throws(EncodingError) {
        try output.append(reserving: capacity(for: trailers)) { writer throws(EncodingError) in
            writer.append(literal: "0\r\n")
            try writer.append(fields: trailers, keepsContentLength: false)
            writer.append(literal: "\r\n")
        }
    }

    // MARK: - Private

    /// An upper bound of what a head takes: all of the arena, and what the encoder adds.
    private static func capacity(for headers: borrowing HeaderBlock) -> Int { headers.bytes.count + 160 }
}
