/// Decides when an HTTP/1.1 pool opens a connection before a request needs it, so that a load that rises does not wait for
/// one handshake after the other.
///
/// The rule: all connections are busy, which is what a rise looks like, and with at least two requests: one client that asks
/// one thing at a time does not cost an endpoint a second connection. At most one is opened ahead at a time, and none above
/// the pool's limit. One that is not needed after all ends by the idle time, as others do.
public enum EarlyConnection {
    /// - Parameters:
    ///   - requests: under way at the endpoint, the one that was just begun included.
    ///   - idle: connections that wait for a request.
    ///   - opening: connections that are being opened, for a request or ahead.
    ///   - open: all of them.
    ///   - maximum: how many the pool may have.
    public static func isWanted(requests: Int, idle: Int, opening: Int, open: Int, maximum: Int) -> Bool {
        requests >= 2 && idle == 0 && opening == 0 && open < maximum
    }
}
