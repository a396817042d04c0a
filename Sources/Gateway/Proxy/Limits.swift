/// Every bound the data plane keeps. Sizes are bytes, times are milliseconds.
///
/// Memory of one worker stays below
///
///     connectionsPerWorker × 64 KB  +  heldBytesPerWorker  +  what endpoints send ahead
///
/// The first is what a connection costs by itself (TLS session 20 KB while it reads, HTTP/2 session with HPACK tables
/// 20 KB, one read that waits for more). The second counts every request under way (8 KB and its head) and every byte of a
/// body that is kept because the other side is slower; above it new requests get 503, and HTTP/2 streams REFUSED_STREAM.
/// Not in it, and only for a client that stalls while it goes on asking: the heads of answers that wait on an HTTP/2
/// connection (`HTTP2Session.mostPendingBytes`, 4 MB with these defaults); `writeTimeout` ends that.
/// The third is one read (64 KB) for each HTTP/1.1 connection to an endpoint, and the window (8 MB) of each of HTTP/2.
public struct Limits: Sendable, Equatable {
    /// The longest request line of HTTP/1.1. Longer: 414.
    public var requestLineBytes = 8192
    /// The longest field section, names and values and 32 a field (RFC 9113 §6.5.2). Longer: 431.
    public var headerBytes = 32768
    /// The most field lines of a request. More: 431.
    public var headerFields = 100
    /// The largest request body. Larger: 413. Tunnels and gRPC streams have none: they are conversations without an end
    /// that could be told beforehand, nothing of them is kept, and silence and pace bound them.
    public var requestBodyBytes: UInt64 = 10 << 20
    /// From accept to the end of the TLS handshake, a PROXY header included. Then the connection is closed.
    public var handshakeTimeout = 10_000
    /// From the first byte (or from the handshake's end, for a new connection) to the end of the head: 408.
    public var requestHeadTimeout = 10_000
    /// The longest pause between two pieces of a request's body: 408.
    public var requestBodyTimeout = 15_000
    /// Bytes a second that a request's body must come with, on average, once `requestBodyTimeout` has passed: 408. Time in
    /// which the gateway held the client back does not count. 0: no such bound.
    public var requestBodyRate = 1_024
    /// How long a request whose body comes slowly waits, so that it need not hold an endpoint's connection: until the body
    /// is in, or half of `bodyBufferBytes`, or this time has passed and fewer than `slowBodiesPerWorker` wait so.
    public var bodyGatheringTime = 100
    /// Requests of one worker that may hold an endpoint's connection while their bodies come slowly.
    public var slowBodiesPerWorker = 64
    /// How long an idle keep-alive connection of a client is kept.
    public var clientIdleTimeout = 75_000
    /// How long a request waits for its token's verification: 503.
    public var verificationTimeout = 2_000
    /// The longest a client may take to accept the next piece of a response; then its connection is closed.
    public var clientWriteTimeout = 30_000
    /// Connections of clients that one worker holds, or fewer when the process may not have as many descriptors open; at
    /// this number those that were never used or are long idle are closed, or else it stops accepting until one closes.
    public var connectionsPerWorker = 16_384
    /// Connections of one client (an IPv4 address, an IPv6 /64) to one worker; more are closed at once.
    public var connectionsPerClient = 12_288
    /// Bytes that one worker keeps for requests under way; see above.
    public var heldBytesPerWorker = 256 << 20
    /// Streams that one HTTP/2 client may have open (SETTINGS_MAX_CONCURRENT_STREAMS).
    public var concurrentStreams: UInt32 = 128
    /// Bytes of one body in one direction that are kept while the other side is slower. Also the HTTP/2 stream window.
    public var bodyBufferBytes = 65_536
    /// Tokens that one worker remembers as verified.
    public var verifiedTokens = 16_384
    /// Requests of one worker that may wait for a token's verification; more: 503.
    public var pendingVerifications = 4_096
    /// The same of one client, so that one who sends tokens without end leaves room for others.
    public var pendingVerificationsPerClient = 256
    /// Requests of one connection whose tokens are verified at a time; the others wait their turn, which counts in
    /// `verificationTimeout`.
    public var verificationsPerConnection = 16
    /// Tokens that one worker remembers as refused, for some seconds.
    public var refusedTokens = 4_096
    /// Of a million requests that bring no trace context, how many are marked as sampled for the backends.
    public var tracedPerMillion = 10_000
    /// How long a drain waits for what is in flight.
    public var drainTimeout = 30_000

    public init() {}
}
