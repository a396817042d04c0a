/// How large a head may be. Whoever sends more is refused with 414 or 431.
public struct HTTP1Limits: Sendable, Equatable {
    /// Bytes of the request line or status line, without its CRLF. Default 8,192 (RFC 9112 §3 asks for 8,000).
    public var maxStartLineBytes: Int
    /// Bytes of all field lines together, each with its CRLF. Default 32,768.
    public var maxHeaderBytes: Int
    /// Field lines. Default 100.
    public var maxFieldCount: Int

    /// - Precondition: no limit is negative or above 16 MiB.
    public init(maxStartLineBytes: Int = 8192, maxHeaderBytes: Int = 32_768, maxFieldCount: Int = 100) {
        let range = 0...(1 << 24)
        precondition(
            range.contains(maxStartLineBytes) && range.contains(maxHeaderBytes) && range.contains(maxFieldCount),
            "a limit of an HTTP/1.1 head lies between 0 and 16 MiB")
        self.maxStartLineBytes = maxStartLineBytes
        self.maxHeaderBytes = maxHeaderBytes
        self.maxFieldCount = maxFieldCount
    }
}
