/// What a policy says of the clients of the whole process. Nil: the data plane's own default.
///
/// Sizes are bytes, times are milliseconds.
public struct ClientSettings: Sendable, Hashable {
    /// The longest request line of HTTP/1.1. Longer: 414.
    public var requestLineBytes: Int?
    /// The longest field section, names and values and 32 a field (RFC 9113 §6.5.2). Longer: 431.
    public var headerBytes: Int?
    /// The most field lines of a request. More: 431.
    public var headerFields: Int?
    /// The largest request body. Larger: 413.
    public var requestBodyBytes: Int?
    /// From accept to the end of the TLS handshake, a PROXY header included. Then the connection is closed.
    public var handshakeMilliseconds: Int?
    /// From a request's first byte to the end of its head: 408.
    public var requestHeadMilliseconds: Int?
    /// The longest pause between two pieces of a request's body: 408.
    public var requestBodyMilliseconds: Int?
    /// Bytes a second that a request's body must come with on average: 408. 0: no such bound.
    public var requestBodyRate: Int?
    /// How long an idle keep-alive connection is kept.
    public var idleMilliseconds: Int?
    /// The longest a client may take to accept the next piece of a response.
    public var writeMilliseconds: Int?
    /// Connections that one worker holds; at this number it stops accepting until one closes.
    public var connectionsPerWorker: Int?
    /// Connections of one client (an IPv4 address, an IPv6 /64) to one worker; more are closed at once.
    public var connectionsPerClient: Int?
    /// Bytes that one worker keeps for requests under way; above it new ones get 503.
    public var heldBytesPerWorker: Int?
    /// Streams that one HTTP/2 client may have open.
    public var concurrentStreams: Int?
    /// Bytes of one body in one direction that are kept while the other side is slower.
    public var bodyBufferBytes: Int?
    /// Address blocks of proxies in front that are believed when they say in `X-Forwarded-For` who the client is.
    public var trustedProxies: [String]?

    public init() {}
}
