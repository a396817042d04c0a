/// What a session asks of the connection it belongs to. Held by the session until `terminate`.
public protocol HTTP2SessionDelegate: AnyObject {
    /// Server: the object for a stream that a client just opened.
    func makeStream() -> HTTP2Stream
    /// There is something to send: call `produce` soon.
    func sessionHasOutput()
    /// The other side takes no new streams (GOAWAY, RFC 9113 §6.8).
    func sessionIsGoingAway()
    /// The other side's limits are known, or changed (SETTINGS, RFC 9113 §6.5). Nothing needs to be done.
    func sessionReceivedSettings()
}

extension HTTP2SessionDelegate {
    public func sessionReceivedSettings() {}
}

public struct HTTP2SessionSettings: Sendable {
    public var concurrentStreams: UInt32 = 128
    /// Bytes of one stream's body that may be under way unread.
    public var streamWindow: UInt32 = 65_535
    /// The same for the whole connection; never less than RFC 9113's 65,535.
    public var connectionWindow: Int32 = 1 << 20
    public var headerBytes = 32_768
    public var headerFields = 100
    /// Client: requests say `:scheme` https instead of http.
    public var isSecure = false

    public init() {}
}
