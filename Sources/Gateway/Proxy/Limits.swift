/// Every bound the data plane keeps. Sizes are bytes, times are milliseconds.
public struct Limits: Sendable, Equatable {
    /// The longest request line of HTTP/1.1. Longer: 414.
    public var requestLineBytes = 8192
    /// The longest field section, names and values and 32 a field (RFC 9113 §6.5.2). Longer: 431.
    public var headerBytes = 32768
    /// The most field lines of a request. More: 431.
    public var headerFields = 100
    /// The largest request body. Larger: 413.
    public var requestBodyBytes: UInt64 = 10 << 20
    /// From the first byte (or from accept, for a new connection, TLS handshake included) to the end of the head: 408.
    public var requestHeadTimeout = 10_000
    /// The longest pause between two pieces of a request's body: 408.
    public var requestBodyTimeout = 15_000
    /// How long an idle keep-alive connection of a client is kept.
    public var clientIdleTimeout = 75_000
    /// How long a request waits for its token's verification: 503.
    public var verificationTimeout = 2_000
    /// The longest a client may take to accept the next piece of a response; then its connection is closed.
    public var clientWriteTimeout = 30_000
    /// Connections of clients that one worker holds; at this number it stops accepting until one closes.
    public var connectionsPerWorker = 16_384
    /// Streams that one HTTP/2 client may have open (SETTINGS_MAX_CONCURRENT_STREAMS).
    public var concurrentStreams: UInt32 = 128
    /// Bytes of one body in one direction that are kept while the other side is slower. Also the HTTP/2 stream window.
    public var bodyBufferBytes = 65_536
    /// Tokens that one worker remembers as verified.
    public var verifiedTokens = 16_384
    /// Requests of one worker that may wait for a token's verification; more: 503.
    public var pendingVerifications = 4_096
    /// How long a drain waits for what is in flight.
    public var drainTimeout = 30_000

    public init() {}
}
